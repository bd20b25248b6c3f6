"""Draws in proportion to weights, against the probabilities that define them."""

from itertools import permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from distgnn.exceptions import ArgumentError
from distgnn.samplers import NeighborSampler, WeightedSampler
from distgnn.testing.graphs import CITES
from tests.samplers.graphs import (
    BUYS,
    ITEM,
    LIKE,
    NODE,
    TO,
    global_ids,
    in_parts,
    one_type,
    raw_graph,
    raw_rows,
    two_types,
    with_columns,
)

WEIGHTS = np.array([1.0, 2.0, 0.0, 4.0, 0.5])
BATCHES = 6000


def star(folder, weights, parts=1):
    """Make a graph of nodes 1, 2, ... that point to node 0, with these weights."""
    count = len(weights)
    ends = np.stack([np.arange(1, 1 + count), np.zeros(count, np.int64)])
    raw = with_columns(raw_graph({NODE: count + 1}, {TO: ends}), weight={TO: weights})
    return in_parts(raw, parts, folder)


def picks(graph, fanout, *, batches, replace=False, **options):
    """Return the edges that each batch draws for raw row 0, [batches, fanout]."""
    sampler = WeightedSampler(graph, [fanout], replace=replace, **options)
    seeds = global_ids(graph, NODE, [0])
    found = (sampler.sample(seeds, epoch=0, batch=batch) for batch in range(batches))
    return np.stack([sampler.edge_ids(subgraph, TO) for subgraph in found])


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return star(tmp_path_factory.mktemp("small"), WEIGHTS)


@pytest.fixture(scope="module")
def weighted_parts(tmp_path_factory):
    """One random graph with weights, some of them 0, in 1, 2 and 8 parts."""
    rng = np.random.default_rng(3)
    weight = rng.exponential(size=1500) * (rng.random(1500) < 0.8)
    raw = with_columns(one_type(), weight={TO: weight})
    folder = tmp_path_factory.mktemp("weighted")
    return {parts: in_parts(raw, parts, folder) for parts in (1, 2, 8)}


def test_with_replacement_each_pick_is_proportional(small):
    drawn = picks(small, 2, batches=BATCHES, replace=True)
    expected = WEIGHTS / WEIGHTS.sum()
    counts = np.zeros((5, 5))
    np.add.at(counts, (drawn[:, 0], drawn[:, 1]), 1)
    assert not counts[2].any()
    assert not counts[:, 2].any()
    pairs = np.outer(expected, expected)
    kept = pairs > 0
    assert chisquare(counts[kept], BATCHES * pairs[kept]).pvalue > 0.01


@pytest.mark.parametrize("fanout", [2, 3])
def test_without_replacement_orders_are_those_of_successive_draws(small, fanout):
    drawn = [tuple(row) for row in picks(small, fanout, batches=BATCHES).tolist()]
    positive = np.flatnonzero(WEIGHTS).tolist()
    orders = list(permutations(positive, fanout))
    expected = []
    for order in orders:
        left, probability = WEIGHTS.sum(), 1.0
        for edge in order:
            probability *= WEIGHTS[edge] / left
            left -= WEIGHTS[edge]
        expected.append(BATCHES * probability)
    counts = [drawn.count(order) for order in orders]
    assert sum(counts) == BATCHES
    assert chisquare(counts, expected).pvalue > 0.01


def test_where_few_edges_hold_all_weight_the_others_are_still_drawn_by_weight(tmp_path):
    """The first three draws take what almost all draws find: keys decide the fourth."""
    weights = np.array([1e6, 1e6, 1e6, 1.0, 2.0, 3.0])
    graph = star(tmp_path, weights)
    drawn = picks(graph, 4, batches=3000)
    assert (np.sort(drawn[:, :3], axis=1) == [0, 1, 2]).all()
    counts = np.bincount(drawn[:, 3], minlength=6)[3:]
    assert chisquare(counts, 3000 * weights[3:] / 6).pvalue > 0.01


def test_a_hub_is_drawn_by_weight(tmp_path):
    weights = np.random.default_rng(0).exponential(size=150)
    graph = star(tmp_path, weights)
    drawn = picks(graph, 1, batches=6000)[:, 0]
    expected = 6000 * weights / weights.sum()
    common = expected >= 5
    counts = np.bincount(drawn, minlength=150)
    counts = np.append(counts[common], counts[~common].sum())
    expected = np.append(expected[common], expected[~common].sum())
    assert chisquare(counts, expected).pvalue > 0.01


def test_fewer_picks_are_the_first_of_more(tmp_path):
    weights = np.random.default_rng(0).exponential(size=150) ** 4
    graph = star(tmp_path, weights)
    longest = picks(graph, 149, batches=10)
    assert all(len(set(row)) == 149 for row in longest.tolist())
    for fanout in (1, 2, 31, 32, 33, 100):
        assert np.array_equal(picks(graph, fanout, batches=10), longest[:, :fanout])


@pytest.mark.parametrize("fanout", [-1, 4, 5, 9])
def test_edges_that_weigh_nothing_are_never_drawn(small, fanout):
    assert picks(small, fanout, batches=1).tolist() == [[0, 1, 3, 4]]


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("fanout", [-1, 2])
def test_a_node_all_of_whose_edges_weigh_nothing_gets_none(tmp_path, fanout, replace):
    graph = star(tmp_path, np.zeros(3))
    found = WeightedSampler(graph, [fanout], replace=replace).sample(
        np.array([0]), epoch=0, batch=0
    )
    assert found.edges[TO].indptr.tolist() == [0, 0]


def test_equal_weights_draw_all_as_likely(tmp_path):
    drawn = picks(star(tmp_path, np.full(6, 0.25)), 2, batches=BATCHES)
    counts = np.bincount(drawn[:, 0] * 6 + drawn[:, 1], minlength=36).reshape(6, 6)
    assert chisquare(counts[~np.eye(6, dtype=bool)]).pvalue > 0.01


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("fanouts", [[4, 3, 2], [-1, 3], [40, 35]])
def test_parts_threads_and_memory_do_not_change_the_edges(weighted_parts, fanouts, replace):
    found = []
    for parts, graph in weighted_parts.items():
        for options in ({"num_threads": 2}, {"in_memory": False}, {"in_memory": True}):
            sampler = WeightedSampler(graph, fanouts, replace=replace, seed=2, **options)
            seeds = global_ids(graph, NODE, range(0, 200, 3))
            subgraph = sampler.sample(seeds, epoch=1, batch=parts * 0)
            found.append(raw_rows(graph, sampler, subgraph))
    assert all(other == found[0] for other in found)
    _, edges, _ = found[0]
    weight = np.concatenate([weighted_parts[1].edges(TO, 0).weight])
    eid = weighted_parts[1].edges(TO, 0).eid
    by_eid = np.empty(len(eid))
    by_eid[eid] = weight
    assert (by_eid[edges[TO][2]] > 0).all()
    if not replace:
        assert len(set(edges[TO][2])) == len(edges[TO][2])


def test_edge_types_without_weights_are_drawn_uniformly(tmp_path):
    raw = with_columns(two_types(), weight={BUYS: np.linspace(0, 1, 500)})
    graph = in_parts(raw, 2, tmp_path)
    fanouts = {BUYS: [3], LIKE: [3]}
    seeds = {ITEM: global_ids(graph, ITEM, range(20))}
    found = WeightedSampler(graph, fanouts).sample(seeds, epoch=0, batch=0)
    plain = NeighborSampler(graph, fanouts).sample(seeds, epoch=0, batch=0)
    assert np.array_equal(found.edges[LIKE].position, plain.edges[LIKE].position)
    assert not np.array_equal(found.edges[BUYS].position, plain.edges[BUYS].position)


@pytest.mark.parametrize(("bad", "message"), [(-1.0, "-1.0"), (np.nan, "nan"), (np.inf, "inf")])
def test_weights_must_be_finite_and_not_negative(tmp_path, bad, message):
    graph = star(tmp_path, np.array([1.0, bad, 2.0]))
    with pytest.raises(ArgumentError, match=f"position 1 weighs {message}.*: weights that edges"):
        WeightedSampler(graph, [2])


def test_a_graph_without_weights_is_refused(one_type_parts):
    with pytest.raises(ArgumentError, match="has weights to draw by: name the weight column"):
        WeightedSampler(one_type_parts[1], [2])


def test_weights_of_a_hand_made_graph(papers_graph):
    """Global id 3 has four in-edges, of eids 0, 7, 1, 3."""
    found = WeightedSampler(papers_graph, [-1]).sample(np.array([3]), epoch=0, batch=0)
    assert found.edges[CITES].position.tolist() == [2, 3, 4, 5]
    assert found.edges[CITES].weight is None
