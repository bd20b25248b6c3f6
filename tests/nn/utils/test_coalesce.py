import pytest
import scipy.sparse
import torch
import torch_geometric.utils
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils import coalesce, index2ptr, ptr2index, sort_edge_index
from distgnn.nn.utils.sort_edge_index import edge_order
from tests.nn.utils.strategies import graphs, pairs_of

EDGES = torch.tensor([[2, 0, 1, 0, 2, 0], [1, 1, 0, 2, 1, 1]])
ATTR = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def test_repeated_edges_are_merged_and_their_attributes_added():
    edges, attr = coalesce(EDGES, ATTR)
    assert pairs_of(edges) == [(0, 1), (0, 2), (1, 0), (2, 1)]
    assert attr.tolist() == [8, 4, 3, 6]


def test_edges_come_alone_unless_attributes_were_named():
    assert isinstance(coalesce(EDGES), torch.Tensor)
    assert coalesce(EDGES, None)[1] is None
    assert coalesce(EDGES, [ATTR, ATTR])[1][1].tolist() == [8, 4, 3, 6]
    assert isinstance(sort_edge_index(EDGES), torch.Tensor)
    assert sort_edge_index(EDGES, None)[1] is None


def test_sorting_by_target():
    edges, attr = sort_edge_index(EDGES, ATTR, sort_by_row=False)
    assert pairs_of(edges) == [(1, 0), (0, 1), (0, 1), (2, 1), (2, 1), (0, 2)]
    assert attr.tolist() == [3, 2, 6, 1, 5, 4]


@settings(max_examples=60)
@given(
    graph=graphs(), reduce=st.sampled_from(["sum", "mean", "min", "max", "mul"]), row=st.booleans()
)
def test_torch_geometric_merges_alike(graph, reduce, row):
    edges, num_nodes = graph
    attr = torch.arange(edges.size(1) * 2.0).view(-1, 2) + 1
    ours = coalesce(edges, attr, num_nodes, reduce, sort_by_row=row)
    theirs = torch_geometric.utils.coalesce(edges, attr, num_nodes, reduce, sort_by_row=row)
    assert torch.equal(ours[0], theirs[0])
    assert torch.allclose(ours[1], theirs[1])


@settings(max_examples=60)
@given(graph=graphs())
def test_scipy_merges_alike(graph):
    edges, num_nodes = graph
    values = torch.rand(edges.size(1), dtype=torch.double)
    shape = (num_nodes, num_nodes)
    matrix = scipy.sparse.coo_array((values.numpy(), tuple(edges.numpy())), shape=shape).tocsr()
    matrix.sort_indices()
    merged, attr = coalesce(edges, values, num_nodes)
    assert merged[1].tolist() == matrix.indices.tolist()
    assert index2ptr(merged[0], num_nodes).tolist() == matrix.indptr.tolist()
    assert attr.numpy() == pytest.approx(matrix.data)


@settings(max_examples=60)
@given(graph=graphs())
def test_sorting_keeps_the_order_of_repeated_edges(graph):
    edges, num_nodes = graph
    expected = sorted(range(edges.size(1)), key=lambda e: (edges[0, e], edges[1, e]))
    assert edge_order(edges, num_nodes).tolist() == expected
    # Numbers of pairs beyond int64 are sorted in two passes.
    assert edge_order(edges, 2**40).tolist() == expected


def test_sorted_edges_are_not_sorted_again():
    edges = torch.tensor([[1, 1, 0], [0, 0, 1]])
    merged, attr = coalesce(edges, torch.ones(3), is_sorted=True)
    assert pairs_of(merged) == [(1, 0), (0, 1)]
    assert attr.tolist() == [2, 1]


def test_gradients_reach_the_attributes():
    attr = ATTR.clone().requires_grad_()
    coalesce(EDGES, attr)[1].dot(torch.tensor([1.0, 2.0, 3.0, 4.0])).backward()
    assert attr.grad.tolist() == [4, 1, 3, 2, 4, 1]


@settings(max_examples=40)
@given(graph=graphs())
def test_pointers_and_indices_are_inverse(graph):
    edges, num_nodes = graph
    index = edges[0].sort().values
    ptr = index2ptr(index, num_nodes)
    assert ptr.tolist() == [int((index < n).sum()) for n in range(num_nodes + 1)]
    assert ptr2index(ptr).tolist() == index.tolist()
    assert ptr2index(ptr, index.numel()).tolist() == index.tolist()


def test_pointers_without_a_size_end_at_the_largest_index():
    assert index2ptr(torch.tensor([0, 2, 2])).tolist() == [0, 1, 1, 3]
    assert index2ptr(torch.empty(0, dtype=torch.int64)).tolist() == [0]


@pytest.mark.parametrize("function", [coalesce, sort_edge_index])
def test_bad_edges_are_refused(function):
    with pytest.raises(ArgumentError, match=r"shape \[3, 2\], expected \[2, E\]"):
        function(EDGES[:, :3].t())
    with pytest.raises(ArgumentError, match=r"torch.float32, expected torch.int64"):
        function(EDGES.float())
    with pytest.raises(ArgumentError, match=r"sources up to 2 .* there are 2 and 2 nodes"):
        function(EDGES, num_nodes=2)
    with pytest.raises(ArgumentError, match="node -1"):
        function(torch.tensor([[0, -1], [0, 0]]))
    with pytest.raises(ArgumentError, match=r"edge_attr has shape \[3\], expected \[6, ...\]"):
        function(EDGES, ATTR[:3])


def test_unknown_reductions_are_refused():
    with pytest.raises(ArgumentError, match="reduce='avg' is unknown; expected one of 'sum'"):
        coalesce(EDGES, reduce="avg")
