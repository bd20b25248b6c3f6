"""The draws of one hop, asked for at the owners of parts and put together again."""

import numpy as np
import pytest

from distgnn.exceptions import ArgumentError
from distgnn.samplers import DrawRule, HopAssembler, HopDrawer, NeighborSampler
from distgnn.samplers.hop import DrawnEdges
from distgnn.testing.graphs import CITES, papers
from tests.samplers.graphs import BUYS, ITEM, LIKE, NODE, SOLD_TO, TO, USER, global_ids


def ask_owners(graph, drawers, edge_type, ids, **request):
    """Send each id to the drawer of its part; return the answers in the order of the ids."""
    owners = graph.owner(edge_type[2], ids)
    picks = [(np.empty(0, np.int64), np.empty(0, np.int64))] * len(ids)
    for part, drawer in enumerate(drawers):
        mine = np.flatnonzero(owners == part)
        found = drawer.draw(edge_type, ids[mine], **request)
        bounds = np.cumsum(found.num_picks)[:-1]
        answers = zip(
            np.split(found.sources, bounds), np.split(found.position, bounds), strict=True
        )
        for at, answer in zip(mine, answers, strict=False):
            picks[at] = answer
    return DrawnEdges(
        num_picks=np.array([len(sources) for sources, _ in picks], np.int64),
        sources=np.concatenate([sources for sources, _ in picks]),
        position=np.concatenate([position for _, position in picks]),
    )


def by_owners(graph, seeds, fanouts, rule, *, epoch, batch, seed):
    drawers = [HopDrawer(graph, rule, seed=seed, parts=[part]) for part in range(graph.num_parts)]
    assembler = HopAssembler(graph.schema, fanouts, seeds, epoch=epoch, batch=batch)
    for hop in range(len(next(iter(fanouts.values())))):
        for edge_type in assembler.edge_types:
            drawn = ask_owners(
                graph, drawers, edge_type, assembler.frontier(edge_type[2]),
                fanout=fanouts[edge_type][hop], epoch=epoch, batch=batch,
            )  # fmt: skip
            assembler.add(edge_type, drawn)
        assembler.end_hop()
    return assembler.subgraph()


def assert_same(found, expected):
    for name, nodes in expected.nodes.items():
        assert np.array_equal(found.nodes[name], nodes)
    assert found.num_nodes_per_hop == expected.num_nodes_per_hop
    assert list(found.edges) == list(expected.edges)
    for name, edges in expected.edges.items():
        assert np.array_equal(found.edges[name].indptr, edges.indptr)
        assert np.array_equal(found.edges[name].indices, edges.indices)
        assert np.array_equal(found.edges[name].position, edges.position)
        assert found.edges[name].num_per_hop == edges.num_per_hop
    assert (found.epoch, found.batch) == (expected.epoch, expected.batch)


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("fanouts", [[4, 3, 2], [-1, 40]])
@pytest.mark.usefixtures("_every_memory")
def test_owners_draw_what_the_sampler_draws(one_type_parts, fanouts, replace):
    graph = one_type_parts[8]
    seeds = global_ids(graph, NODE, [5, 0, 199, 17, 44])
    sampler = NeighborSampler(graph, fanouts, seed=3, replace=replace)
    expected = sampler.sample(seeds, epoch=2, batch=7)
    rule = DrawRule(replace=replace)
    found = by_owners(graph, {NODE: seeds}, {TO: fanouts}, rule, epoch=2, batch=7, seed=3)
    assert_same(found, expected)


def test_owners_draw_what_the_sampler_draws_of_several_types(two_type_parts):
    graph = two_type_parts[8]
    seeds = {USER: global_ids(graph, USER, [3, 1]), ITEM: global_ids(graph, ITEM, [7])}
    fanouts = {SOLD_TO: [2, 2, 3], LIKE: [4, 1, -1], BUYS: [3, 2, 2]}
    expected = NeighborSampler(graph, fanouts).sample(seeds, epoch=0, batch=1)
    found = by_owners(graph, seeds, fanouts, DrawRule(), epoch=0, batch=1, seed=0)
    assert_same(found, expected)


def test_draws_for_nodes_of_a_hand_made_graph(papers_graph):
    found = HopDrawer(papers_graph).draw(CITES, np.array([4, 2, 0]), fanout=-1, epoch=0, batch=0)
    assert found.num_picks.tolist() == [2, 0, 1]
    assert found.sources.tolist() == [0, 5, 3]
    assert found.position.tolist() == [6, 7, 0]
    assert found.weight is None


@pytest.mark.parametrize("in_memory", [False, True])
def test_only_the_files_of_open_parts_are_read(tmp_path, in_memory):
    graph = papers().write(tmp_path / "papers")
    drawer = HopDrawer(graph, parts=[1], in_memory=in_memory)
    (tmp_path / "papers" / "part-00000" / "edges" / "paper__cites__paper.arrow").unlink()
    found = drawer.draw(CITES, np.array([4]), fanout=5, epoch=0, batch=0)
    assert found.position.tolist() == [6, 7]
    with pytest.raises(ArgumentError, match="node 1 belongs to part 0, which is not open here"):
        drawer.draw(CITES, np.array([4, 1]), fanout=5, epoch=0, batch=0)


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"fanout": 0}, "a fanout must be at least 1, or -1 for all neighbours, got 0"),
        ({"ids": [1]}, "ids must be a numpy array int64"),
        ({"ids": np.array([6])}, "ids hold 6 at place 0, outside the ids 0 to 5"),
        ({"edge_type": ("paper", "cite", "paper")}, "did you mean 'paper__cites__paper'"),
        ({"epoch": -1}, "epoch must be a whole number, at least 0"),
    ],
)
def test_requests_are_checked(papers_graph, request_, message):
    whole = {"edge_type": CITES, "ids": np.array([0]), "fanout": 1, "epoch": 0, "batch": 0}
    whole |= request_
    with pytest.raises(ArgumentError, match=message):
        HopDrawer(papers_graph).draw(whole.pop("edge_type"), whole.pop("ids"), **whole)


def test_a_part_that_is_not_there(papers_graph):
    with pytest.raises(ArgumentError, match=r"parts \[2\] are asked for: they must be in 0 to 1"):
        HopDrawer(papers_graph, parts=[2])
