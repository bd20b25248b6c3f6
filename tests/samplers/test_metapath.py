"""Metapath walks: types, edges, chances, dead ends and metapaths that do not chain."""

import numpy as np
import pytest
from scipy.stats import chisquare

from distgnn.exceptions import ArgumentError, MetapathError
from distgnn.samplers import MetapathWalks
from distgnn.samplers.metapath import DEAD_END
from distgnn.testing.graphs import BY, CITES, WRITES
from tests.samplers.graphs import BUYS, ITEM, LIKE, SOLD_TO, USER, global_ids, two_types


def raw_walks(graph, sampler, walks):
    rows = np.full_like(walks, DEAD_END)
    for place, node_type in enumerate(sampler.node_types):
        alive = walks[..., place] != DEAD_END
        rows[..., place][alive] = graph.index_of(node_type, walks[..., place][alive])
    return rows


def pairs(raw, edge_type):
    return list(
        zip(*(raw.edges[edge_type].column(n).to_pylist() for n in ("src", "dst")), strict=True)
    )


def test_walks_follow_the_metapath(two_type_parts):
    graph, raw = two_type_parts[8], two_types()
    sampler = MetapathWalks(graph, [BUYS, LIKE, SOLD_TO], length=7, walks_per_node=20)
    assert sampler.node_types == [USER, ITEM, ITEM, USER, ITEM, ITEM, USER, ITEM]
    walks = sampler.sample(global_ids(graph, USER, range(60)), epoch=0)
    rows = raw_walks(graph, sampler, walks)
    assert rows.shape == (60, 20, 8)
    edges = {edge_type: set(pairs(raw, edge_type)) for edge_type in raw.edges}
    for step in range(7):
        edge_type = sampler.metapath[step % 3]
        sources = {src for src, _ in edges[edge_type]}
        before, after = rows[..., step].ravel(), rows[..., step + 1].ravel()
        for a, b in zip(before, after, strict=True):
            if b == DEAD_END:
                assert a == DEAD_END or a not in sources
            else:
                assert (a, b) in edges[edge_type]
    assert (rows == DEAD_END).any()
    assert (rows[..., -1] != DEAD_END).any()


def test_every_edge_has_the_same_chance(two_type_parts):
    graph, raw = two_type_parts[2], two_types()
    sampler = MetapathWalks(graph, [BUYS], walks_per_node=3000, seed=1)
    rows = raw_walks(graph, sampler, sampler.sample(global_ids(graph, USER, [5]), epoch=0))
    expected = np.bincount([dst for src, dst in pairs(raw, BUYS) if src == 5], minlength=90)
    found = np.bincount(rows[0, :, 1], minlength=90)
    assert (found[expected == 0] == 0).all()
    share = expected[expected > 0] / expected.sum()
    assert chisquare(found[expected > 0], share * 3000).pvalue > 1e-3


def test_a_dead_end_on_a_hand_made_graph(scholars_graph):
    # Author row 0 writes papers 0 and 1; 0 cites 1 and 2, 1 cites 2; nobody wrote paper 2.
    sampler = MetapathWalks(scholars_graph, [WRITES, CITES, BY], walks_per_node=50)
    walks = sampler.sample(global_ids(scholars_graph, "author", [0]), epoch=0)
    rows = raw_walks(scholars_graph, sampler, walks)[0]
    assert set(rows[:, 1]) == {0, 1}
    assert set(rows[rows[:, 1] == 0][:, 2]) == {1, 2}
    assert set(rows[rows[:, 1] == 1][:, 2]) == {2}
    assert (rows[rows[:, 2] == 2][:, 3] == DEAD_END).all()
    assert set(rows[rows[:, 2] == 1][:, 3]) <= {0, 1, 2}


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("parts", [1, 2, 8])
def test_parts_and_threads_do_not_change_walks(two_type_parts, parts, num_threads):
    def walks(graph, **options):
        sampler = MetapathWalks(
            graph, [BUYS, SOLD_TO], length=6, walks_per_node=3, seed=2, **options
        )
        found = sampler.sample(global_ids(graph, USER, range(60)), epoch=1)
        return raw_walks(graph, sampler, found)

    expected = walks(two_type_parts[1])
    assert np.array_equal(walks(two_type_parts[parts], num_threads=num_threads), expected)


@pytest.mark.parametrize(
    ("metapath", "options", "error", "message"),
    [
        ([], {}, ArgumentError, "metapath is empty"),
        ([BUYS, BUYS], {}, ArgumentError, "does not chain: 'user__buys__item' ends at 'item'"),
        ([BUYS], {"length": 2}, MetapathError, "length = 2 is longer than the metapath"),
        ([BUYS], {"length": 0}, ArgumentError, "length must be a whole number"),
        ([(USER, "buy", ITEM)], {}, ArgumentError, "did you mean 'user__buys__item'"),
        ([BUYS], {"walks_per_node": 0}, ArgumentError, "walks_per_node"),
    ],
)
def test_impossible_metapaths(two_type_parts, metapath, options, error, message):
    with pytest.raises(error, match=message):
        MetapathWalks(two_type_parts[1], metapath, **options)


def test_starts_are_of_the_first_type(two_type_parts):
    sampler = MetapathWalks(two_type_parts[1], [BUYS])
    with pytest.raises(ArgumentError, match="starts hold 60 at place 0, outside the ids 0 to 59"):
        sampler.sample(np.array([60]), epoch=0)
