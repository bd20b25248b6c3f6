"""Figures against those counted by hand and by networkx."""

import networkx as nx
import numpy as np
import pytest

from distgnn.datasets.generate import generate
from distgnn.partition.pipeline import partition_graph
from distgnn.shards.reader import ShardedGraph
from distgnn.shards.statistics import balance, statistics
from distgnn.testing.graphs import BY, CITES, WRITES


def test_figures_of_the_papers(papers_graph):
    found = statistics(papers_graph)
    (nodes,), (edges,) = found.nodes, found.edges
    assert (nodes.type, edges.type) == ("paper", CITES)
    np.testing.assert_array_equal(nodes.counts, [3, 3])
    assert {name: list(counts) for name, counts in nodes.splits.items()} == {
        "train": [2, 1],
        "val": [1, 0],
        "test": [0, 1],
        "none": [0, 1],
    }
    assert {name: list(counts) for name, counts in nodes.labels.items()} == {
        "all": [2, 2, 1, 1],
        "train": [1, 2, 0, 0],
        "val": [0, 0, 1, 0],
        "test": [1, 0, 0, 0],
    }
    np.testing.assert_array_equal(edges.counts, [2, 7])
    np.testing.assert_array_equal(edges.cut, [1, 5])
    np.testing.assert_array_equal(edges.degrees, [0, 1, 2, 4])
    np.testing.assert_array_equal(edges.degree_counts, [1, 3, 1, 1])
    assert edges.mean_degree == 9 / 6
    assert found.edge_cut == edges.edge_cut == 6 / 9
    np.testing.assert_array_equal(found.halo, [1, 3])
    assert found.replication == 10 / 6
    assert balance(found.node_counts) == 1
    assert balance(found.edge_counts) == 14 / 9


def test_figures_of_the_scholars(scholars_graph):
    found = statistics(scholars_graph)
    assert [edge.type for edge in found.edges] == [WRITES, CITES, BY]
    np.testing.assert_array_equal(found.node_counts, [3, 4])
    np.testing.assert_array_equal(found.edge_counts, [5, 12])
    # Part 0 borders on authors 1, 2 and paper 2; part 1 on author 0 and papers 0, 1.
    np.testing.assert_array_equal(found.halo, [3, 3])
    assert found.nodes[1].splits == {}
    assert found.nodes[1].labels == {}, "several labels a row are no classes"


def test_figures_agree_with_networkx(papers_graph):
    directed = nx.MultiDiGraph()
    directed.add_nodes_from(range(6))
    for part in range(2):
        edges = papers_graph.edges(CITES, part)
        first = papers_graph.offsets("paper")[part]
        targets = np.repeat(np.arange(edges.num_dst), np.diff(edges.indptr)) + first
        directed.add_edges_from(zip(edges.src.tolist(), targets.tolist(), strict=True))
    found = statistics(papers_graph)
    crossing = [nx.edge_boundary(directed, part) for part in (range(3), range(3, 6))]
    assert found.edge_cut == sum(len(list(edges)) for edges in crossing) / 9
    boundary = {source for source, target, _ in directed.edges if source < 3 <= target}
    assert found.halo[1] == len(boundary)
    degrees = sorted(degree for _, degree in directed.in_degree())
    assert degrees == np.repeat(found.edges[0].degrees, found.edges[0].degree_counts).tolist()


def test_sizes_are_those_of_the_files(scholars_graph):
    found = statistics(scholars_graph)
    for part in range(2):
        folder = scholars_graph.path / f"part-{part:05d}"
        for name, sizes in (("nodes", found.node_bytes), ("edges", found.edge_bytes)):
            assert sizes[part] == sum(path.stat().st_size for path in (folder / name).iterdir())


@pytest.mark.parametrize(("counts", "expected"), [([2, 2], 1), ([4, 0], 2), ([0, 0], 1), ([3], 1)])
def test_balance(counts, expected):
    assert balance(counts) == expected


def test_random_parts_are_what_random_parts_give(tmp_path):
    raw = generate(3000, 30_000, num_features=0)
    partition_graph(raw, tmp_path / "out", num_parts=4, method="hash", progress=False)
    found = statistics(ShardedGraph.open(tmp_path / "out"))
    assert found.replication == pytest.approx(found.random_replication, rel=0.02)
    assert found.edge_cut == pytest.approx(found.random_edge_cut, rel=0.02)
