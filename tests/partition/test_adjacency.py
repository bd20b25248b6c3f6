import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import PartitionError
from distgnn.partition import adjacency as module
from distgnn.partition import kernels
from distgnn.partition.adjacency import build_adjacency, int64_column, without_edges
from distgnn.testing.graphs import scholars
from tests.partition.graphs import adjacency_of, raw_of


def neighbours(graph):
    return [
        sorted(graph.indices[graph.indptr[v] : graph.indptr[v + 1]].tolist())
        for v in range(graph.num_nodes)
    ]


def test_both_directions_without_loops_and_duplicates():
    graph = adjacency_of([(0, 1), (1, 0), (0, 1), (2, 2), (3, 1)], 4)
    assert graph.indptr.tolist() == [0, 1, 3, 3, 4]
    assert graph.indices.tolist() == [1, 0, 3, 1]
    assert graph.indices.dtype == np.int32
    assert (graph.num_nodes, graph.num_edges) == (4, 2)


def test_types_are_numbered_one_after_another():
    graph = build_adjacency(scholars().raw)
    # Authors are 0 to 2, papers 3 to 6; `by` is the reverse of `writes`, and `cites` is undirected.
    assert graph.node_offsets.tolist() == [0, 3, 7]
    assert neighbours(graph) == [
        [3, 4],
        [4, 6],
        [4, 6],
        [0, 4, 5],
        [0, 1, 2, 3, 5, 6],
        [3, 4],
        [1, 2, 4],
    ]


@settings(max_examples=100)
@given(edges=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40))
def test_equals_networkx(edges):
    oracle = nx.Graph()
    oracle.add_nodes_from(range(10))
    oracle.add_edges_from((u, v) for u, v in edges if u != v)
    graph = adjacency_of(edges, 10)
    assert neighbours(graph) == [sorted(oracle[v]) for v in range(10)]
    assert graph.num_edges == oracle.number_of_edges()


def test_without_edges_knows_the_nodes():
    graph = without_edges(scholars().raw)
    assert graph.node_offsets.tolist() == [0, 3, 7]
    assert (graph.num_nodes, graph.num_edges) == (7, 0)


def test_too_many_nodes_are_refused(monkeypatch):
    monkeypatch.setattr(module, "MAX_NODES", 5)
    with pytest.raises(PartitionError, match="7 nodes; partitioning in memory takes at most 5"):
        build_adjacency(scholars().raw)


def test_one_chunk_is_viewed_and_many_are_joined():
    table = raw_of([(0, 1), (1, 0)], 2).edges["node", "to", "node"]
    column = int64_column(table, "src")
    assert (
        column.__array_interface__["data"][0] == table.column("src").chunk(0).buffers()[1].address
    )
    assert int64_column(pa.concat_tables([table, table]), "src").tolist() == [0, 1, 0, 1]
    assert int64_column(table.slice(0, 0), "src").tolist() == []
    assert int64_column(pa.table({"src": pa.chunked_array([], pa.int64())}), "src").tolist() == []


@pytest.mark.parametrize(
    ("edge", "message"),
    [((5, 0), r"src\[1\] = 5 is no row"), ((0, -1), r"dst\[1\] = -1 is no row of .* 2 rows")],
)
def test_an_edge_to_an_unknown_row_is_named(edge, message):
    with pytest.raises(ValueError, match=message):
        adjacency_of([(0, 1), edge], 2)


@pytest.mark.parametrize(
    ("block", "num_nodes", "message"),
    [
        ((np.zeros(2, np.int64), np.zeros(1, np.int64), 0, 2, 0, 2), 2, "dst has 1 values"),
        ((np.zeros((1, 1), np.int64), np.zeros(1, np.int64), 0, 2, 0, 2), 2, "src has 2 dim"),
        ((np.zeros(1, np.int64), np.zeros(1, np.int64), 1, 2, 0, 2), 2, "sources 1 . 2 are not"),
        ((np.zeros(1, np.int64), np.zeros(1, np.int64), 0, 2, 0, 3), 2, "destinations 0 . 3"),
        (
            (np.zeros(1, np.int64), np.zeros(1, np.int64), 0, 2, 0, 3),
            2**31,
            "num_nodes = 2147483648",
        ),
    ],
)
def test_kernel_checks_its_arguments(block, num_nodes, message):
    with pytest.raises(ValueError, match=message):
        kernels.build_adjacency([block], num_nodes)
