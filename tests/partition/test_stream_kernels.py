"""What works on blocks of rows against slow versions: neighbour lists, clusters, moves, hashes."""

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.datasets.generate import generate
from distgnn.partition import kernels
from distgnn.partition.adjacency import build_adjacency
from distgnn.partition.metis import MetisPartitioner
from distgnn.partition.multilevel import MultilevelPartitioner
from distgnn.partition.out_of_core.lookup import bucket_of
from distgnn.schema import DEFAULT_EDGE_TYPE
from tests.partition.graphs import adjacency_of, communities, edge_cut, largest_share, ones

EDGES = st.lists(st.tuples(st.integers(0, 11), st.integers(0, 11)), max_size=50)


@settings(max_examples=40, deadline=None)
@given(edges=EDGES)
def test_rows_of_pairs(edges):
    pairs = np.array(edges, np.int32).reshape(-1, 2)
    rows, neighbours = np.ascontiguousarray(pairs[:, 0]), np.ascontiguousarray(pairs[:, 1])
    indptr, indices = kernels.build_rows(rows, neighbours, 12)
    for row in range(12):
        expected = sorted({b for a, b in edges if a == row})
        assert indices[indptr[row] : indptr[row + 1]].tolist() == expected


def test_rows_out_of_range():
    one = np.zeros(1, np.int32)
    with pytest.raises(ValueError, match=r"rows\[0\] = 5 is not in \[0, 2\)"):
        kernels.build_rows(one + 5, one, 2)


@settings(max_examples=40, deadline=None)
@given(edges=EDGES, cut=st.integers(0, 50))
def test_an_adjacency_in_blocks_is_that_of_all_edges(edges, cut):
    src, dst = np.array(edges, np.int64).reshape(-1, 2).T.copy()
    whole = kernels.build_adjacency([(src, dst, 0, 12, 0, 12)], 12)
    builder = kernels.AdjacencyBuilder(12)
    for step in (builder.count, builder.scatter):
        step(src[:cut], dst[:cut], 0, 12, 0, 12)
        step(src[cut:], dst[cut:], 0, 12, 0, 12)
    for found, expected in zip(builder.finish(), whole, strict=True):
        assert found.tolist() == expected.tolist()


def test_edges_that_were_not_counted_are_refused():
    builder = kernels.AdjacencyBuilder(3)
    src, dst = np.array([0]), np.array([1])
    builder.count(src, dst, 0, 3, 0, 3)
    builder.scatter(src, dst, 0, 3, 0, 3)
    with pytest.raises(ValueError, match="edge 0 was not counted before"):
        builder.scatter(dst, np.array([2]), 0, 3, 0, 3)
    with pytest.raises(ValueError, match="all edges must be counted before"):
        builder.count(src, dst, 0, 3, 0, 3)
    with pytest.raises(ValueError, match="not within num_nodes = 3"):
        builder.scatter(src, dst, 1, 3, 0, 3)


@settings(max_examples=30, deadline=None)
@given(edges=EDGES, labels=st.lists(st.integers(-1, 3), min_size=12, max_size=12))
def test_edges_between_clusters(edges, labels):
    graph = adjacency_of(edges, 12)
    nodes, matrix = np.arange(12, dtype=np.int32), np.zeros((4, 4), np.int32)
    labels = np.array(labels, np.int32)
    kernels.add_cluster_edges(graph.indptr, graph.indices, nodes, None, labels, matrix)
    expected = np.zeros((4, 4), int)
    for a, b in nx.Graph([e for e in edges if e[0] != e[1]]).edges:
        if labels[a] >= 0 and labels[b] >= 0 and labels[a] != labels[b]:
            expected[labels[a], labels[b]] += 1
            expected[labels[b], labels[a]] += 1
    assert matrix.tolist() == expected.tolist()


@settings(max_examples=30, deadline=None)
@given(edges=EDGES, capacity=st.integers(1, 6))
def test_clusters_stay_within_their_bound(edges, capacity):
    graph = adjacency_of(edges, 12)
    clusterer = kernels.Clusterer(ones(12), [capacity])
    for _ in range(4):
        clusterer.visit(graph.indptr, graph.indices, np.arange(12, dtype=np.int32), None)
    assert np.bincount(clusterer.labels).max() <= capacity
    components = list(nx.connected_components(_graph(edges)))
    for label in set(clusterer.labels.tolist()):
        members = set(np.flatnonzero(clusterer.labels == label).tolist())
        assert any(members <= component for component in components)


def _graph(edges):
    graph = nx.Graph(edges)
    graph.add_nodes_from(range(12))
    return graph


@settings(max_examples=30, deadline=None)
@given(edges=EDGES, parts=st.lists(st.integers(0, 2), min_size=12, max_size=12))
def test_moves_never_raise_the_cut_of_balanced_parts(edges, parts):
    parts = np.array(parts, np.int32)
    graph, weights = adjacency_of(edges, 12), ones(12)
    slack = max(1.0, np.bincount(parts, minlength=3).max() / 4)
    refiner = kernels.Refiner(weights, parts, 3, float(slack))
    cut = _cut(edges, parts)
    for _ in range(3):
        refiner.visit(graph.indptr, graph.indices, np.arange(12, dtype=np.int32), None)
        assert _cut(edges, refiner.assignment) <= cut
        cut = _cut(edges, refiner.assignment)
    assert np.bincount(refiner.assignment).max() <= max(4, int(4 * slack))


def _cut(edges, parts):
    pairs = {frozenset(e) for e in edges if e[0] != e[1]}
    return sum(len({parts[v] for v in pair}) == 2 for pair in pairs)


@pytest.mark.parametrize("num_parts", [2, 8])
def test_the_multilevel_cut_is_close_to_that_of_metis(num_parts):
    raw = generate(8000, 120_000, num_features=0)
    table = raw.edges[DEFAULT_EDGE_TYPE]
    edges = np.stack([table.column(name).to_numpy() for name in ("src", "dst")], axis=1)
    adjacency, weights = build_adjacency(raw), ones(8000)
    cuts = {}
    for partitioner in (MultilevelPartitioner(), MetisPartitioner()):
        parts = partitioner.assign(adjacency, num_parts, weights, 0)
        assert largest_share(parts, weights, num_parts) <= 1.031
        cuts[type(partitioner)] = edge_cut(edges, parts)
    assert cuts[MultilevelPartitioner] <= 1.1 * cuts[MetisPartitioner]


def test_the_multilevel_method_balances_several_constraints():
    edges = communities()
    train = np.random.default_rng(0).integers(0, 10, 2000) == 0
    weights = np.stack([train, np.ones(2000)], axis=1).astype(np.int64)
    parts = MultilevelPartitioner().assign(adjacency_of(edges, 2000), 4, weights, 0)
    assert (largest_share(parts, weights, 4) < 1.06).all()
    assert edge_cut(edges, parts) < 0.4


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(st.text(max_size=20), max_size=30), count=st.integers(1, 9))
def test_buckets_depend_on_the_text_alone(texts, count):
    column = pa.chunked_array([pa.array(texts[:3], pa.string()), pa.array(texts[3:], pa.string())])
    alone = [bucket_of(pa.array([text], pa.large_string()), count)[0] for text in texts]
    found = bucket_of(column, count)
    assert found.tolist() == alone
    assert all(0 <= bucket < count for bucket in alone)


def test_hashes_spread():
    ids = pa.array([f"node-{i}" for i in range(20_000)])
    counts = np.bincount(bucket_of(ids, 16), minlength=16)
    assert counts.max() < 1.15 * counts.mean()
    counts = np.bincount(bucket_of(pa.array(np.arange(20_000) * 64), 16), minlength=16)
    assert counts.max() < 1.15 * counts.mean()


def test_texts_are_checked():
    with pytest.raises(ValueError, match="within the 2 bytes"):
        kernels.hash_texts(np.zeros(2, np.uint8), np.array([0, 3]))
    with pytest.raises(ValueError, match="offsets decrease"):
        kernels.hash_texts(np.zeros(4, np.uint8), np.array([0, 3, 2]))
