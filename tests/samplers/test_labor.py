"""Layer-neighbour sampling: probabilities, importance weights, and shared sources."""

from math import comb

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare, kstest

from distgnn.samplers import HopDrawer, LaborSampler, NeighborSampler
from distgnn.samplers.rule import DrawRule
from tests.samplers import reference
from tests.samplers.graphs import (
    BUYS,
    ITEM,
    LIKE,
    NODE,
    SOLD_TO,
    TO,
    global_ids,
    in_parts,
    one_type,
    raw_graph,
    raw_rows,
)


@pytest.fixture(scope="module")
def two_targets(tmp_path_factory):
    """Nodes 2 to 21 point to node 0, nodes 2 to 11 to node 1."""
    ends = np.concatenate(
        [np.stack([np.arange(2, 22), np.zeros(20)]), np.stack([np.arange(2, 12), np.ones(10)])], 1
    ).astype(np.int64)
    return in_parts(raw_graph({NODE: 22}, {TO: ends}), 2, tmp_path_factory.mktemp("labor"))


def drawn(graph, rows, fanout, batches):
    sampler = LaborSampler(graph, [fanout])
    seeds = global_ids(graph, NODE, rows)
    return sampler, [sampler.sample(seeds, epoch=0, batch=batch) for batch in range(batches)]


def test_every_edge_is_drawn_with_probability_fanout_over_degree(two_targets):
    sampler, found = drawn(two_targets, [0], 5, 4000)
    eids = np.concatenate([sampler.edge_ids(subgraph, TO) for subgraph in found])
    counts = np.bincount(eids, minlength=20)
    assert counts.size == 20
    assert binomtest(int(counts.sum()), 4000 * 20, 0.25).pvalue > 0.01
    # Draws of different edges are independent, each a coin: no multinomial.
    statistic = ((counts - 1000.0) ** 2 / (4000 * 0.25 * 0.75)).sum()
    assert 7.4 < statistic < 40.0  # 0.5% and 99.5% quantiles of chi-square, 20 degrees of freedom


def test_numbers_of_sources_are_uniform():
    keys = [reference.child_key(12345, index) for index in range(3000)]
    numbers = [(key >> 11) / 2**53 for key in keys]
    assert kstest(numbers, "uniform").pvalue > 0.01


def test_the_slow_reference_draws_the_same(two_targets):
    sampler, [found] = drawn(two_targets, [0, 1], 4, 1)
    key = 0
    for value in (0, 0, 0, 0x4C41424F52, 0):  # seed, epoch, batch, "LABOR", number of the type
        key = reference.child_key(key, value)
    numbers = {row: (reference.child_key(key, row) >> 11) / 2**53 for row in range(22)}
    expected = [e for e in range(20) if numbers[e + 2] < 4 / 20]
    expected += [e + 20 for e in range(10) if numbers[e + 2] < 4 / 10]
    assert sampler.edge_ids(found, TO).tolist() == expected


def test_a_node_shares_its_draws_with_nodes_of_larger_degree(two_targets):
    """Whatever is drawn for the node of degree 20 among shared sources is drawn for that of 10."""
    sampler, found = drawn(two_targets, [0, 1], 4, 200)
    for subgraph in found:
        edges = subgraph.edges[TO]
        first, second = np.split(sampler.edge_ids(subgraph, TO), [edges.indptr[1]])
        assert {e for e in first.tolist() if e < 10} <= {e - 20 for e in second.tolist()}


def test_weights_are_one_over_the_probability(two_targets):
    _, found = drawn(two_targets, [0, 1, 2], 4, 10)
    for subgraph in found:
        edges = subgraph.edges[TO]
        first, second, none = np.diff(edges.indptr)
        assert none == 0
        assert edges.weight.tolist() == [5.0] * first + [2.5] * second
    _, [all_] = drawn(two_targets, [0, 1], -1, 1)
    assert all_.edges[TO].weight.tolist() == [1.0] * 30
    _, [enough] = drawn(two_targets, [1], 10, 1)
    assert enough.edges[TO].weight.tolist() == [1.0] * 10


def test_weighted_sums_have_the_expectation_of_full_ones(two_targets):
    value = np.random.default_rng(0).normal(size=22)
    _, found = drawn(two_targets, [0], 5, 4000)
    sums = []
    for subgraph in found:
        edges = subgraph.edges[TO]
        rows = two_targets.index_of(NODE, subgraph.nodes[NODE])
        sums.append((edges.weight * value[rows][edges.indices]).sum())
    error = np.mean(sums) - value[2:].sum()
    assert abs(error) < 3 * np.std(sums) / np.sqrt(len(sums))


def test_a_batch_holds_fewer_nodes_than_with_independent_draws(one_type_parts):
    graph = one_type_parts[1]
    seeds = np.arange(100)
    labor, neighbor = LaborSampler(graph, [4, 4]), NeighborSampler(graph, [4, 4])
    nodes = {
        sampler: sum(
            len(sampler.sample(seeds, epoch=0, batch=b).nodes[NODE]) for b in range(20)
        )
        for sampler in (labor, neighbor)
    }  # fmt: skip
    assert nodes[labor] < 0.95 * nodes[neighbor]


def test_the_number_of_picks_is_the_fanout_on_average(two_targets):
    _, found = drawn(two_targets, [0], 5, 2000)
    counts = np.bincount([len(s.edges[TO].indices) for s in found], minlength=21)
    expected = 2000 * np.array([_binomial(20, k) for k in range(21)])
    common = expected >= 5
    counts = np.append(counts[common], counts[~common].sum())
    expected = np.append(expected[common], expected[~common].sum())
    assert chisquare(counts, expected).pvalue > 0.01


def _binomial(n, k, p=0.25):
    return comb(n, k) * p**k * (1 - p) ** (n - k)


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("in_memory", [False, True])
def test_parts_threads_and_memory_do_not_change_the_edges(tmp_path, num_threads, in_memory):
    found = []
    for parts in (1, 2, 8):
        graph = in_parts(one_type(), parts, tmp_path)
        sampler = LaborSampler(graph, [3, 2, 2], num_threads=num_threads, in_memory=in_memory)
        seeds = global_ids(graph, NODE, range(0, 200, 3))
        found.append(raw_rows(graph, sampler, sampler.sample(seeds, epoch=1, batch=4)))
    alone = LaborSampler(graph, [3, 2, 2])
    found.append(raw_rows(graph, alone, alone.sample(seeds, epoch=1, batch=4)))
    assert all(other == found[0] for other in found)


def test_heterogeneous_types_share_the_numbers_of_a_source_type(two_type_parts):
    graph = two_type_parts[2]
    fanouts = {SOLD_TO: [2, 2], LIKE: [4, 1], BUYS: [3, 2]}
    sampler = LaborSampler(graph, fanouts)
    found = sampler.sample({ITEM: global_ids(graph, ITEM, range(20))}, epoch=0, batch=0)
    for name, edges in found.edges.items():
        assert len(edges.weight) == len(edges.indices) == edges.indptr[-1], name
        assert sum(edges.num_per_hop) == len(edges.indices)
        assert (edges.weight >= 1).all()


def test_one_hop_gives_weights_too(two_targets):
    drawer = HopDrawer(two_targets, DrawRule(pick="labor"))
    found = drawer.draw(TO, global_ids(two_targets, NODE, [0]), fanout=5, epoch=0, batch=3)
    sampler = LaborSampler(two_targets, [5])
    expected = sampler.sample(global_ids(two_targets, NODE, [0]), epoch=0, batch=3).edges[TO]
    assert found.position.tolist() == expected.position.tolist()
    assert found.weight.tolist() == expected.weight.tolist()
