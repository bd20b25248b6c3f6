import pytest
import torch
import torch_geometric.utils
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_sparse import SparseTensor

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.utils import spmm, to_edge_index, to_sparse_tensor
from tests.nn.utils.strategies import graphs, pairs_of

EDGES = torch.tensor([[2, 0, 0, 3], [1, 1, 0, 1]])
REDUCTIONS = ["sum", "mean", "min", "max"]
LAYOUTS = ["coo", "csr", "csc"]


def matrix(layout=None, value=None):
    """3 rows (the last one empty), 4 columns."""
    row, col = torch.tensor([0, 1, 1, 1]), torch.tensor([0, 3, 0, 2])
    adj = SparseTensor(row=row, col=col, value=value, sparse_sizes=(3, 4))
    return adj if layout is None else getattr(adj, f"to_torch_sparse_{layout}_tensor")()


def test_rows_of_the_transposed_adjacency_are_targets():
    adj_t = to_sparse_tensor(EDGES, torch.tensor([1.0, 2.0, 3.0, 4.0]), size=(4, 3))
    assert adj_t.sizes() == [3, 4]
    assert adj_t.to_dense().tolist() == [[3, 0, 0, 0], [2, 0, 1, 4], [0, 0, 0, 0]]
    assert to_sparse_tensor(EDGES).sizes() == [4, 4]
    assert to_sparse_tensor(EDGES, size=6).sizes() == [6, 6]
    assert not to_sparse_tensor(EDGES).has_value()


@settings(max_examples=40)
@given(graph=graphs(), weighted=st.booleans())
def test_edges_survive_the_round_trip(graph, weighted):
    edges, num_nodes = graph
    values = torch.arange(edges.size(1)) + 1.0 if weighted else None
    adj_t = to_sparse_tensor(edges, values, num_nodes)
    back, found = to_edge_index(adj_t)
    expected = sorted(
        zip(pairs_of(edges), [1.0] * edges.size(1) if values is None else values, strict=True),
        key=lambda item: (item[0][1], item[0][0]),
    )
    assert pairs_of(back.flip(0)) == [pair for pair, _ in expected]
    assert found.tolist() == [float(value) for _, value in expected]


def test_a_csc_shares_its_storage():
    csc = CSC(torch.tensor([0, 2, 3]), torch.tensor([1, 3, 0]), 4, torch.tensor([1.0, 2.0, 3.0]))
    adj_t = to_sparse_tensor(csc)
    assert adj_t.sizes() == [2, 4]
    assert adj_t.storage.col().data_ptr() == csc.indices.data_ptr()
    assert to_sparse_tensor(csc, torch.zeros(3)).storage.value().tolist() == [0, 0, 0]


@pytest.mark.parametrize("layout", [None, *LAYOUTS])
@pytest.mark.parametrize("weighted", [True, False])
def test_torch_geometric_reads_matrices_alike(layout, weighted):
    adj = matrix(layout, torch.tensor([1.0, 2.0, 3.0, 4.0]) if weighted else None)
    for ours, theirs in zip(
        to_edge_index(adj), torch_geometric.utils.to_edge_index(adj), strict=True
    ):
        assert torch.equal(ours, theirs)
        assert ours.dtype == theirs.dtype


def test_repeated_entries_of_coo_tensors_are_added():
    adj = torch.sparse_coo_tensor(torch.tensor([[0, 0], [1, 1]]), torch.ones(2), (2, 3))
    edges, values = to_edge_index(adj)
    assert pairs_of(edges) == [(0, 1)]
    assert values.tolist() == [2]


@pytest.mark.parametrize("reduce", REDUCTIONS)
@pytest.mark.parametrize("layout", [None, *LAYOUTS])
@pytest.mark.parametrize("weighted", [True, False])
def test_products_and_gradients_are_those_of_torch_sparse(reduce, layout, weighted):
    other = torch.randn(4, 3, dtype=torch.double)
    results = []
    for function, form in ((spmm, layout), (torch_geometric.utils.spmm, None)):
        value = torch.tensor([-1.0, 2.0, 3.0, 0.5], dtype=torch.double)
        value = value.requires_grad_() if weighted else torch.ones_like(value)
        dense = other.clone().requires_grad_()
        out = function(matrix(form, value), dense, reduce)
        (out * torch.arange(9.0).view(3, 3)).sum().backward()
        results.append([out, dense.grad, *([value.grad] if weighted else [])])
    for ours, theirs in zip(*results, strict=True):
        assert torch.allclose(ours, theirs)


def test_products_with_a_csc_and_with_vectors():
    adj_t = matrix(value=torch.tensor([1.0, 2.0, 3.0, 4.0]))
    rowptr, col, value = adj_t.csr()
    vector = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert spmm(CSC(rowptr, col, 4, value), vector).tolist() == [1, 23, 0]
    assert spmm(adj_t, vector, "mean").tolist() == [1, pytest.approx(23 / 3), 0]


def test_bad_matrices_are_refused():
    with pytest.raises(ArgumentError, match=r"got a torch.strided tensor of shape \[2, 4\]"):
        to_edge_index(EDGES)
    with pytest.raises(ArgumentError, match="got a str"):
        spmm("adj", torch.ones(4))
    with pytest.raises(ArgumentError, match=r"other has shape \[3, 2\], expected \[4, F\]"):
        spmm(matrix(), torch.ones(3, 2))
    with pytest.raises(ArgumentError, match="reduce='avg' is unknown"):
        spmm(matrix(), torch.ones(4, 2), "avg")
    with pytest.raises(ArgumentError, match=r"edge_attr has shape \[2\]"):
        to_sparse_tensor(EDGES, torch.ones(2))
    with pytest.raises(ArgumentError, match="there are 2 and 2 nodes"):
        to_sparse_tensor(EDGES, size=2)
