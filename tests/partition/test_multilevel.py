"""METIS and KaHIP, through their packages."""

import sys

import numpy as np
import pytest

from distgnn.exceptions import MissingDependencyError, PartitionError
from distgnn.partition import kahip
from distgnn.partition.kahip import KahipPartitioner
from distgnn.partition.metis import MetisPartitioner
from tests.partition.graphs import adjacency_of, communities, edge_cut, largest_share, ones

COMMUNITIES = communities()


@pytest.mark.parametrize("partitioner", [MetisPartitioner(), KahipPartitioner()])
class TestPartitioner:
    def test_finds_the_communities(self, partitioner):
        graph = adjacency_of(COMMUNITIES, 2000)
        parts = partitioner.assign(graph, 8, ones(2000), 0)
        # A tenth of the edges ends anywhere, and seven eighths of those elsewhere: 9%.
        assert edge_cut(COMMUNITIES, parts) < 0.12
        assert np.bincount(parts).max() <= 258
        assert parts.dtype == np.int32

    def test_balances_training_nodes_and_all_nodes(self, partitioner):
        graph = adjacency_of(COMMUNITIES, 2000)
        train = np.arange(2000) < 200
        weights = np.stack([train, np.ones(2000)], axis=1).astype(np.int64)
        parts = partitioner.assign(graph, 4, weights, 0)
        assert (largest_share(parts, weights, 4) <= 1.05).all()
        assert edge_cut(COMMUNITIES, parts) < 0.45

    def test_follows_from_the_seed(self, partitioner):
        graph = adjacency_of(COMMUNITIES, 2000)
        first, again, other = (partitioner.assign(graph, 4, ones(2000), s) for s in (1, 1, 2))
        assert (first == again).all()
        assert (first != other).any()

    @pytest.mark.parametrize("seed", [0, 2**31, 2**63])
    def test_takes_any_seed(self, partitioner, seed):
        graph = adjacency_of([(0, 1), (1, 2), (2, 3)], 4)
        parts = partitioner.assign(graph, 2, ones(4), seed)
        assert np.bincount(parts).tolist() == [2, 2]

    def test_one_part_and_no_edges(self, partitioner):
        assert partitioner.assign(adjacency_of([(0, 1)], 2), 1, ones(2), 0).tolist() == [0, 0]
        parts = partitioner.assign(adjacency_of([], 6), 3, ones(6), 0)
        assert np.bincount(parts).tolist() == [2, 2, 2]

    def test_as_many_parts_as_nodes(self, partitioner):
        graph = adjacency_of([(0, 1), (1, 2), (2, 3), (3, 4), (4, 0)], 5)
        assert len(partitioner.assign(graph, 5, ones(5), 0)) == 5


def test_kahip_is_named_when_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "kahip", None)
    with pytest.raises(MissingDependencyError, match=r"pip install distgnn\[kahip\]"):
        KahipPartitioner().assign(adjacency_of([(0, 1)], 2), 2, ones(2), 0)


def test_kahip_refuses_what_its_integers_cannot_count(monkeypatch):
    monkeypatch.setattr(kahip, "INT32_MAX", 3)
    with pytest.raises(PartitionError, match="at most 1 undirected edges, and the graph has 2"):
        KahipPartitioner().assign(adjacency_of([(0, 1), (1, 2)], 3), 2, ones(3), 0)


def test_kahip_gets_one_weight_below_its_limit():
    weights = np.array([[3, 1], [0, 1], [1, 1]]) * 2**40
    one = kahip._one_weight(weights)
    assert one.dtype == np.int32
    assert one.sum() < 2**31
    shares = weights / weights.sum(axis=0)
    assert one / one.sum() == pytest.approx(shares.mean(axis=1), rel=1e-6)
    assert kahip._one_weight(np.array([[2], [1]])).tolist() == [2, 1]
