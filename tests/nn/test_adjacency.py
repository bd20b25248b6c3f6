"""Edges in three forms, checked and sorted by target."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import check_edge_index, reorder, to_csc
from distgnn.nn.utils import to_sparse_tensor


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 3)), max_size=12), st.booleans())
@settings(max_examples=60, deadline=None)
def test_sorting_keeps_every_edge_and_its_value(edges, backwards):
    edge_index = torch.tensor(edges, dtype=torch.int64).view(-1, 2).t()
    value = torch.arange(edge_index.size(1))
    given_edges = edge_index.flip(0) if backwards else edge_index
    flow = "target_to_source" if backwards else "source_to_target"
    csc, order = to_csc(given_edges, 5, 4, flow)
    assert (csc.num_src, csc.num_dst) == (5, 4)
    sorted_value = reorder(order, value)
    assert torch.equal(edge_index[:, sorted_value], csc.edge_index())
    by_target = sorted(range(len(edges)), key=lambda e: edges[e][1])  # stable
    assert sorted_value.tolist() == by_target


def test_sorted_edges_are_not_sorted_again():
    edge_index = torch.tensor([[3, 1, 0], [0, 0, 2]])
    csc, order = to_csc(edge_index, 4, 3)
    assert order is None
    assert csc.indices.data_ptr() == edge_index.data_ptr()
    assert reorder(None, torch.ones(3)).tolist() == [1, 1, 1]
    assert reorder(torch.tensor([0]), None) is None


def test_a_sparse_tensor_shares_its_storage():
    adj_t = to_sparse_tensor(torch.tensor([[1, 0], [0, 1]]), torch.ones(2))
    csc, order = to_csc(adj_t, 2, 2)
    assert order is None
    assert csc.indices.data_ptr() == adj_t.storage.col().data_ptr()
    assert csc.weight.tolist() == [1, 1]


@pytest.mark.parametrize(
    ("edge_index", "match"),
    [
        (torch.tensor([[0], [3]]), "targets from 3 to 3, but there are 3"),
        (torch.tensor([[0, 0], [2, -1]]), "targets from -1 to 2"),
        (CSC(torch.tensor([0, 0]), torch.empty(0, dtype=torch.int64), 4), "to 1 targets"),
    ],
)
def test_nodes_that_do_not_exist(edge_index, match):
    with pytest.raises(ArgumentError, match=match):
        to_csc(edge_index, 4, 3)


def test_what_is_no_adjacency():
    with pytest.raises(ArgumentError, match="edge_index is a dict"):
        check_edge_index({})
