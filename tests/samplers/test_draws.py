"""The distribution of draws, and what they depend on."""

from itertools import combinations

import numpy as np
import pytest
from scipy.stats import chisquare

from distgnn.samplers import NeighborSampler
from tests.samplers.graphs import NODE, TO, global_ids, in_parts, raw_graph

DEGREE = 6
BATCHES = 6000


@pytest.fixture(scope="module")
def star(tmp_path_factory):
    """Nodes 1 to 6 point to node 0, nodes 7 to 156 to node 7."""
    small = np.stack([np.arange(1, 1 + DEGREE), np.zeros(DEGREE)])
    large = np.stack([np.arange(7, 157), np.full(150, 7)])
    edges = np.concatenate([small, large], axis=1).astype(np.int64)
    return in_parts(raw_graph({NODE: 157}, {TO: edges}), 2, tmp_path_factory.mktemp("star"))


def picks(graph, row, fanout, *, batches, seed=0, epoch=0, replace=False):
    """Return the edge ids that each batch draws for a raw row, [batches, fanout]."""
    sampler = NeighborSampler(graph, [fanout], replace=replace, seed=seed)
    seeds = global_ids(graph, NODE, [row])
    found = (sampler.sample(seeds, epoch=epoch, batch=batch) for batch in range(batches))
    return np.stack([sampler.edge_ids(subgraph, TO) for subgraph in found])


def test_without_replacement_every_subset_is_as_likely(star):
    drawn = np.sort(picks(star, 0, 3, batches=BATCHES), axis=1)
    subsets = list(combinations(range(DEGREE), 3))
    counts = [(drawn == subset).all(axis=1).sum() for subset in subsets]
    assert sum(counts) == BATCHES
    assert chisquare(counts).pvalue > 0.01


def test_without_replacement_every_order_of_two_is_as_likely(star):
    drawn = picks(star, 0, 2, batches=BATCHES)
    counts = np.bincount(drawn[:, 0] * DEGREE + drawn[:, 1], minlength=DEGREE**2)
    counts = counts.reshape(DEGREE, DEGREE)
    assert not counts.diagonal().any()
    assert chisquare(counts[~np.eye(DEGREE, dtype=bool)]).pvalue > 0.01


def test_with_replacement_every_pair_is_as_likely(star):
    drawn = picks(star, 0, 2, batches=BATCHES, replace=True)
    counts = np.bincount(drawn[:, 0] * DEGREE + drawn[:, 1], minlength=DEGREE**2)
    assert chisquare(counts).pvalue > 0.01


@pytest.mark.parametrize("fanout", [20, 60])
def test_few_and_many_picks_of_a_hub_are_uniform(star, fanout):
    drawn = picks(star, 7, fanout, batches=1500) - DEGREE
    counts = np.bincount(drawn.ravel(), minlength=150)
    # Picks of one batch exclude one another, which shrinks the variance by (1 - fanout / degree).
    statistic = chisquare(counts).statistic / (1 - fanout / 150)
    # 149 degrees of freedom: 0.5% and 99.5% quantiles of chi-square.
    assert 109 < statistic < 197
    assert all(len(set(row)) == fanout for row in drawn.tolist())


def test_fewer_picks_are_the_first_of_more(star):
    longest = picks(star, 7, 149, batches=20)
    for fanout in (1, 2, 31, 32, 33, 100):
        assert np.array_equal(picks(star, 7, fanout, batches=20), longest[:, :fanout])


def test_seed_epoch_and_batch_change_the_draws(star):
    base = picks(star, 7, 10, batches=2)
    assert not np.array_equal(base[0], base[1])
    assert not np.array_equal(base, picks(star, 7, 10, batches=2, seed=1))
    assert not np.array_equal(base, picks(star, 7, 10, batches=2, epoch=1))
    assert np.array_equal(base, picks(star, 7, 10, batches=2))


def test_the_other_seeds_of_a_batch_do_not_change_the_draws(star):
    sampler = NeighborSampler(star, [10])
    alone = sampler.sample(global_ids(star, NODE, [7]), epoch=0, batch=0)
    beside = sampler.sample(global_ids(star, NODE, [0, 3, 7]), epoch=0, batch=0)
    assert np.array_equal(sampler.edge_ids(alone, TO), sampler.edge_ids(beside, TO)[-10:])


def test_a_node_draws_the_same_at_any_hop(tmp_path):
    """Row 1 is a seed in one batch and met at the second hop in the other."""
    hub = np.stack([np.arange(2, 52), np.ones(50)])
    edges = np.concatenate([[[1], [0]], hub], axis=1).astype(np.int64)
    graph = in_parts(raw_graph({NODE: 52}, {TO: edges}), 1, tmp_path)
    sampler = NeighborSampler(graph, [5, 5])
    as_seed = sampler.sample(np.array([1]), epoch=0, batch=3)
    later = sampler.sample(np.array([0]), epoch=0, batch=3)
    assert np.array_equal(sampler.edge_ids(as_seed, TO), sampler.edge_ids(later, TO)[1:])


def test_edge_types_draw_independently(tmp_path):
    ends = np.stack([np.arange(1, 101), np.zeros(100, np.int64)])
    other = ("node", "too", "node")
    graph = in_parts(raw_graph({NODE: 101}, {TO: ends, other: ends}), 1, tmp_path)
    sampler = NeighborSampler(graph, [20])
    found = sampler.sample(np.array([0]), epoch=0, batch=0)
    assert not np.array_equal(sampler.edge_ids(found, TO), sampler.edge_ids(found, other))
