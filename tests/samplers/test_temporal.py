"""Draws in the past of each seed, against lists written out and a slow reference."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from distgnn.exceptions import ArgumentError, ShardCorruptError
from distgnn.samplers import TemporalSampler
from distgnn.samplers._kernels import Times
from distgnn.samplers.topology import topology
from distgnn.testing.graphs import BY, CITES, WRITES
from tests.samplers.graphs import NODE, TO, global_ids, in_parts, one_type, raw_graph, with_columns


def star(folder, edge_time=None, node_time=None):
    """Make a graph of nodes 1, 2, ... that point to node 0, at these times."""
    count = len(edge_time if edge_time is not None else node_time) - (edge_time is None)
    ends = np.stack([np.arange(1, 1 + count), np.zeros(count, np.int64)])
    raw = with_columns(
        raw_graph({NODE: count + 1}, {TO: ends}),
        edge_time={} if edge_time is None else {TO: edge_time},
        node_time={} if node_time is None else {NODE: node_time},
    )
    return in_parts(raw, 1, folder)


def drawn(graph, fanout, time, *, batch=0, **options):
    """Return the edges that are drawn for row 0 as of `time`."""
    sampler = TemporalSampler(graph, [fanout], **options)
    seeds = global_ids(graph, NODE, [0])
    found = sampler.sample(seeds, epoch=0, batch=batch, times=np.array([time]))
    return sampler.edge_ids(found, TO).tolist()


@pytest.mark.parametrize(
    ("time", "before", "up_to"),
    [(0, [], []), (1, [], [3]), (5, [3, 0], [3, 0, 2]), (6, [3, 0, 2], [3, 0, 2]),
     (9, [3, 0, 2], [3, 0, 2, 1, 4])],
)  # fmt: skip
def test_all_edges_of_the_past(tmp_path, time, before, up_to):
    graph = star(tmp_path, edge_time=[4, 9, 5, 1, 9])
    assert drawn(graph, -1, time) == before
    assert drawn(graph, 9, time) == before
    assert drawn(graph, -1, time, up_to=True) == up_to


@pytest.mark.parametrize(("fanout", "expected"), [(1, [2]), (2, [0, 2]), (3, [3, 0, 2])])
def test_the_latest_edges(tmp_path, fanout, expected):
    graph = star(tmp_path, edge_time=[4, 9, 5, 1, 9])
    assert drawn(graph, fanout, 9, pick="latest") == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"fanouts": -1}, [0, 2, 3]),
        ({"fanouts": -1, "up_to": True}, [0, 1, 2, 3, 4]),
        ({"fanouts": 2, "pick": "latest"}, [0, 2]),
        ({"fanouts": 3, "times": "nodes"}, [0, 2, 3]),
    ],
)
def test_times_of_source_nodes(tmp_path, options, expected):
    graph = star(tmp_path, node_time=[7, 4, 9, 5, 1, 9])
    fanout = options.pop("fanouts")
    assert sorted(drawn(graph, fanout, 9, **options)) == expected


def test_both_times_count_unless_one_is_named(tmp_path):
    graph = star(tmp_path, edge_time=[1, 2, 3, 4], node_time=[0, 9, 1, 9, 1])
    assert drawn(graph, -1, 4) == [1]
    assert drawn(graph, -1, 4, times="edges") == [0, 1, 2]
    assert drawn(graph, -1, 4, times="nodes") == [1, 3]


@pytest.mark.parametrize("column", ["edge_time", "node_time"])
def test_every_pair_of_past_edges_is_as_likely(tmp_path, column):
    times = np.array([3, 8, 1, 2, 9, 4, 0])
    graph = star(tmp_path, **{column: times if column == "edge_time" else np.append(0, times)})
    sampler = TemporalSampler(graph, [2])
    found = [
        sampler.edge_ids(
            sampler.sample(np.array([0]), epoch=0, batch=batch, times=np.array([5])), TO
        )
        for batch in range(5000)
    ]
    pairs = np.stack(found)
    counts = np.zeros((7, 7))
    np.add.at(counts, (pairs[:, 0], pairs[:, 1]), 1)
    past = np.flatnonzero(times < 5)
    inside = counts[np.ix_(past, past)]
    assert inside.sum() == 5000
    assert chisquare(inside[~np.eye(len(past), dtype=bool)]).pvalue > 0.01


def test_with_replacement_only_the_past_is_drawn(tmp_path):
    graph = star(tmp_path, edge_time=[1, 2, 3, 4])
    assert set(drawn(graph, 50, 3, replace=True)) == {0, 1}
    assert drawn(graph, 50, 1, replace=True) == []


def test_a_seed_has_its_own_time_and_tree(scholars_graph):
    """Papers (global ids) 0 to 3 are rows 0, 3, 1, 2, of times 5, 1, 3, 9."""
    sampler = TemporalSampler(scholars_graph, {WRITES: [-1, -1], CITES: [-1, -1], BY: [-1, -1]})
    seeds = {"paper": np.array([2, 3, 2])}
    times = {"paper": np.array([10, 1, 4])}
    found = sampler.sample(seeds, epoch=0, batch=0, times=times)
    # As of time 10 row 1 is cited by rows 3, 0, 2 (ids 1, 0, 3); as of 4 by row 3. As of 1 row 2 is
    # cited by none: by row 1 at time 0, but that paper is of time 3 itself.
    edges = found.edges[CITES]
    assert found.nodes["paper"].tolist() == [2, 3, 2, 1, 0, 3, 1]
    assert found.trees["paper"].tolist() == [0, 1, 2, 0, 0, 0, 2]
    assert edges.indptr[:4].tolist() == [0, 3, 3, 4]
    own = sampler.sample({"paper": np.array([0, 3])}, epoch=0, batch=0)
    given_ = sampler.sample(
        {"paper": np.array([0, 3])}, epoch=0, batch=0, times={"paper": np.array([5, 9])}
    )
    assert np.array_equal(own.edges[CITES].position, given_.edges[CITES].position)


@st.composite
def graphs(draw):
    num_nodes = draw(st.integers(1, 20))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node, st.integers(0, 6)), min_size=1, max_size=80))
    node_times = draw(st.lists(st.integers(0, 6), min_size=num_nodes, max_size=num_nodes))
    seeds = draw(st.lists(st.tuples(node, st.integers(-1, 8)), min_size=1, max_size=6))
    fanouts = draw(st.lists(st.sampled_from([-1, 1, 2, 5]), min_size=1, max_size=3))
    return num_nodes, np.array(edges).T, node_times, seeds, fanouts


@settings(max_examples=40, deadline=None)
@given(
    graph=graphs(),
    times=st.sampled_from(["edges", "nodes", "all"]),
    pick=st.sampled_from(["uniform", "latest"]),
    up_to=st.booleans(),
)
def test_no_edge_of_the_future_and_as_many_of_the_past_as_there_are(
    tmp_path_factory, graph, times, pick, up_to
):
    num_nodes, (src, dst, edge_time), node_times, seeds, fanouts = graph
    raw = with_columns(
        raw_graph({NODE: num_nodes}, {TO: np.stack([src, dst])}),
        edge_time={TO: edge_time},
        node_time={NODE: node_times},
    )
    opened = in_parts(raw, min(2, num_nodes), tmp_path_factory.mktemp("temporal"))
    sampler = TemporalSampler(opened, fanouts, pick=pick, times=times, up_to=up_to)
    rows, at = np.array(seeds).T
    found = sampler.sample(global_ids(opened, NODE, rows), epoch=0, batch=0, times=at)
    edges, eids = found.edges[TO], sampler.edge_ids(found, TO)
    target = np.repeat(np.arange(len(edges.indptr) - 1), np.diff(edges.indptr))
    trees, raw_row = found.trees[NODE], opened.index_of(NODE, found.nodes[NODE])
    assert np.array_equal(trees[edges.indices], trees[target])
    assert np.array_equal(raw_row[edges.indices], src[eids])
    assert np.array_equal(raw_row[target], dst[eids])
    assert len(set(zip(trees.tolist(), raw_row.tolist(), strict=True))) == len(trees)
    latest = np.full(len(src), -(10**6))
    if times != "nodes":
        latest = np.maximum(latest, edge_time)
    if times != "edges":
        latest = np.maximum(latest, np.array(node_times)[src])
    bound = at[trees[target]]
    assert ((latest[eids] <= bound) if up_to else (latest[eids] < bound)).all()
    hop = np.repeat(np.arange(len(fanouts)), found.num_nodes_per_hop[NODE][:-1])
    for row in range(len(edges.indptr) - 1):
        time = at[trees[row]]
        past = (dst == raw_row[row]) & ((latest <= time) if up_to else (latest < time))
        fanout = fanouts[hop[row]]
        wanted = past.sum() if fanout == -1 else min(fanout, past.sum())
        mine = eids[edges.indptr[row] : edges.indptr[row + 1]]
        assert len(mine) == len(set(mine.tolist())) == wanted
        if pick == "latest" and times != "nodes":
            assert sorted(edge_time[mine]) == sorted(edge_time[past])[past.sum() - wanted :]


@pytest.mark.parametrize("fanouts", [[4, 3, 2], [-1, 3]])
def test_parts_threads_and_memory_do_not_change_the_edges(tmp_path, fanouts):
    rng = np.random.default_rng(0)
    raw = with_columns(
        one_type(),
        edge_time={TO: rng.integers(100, size=1500)},
        node_time={NODE: rng.integers(100, size=200)},
    )
    found = []
    for parts in (1, 2, 8):
        graph = in_parts(raw, parts, tmp_path)
        for options in ({"num_threads": 2}, {"in_memory": False}, {"in_memory": True}):
            sampler = TemporalSampler(graph, fanouts, **options)
            seeds = global_ids(graph, NODE, range(0, 200, 3))
            subgraph = sampler.sample(seeds, epoch=1, batch=0)
            eids = sampler.edge_ids(subgraph, TO).tolist()
            found.append((eids, subgraph.trees[NODE].tolist(), subgraph.num_nodes_per_hop))
    assert all(other == found[0] for other in found)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pick": "first"}, "pick = 'first': it must be 'uniform' or 'latest'"),
        ({"times": "edge"}, "times = 'edge': it must be"),
        ({"pick": "latest", "replace": True}, "replace goes with pick = 'uniform'"),
    ],
)
def test_options_are_checked(scholars_graph, options, message):
    with pytest.raises(ArgumentError, match=message):
        TemporalSampler(scholars_graph, [2], **options)


def test_a_graph_without_times_is_refused(one_type_parts, scholars_graph):
    with pytest.raises(ArgumentError, match="no edges or source nodes of graph 'random'"):
        TemporalSampler(one_type_parts[1], [2])
    with pytest.raises(ArgumentError, match="no edges of graph 'scholars' that are followed"):
        TemporalSampler(scholars_graph, {BY: [2]}, times="edges")


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ({"author": np.array([1])}, "times of seeds of type 'paper' must be an array int64"),
        ({"paper": np.array([1, 2])}, "there are 2 times for 1 seeds of type 'paper'"),
        ({"paper": [1]}, "must be an array int64"),
    ],
)
def test_times_of_seeds_are_checked(scholars_graph, times, message):
    sampler = TemporalSampler(scholars_graph, [2])
    with pytest.raises(ArgumentError, match=message):
        sampler.sample({"paper": np.array([0])}, epoch=0, batch=0, times=times)


def test_seeds_without_a_time_need_one(scholars_graph):
    sampler = TemporalSampler(scholars_graph, [2])
    with pytest.raises(ArgumentError, match="seeds of type 'author' carry no time of their own"):
        sampler.sample({"author": np.array([0])}, epoch=0, batch=0)


def test_times_that_are_not_sorted_are_noticed(tmp_path):
    graph = star(tmp_path, edge_time=[1, 2, 3])
    edges = topology(graph)
    with pytest.raises(ShardCorruptError, match="in-edges of node 0 are not in the order of their"):
        Times(edges, edges=[[np.array([1, 3, 2])]], nodes=[None], num_threads=1)
