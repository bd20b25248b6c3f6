"""A graph without some edges: every column loses them, nodes and ids stay."""

import pickle

import numpy as np
import pytest

from distgnn.exceptions import ArgumentError
from distgnn.shards import PrunedGraph
from distgnn.testing.graphs import BY, CITES, WRITES, papers, scholars


def test_edges_that_are_not_kept_are_gone(tmp_path):
    graph = papers().write(tmp_path / "papers")
    # eid by position: 2 8 | 0 7 1 3 5 4 6.
    keep = np.array([True, False, True, False, True, True, False, True, False])
    pruned = PrunedGraph(graph, {CITES: keep})
    first, second = (pruned.edges(CITES, part) for part in range(2))
    assert first.indptr.tolist() == [0, 1, 1, 1]
    assert (first.src.tolist(), first.eid.tolist()) == ([3], [2])
    assert second.indptr.tolist() == [0, 3, 4, 4]
    assert (second.src.tolist(), second.eid.tolist()) == ([0, 1, 4, 5], [0, 1, 3, 4])
    assert second.weight.tolist() == [0.5, 1.0, 2.0, 2.5]
    assert (pruned.num_edges(CITES), first.num_edges, second.num_dst) == (5, 1, 3)
    assert pruned.nodes("paper", 1).index.tolist() == [1, 3, 4]
    assert graph.num_edges(CITES) == 9
    assert graph.edges(CITES, 1).num_edges == 7


def test_columns_of_every_kind_lose_edges(tmp_path):
    graph = scholars().write(tmp_path / "scholars")
    keep = {WRITES: np.arange(6) % 2 == 0, CITES: np.arange(5) > 1}
    pruned = PrunedGraph(graph, keep)
    for edge_type, mask in keep.items():
        whole = [graph.edges(edge_type, part) for part in range(2)]
        left = [pruned.edges(edge_type, part) for part in range(2)]
        for name in ("src", "eid", "time", "edge_attr"):
            values = [getattr(shard, name) for shard in whole]
            if values[0] is not None:
                expected = np.concatenate(values)[mask]
                found = np.concatenate([getattr(shard, name) for shard in left])
                assert np.array_equal(found, expected)
    assert pruned.edges(WRITES, 0).column("role").to_pylist() == ["first", "first"]
    assert pruned.edges(WRITES, 1).column("role").to_pylist() == [None]
    assert np.array_equal(pruned.edges(BY, 0).src, graph.edges(BY, 0).src)


def test_it_survives_pickling(tmp_path):
    graph = papers().write(tmp_path / "papers")
    pruned = PrunedGraph(graph, {CITES: np.arange(9) < 4})
    again = pickle.loads(pickle.dumps(pruned))
    assert again.num_edges(CITES) == 4
    assert again.edges(CITES, 1).eid.tolist() == pruned.edges(CITES, 1).eid.tolist()


@pytest.mark.parametrize("keep", [np.ones(8, np.bool_), np.ones(9, np.int8)])
def test_a_value_for_each_edge_is_needed(tmp_path, keep):
    graph = papers().write(tmp_path / "papers")
    with pytest.raises(ArgumentError, match=r"must be bool \[9\], a value for each edge"):
        PrunedGraph(graph, {CITES: keep})
