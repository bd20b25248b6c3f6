"""LADIES and FastGCN: which nodes a layer draws, and what their edges weigh."""

from itertools import combinations, permutations

import numpy as np
import pytest
from scipy.stats import chisquare

from distgnn.exceptions import ArgumentError
from distgnn.samplers import BufferPool, EdgeRows, FastGCNSampler, LadiesSampler
from distgnn.samplers.layer import derive_keys
from tests.samplers import reference
from tests.samplers.graphs import (
    BUYS,
    ITEM,
    LIKE,
    NODE,
    SOLD_TO,
    TO,
    USER,
    global_ids,
    in_parts,
    one_type,
    raw_graph,
    with_columns,
)

# Rows 2 to 6 point to rows 0 and 1; row 6 to row 0 with a weight of 0.
ENDS = np.array([[2, 3, 4, 6, 3, 4, 5], [0, 0, 0, 0, 1, 1, 1]])
WEIGHT = np.array([1.0, 2.0, 1.0, 0.0, 1.0, 2.0, 2.0])
P = np.zeros((7, 7))
P[ENDS[1], ENDS[0]] = WEIGHT / np.array([4.0, 4, 4, 4, 5, 5, 5])
BATCHES = 4000


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    raw = with_columns(raw_graph({NODE: 7}, {TO: ENDS}), weight={TO: WEIGHT})
    return in_parts(raw, 2, tmp_path_factory.mktemp("layer"))


def rows_and_edges(graph, found):
    """Return raw rows, and the sampled matrix [7, 7]: edge times importance weights."""
    rows = graph.index_of(NODE, found.nodes[NODE])
    edges = found.edges[TO]
    target = np.repeat(np.arange(len(edges.indptr) - 1), np.diff(edges.indptr))
    weight = EdgeRows(graph, TO, "weight", BufferPool()).gather(edges.position) * edges.weight
    matrix = np.zeros((7, 7))
    matrix[rows[target], rows[edges.indices]] = weight
    return rows, matrix


def drawn(sampler_class, graph, size, batches=BATCHES):
    sampler = sampler_class(graph, [size])
    seeds = global_ids(graph, NODE, [0, 1])
    return (
        rows_and_edges(graph, sampler.sample(seeds, epoch=0, batch=batch))
        for batch in range(batches)
    )


def test_ladies_draws_layers_by_their_share_without_replacement(small):
    score = (P[:2] ** 2).sum(axis=0)
    counts = dict.fromkeys(combinations(range(2, 6), 2), 0)
    for rows, matrix in drawn(LadiesSampler, small, 2):
        found = tuple(sorted(rows[2:].tolist()))
        counts[found] += 1
        expected = np.zeros((7, 7))
        expected[:2, list(found)] = P[:2, list(found)] / score[list(found)]
        sums = expected.sum(axis=1, keepdims=True)
        np.divide(expected, sums, out=expected, where=sums > 0)
        assert np.allclose(matrix, expected, atol=1e-6)
    expected = []
    for pair in counts:
        orders = permutations(pair)
        total = score.sum()
        expected.append(sum(score[a] / total * score[b] / (total - score[a]) for a, b in orders))
    assert chisquare(list(counts.values()), BATCHES * np.array(expected)).pvalue > 0.01


@pytest.mark.parametrize("sampler_class", [LadiesSampler, FastGCNSampler])
def test_a_layer_without_a_size_is_the_row_normalised_adjacency(small, sampler_class):
    [(rows, matrix)] = drawn(sampler_class, small, -1, batches=1)
    assert np.allclose(matrix, P, atol=1e-6)
    assert sorted(rows.tolist()) == [0, 1, 2, 3, 4, 5]


def test_ladies_with_room_for_all_takes_all(small):
    [(_, matrix)] = drawn(LadiesSampler, small, 4, batches=1)
    assert np.allclose(matrix, P, atol=1e-6)


def test_fastgcn_draws_nodes_by_their_column_norms(small):
    sampler = FastGCNSampler(small, [1])
    norms = (P**2).sum(axis=0)
    probability = norms / norms.sum()
    assert np.allclose(sampler.probabilities(TO), probability)
    counts = np.zeros(7)
    for rows, matrix in drawn(FastGCNSampler, small, 1):
        counts[rows[2:]] += 1
        expected = np.zeros((7, 7))
        expected[:, rows[2:]] = P[:, rows[2:]] / probability[rows[2:]]
        assert np.allclose(matrix, expected, rtol=1e-5)
    some = probability > 0
    assert counts.sum() == BATCHES
    assert chisquare(counts[some], BATCHES * probability[some]).pvalue > 0.01


def test_fastgcn_has_the_expectation_of_the_full_layer(small):
    matrices = np.array([matrix for _, matrix in drawn(FastGCNSampler, small, 3)])
    error = matrices.mean(axis=0) - P
    assert (np.abs(error) <= 4 * matrices.std(axis=0) / np.sqrt(BATCHES)).all()


@pytest.mark.parametrize("sampler_class", [LadiesSampler, FastGCNSampler])
def test_parts_threads_and_memory_do_not_change_a_batch(tmp_path, sampler_class):
    found = []
    for parts in (1, 2, 8):
        graph = in_parts(one_type(), parts, tmp_path)
        for options in ({"num_threads": 2}, {"in_memory": False}):
            sampler = sampler_class(graph, [40, 30], seed=3, **options)
            seeds = global_ids(graph, NODE, range(0, 200, 9))
            batch = sampler.sample(seeds, epoch=1, batch=2)
            eids = EdgeRows(graph, TO, "eid", BufferPool()).gather(batch.edges[TO].position)
            rows = graph.index_of(NODE, batch.nodes[NODE])
            found.append((rows, eids, batch.edges[TO].weight, batch.num_nodes_per_hop))
            assert batch.num_nodes_per_hop[NODE][1] <= 40
            assert sum(batch.edges[TO].num_per_hop) == len(eids)
    for other in found[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(other[:2], found[0][:2], strict=True))
        assert np.allclose(other[2], found[0][2], rtol=1e-6)
        assert other[3] == found[0][3]


@pytest.mark.parametrize("sampler_class", [LadiesSampler, FastGCNSampler])
def test_every_followed_edge_type_has_a_layer_of_its_own(two_type_parts, sampler_class):
    graph = two_type_parts[2]
    sampler = sampler_class(graph, {SOLD_TO: [2, 2], LIKE: [4, 1], BUYS: [3, 2]})
    seeds = {ITEM: global_ids(graph, ITEM, range(20)), USER: global_ids(graph, USER, range(5))}
    found = sampler.sample(seeds, epoch=0, batch=0)
    for name, edges in found.edges.items():
        assert len(edges.weight) == len(edges.indices) == edges.indptr[-1], name
    first = found.edges[LIKE].indices[: found.edges[LIKE].num_per_hop[0]]
    assert len(set(first.tolist())) <= 4


def test_keys_are_those_of_the_kernels():
    keys = derive_keys(np.uint64(7), np.array([0, 1, 2**40]))
    assert keys.tolist() == [reference.child_key(7, value) for value in (0, 1, 2**40)]


@pytest.mark.parametrize("sampler_class", [LadiesSampler, FastGCNSampler])
@pytest.mark.parametrize(
    ("fanouts", "seeds", "message"),
    [
        ([0], [1], "hold 0: a fanout is at least 1"),
        ([2], [7], "ids 7 to 7 are outside 0 to 6"),
        ([2], [], "there are no seeds"),
    ],
)
def test_requests_are_checked(small, sampler_class, fanouts, seeds, message):
    with pytest.raises(ArgumentError, match=message):
        sampler_class(small, fanouts).sample(np.array(seeds, np.int64), epoch=0, batch=0)
