import networkx as nx
import numpy as np
import pytest

from distgnn.partition import kernels
from distgnn.partition.layout import node_layout
from distgnn.partition.quality import measure_quality
from distgnn.schema import DEFAULT_NODE_TYPE
from distgnn.testing.graphs import papers, scholars
from tests.partition.graphs import communities, raw_of


def layouts_of(owners, num_parts=2):
    return {name: node_layout(np.array(p, np.int32), num_parts) for name, p in owners.items()}


def test_a_graph_by_hand():
    made = papers()
    quality = measure_quality(made.raw, layouts_of(made.owners), 2)
    # Cut: 0>1 twice, 2>1, 1>0, 0>3, 5>4 of nine edges; one edge is a loop.
    assert quality.edge_cut == pytest.approx(6 / 9)
    assert quality.random_edge_cut == pytest.approx(0.5 * 8 / 9)
    assert quality.node_balance == 1
    assert quality.edge_balance == pytest.approx(7 / 4.5)
    assert quality.train_balance == pytest.approx(2 / 1.5)
    assert (quality.smallest_part, quality.largest_part) == (3, 3)


def test_types_are_counted_together():
    made = scholars()
    quality = measure_quality(made.raw, layouts_of(made.owners), 2)
    assert (quality.smallest_part, quality.largest_part) == (3, 4)
    assert quality.train_balance == 1


def test_edge_cut_equals_networkx():
    edges = np.unique(communities(200, 1500), axis=0)
    parts = np.random.default_rng(1).integers(0, 3, 200).astype(np.int32)
    graph = nx.DiGraph(edges.tolist())
    cut = sum(
        nx.cut_size(graph, np.flatnonzero(parts == p).tolist(), np.flatnonzero(parts == q).tolist())
        for p in range(3)
        for q in range(p)
    )
    quality = measure_quality(raw_of(edges, 200), layouts_of({DEFAULT_NODE_TYPE: parts}, 3), 3)
    assert quality.edge_cut == pytest.approx(cut / len(edges))


def test_a_graph_without_edges():
    quality = measure_quality(raw_of([], 2), layouts_of({DEFAULT_NODE_TYPE: [0, 1]}), 2)
    assert (quality.edge_cut, quality.random_edge_cut, quality.edge_balance) == (0, 0, 1)


def test_kernel_checks_its_arguments():
    parts, rows = np.array([0, 1], np.int32), np.array([0, 1])
    assert kernels.count_cut(rows, rows[::-1].copy(), parts, parts) == 2
    with pytest.raises(ValueError, match=r"dst\[1\] = 2 is not in \[0, 2\)"):
        kernels.count_cut(rows, np.array([0, 2]), parts, parts)
    with pytest.raises(ValueError, match="dst has 1 values: it must have 2"):
        kernels.count_cut(rows, np.array([0]), parts, parts)
