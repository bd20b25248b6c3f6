"""Self-loops and the normalisation of GCN against torch-geometric and by hand."""

import itertools

import pytest
import torch
import torch_geometric.utils as pyg
from torch_geometric.nn.conv.gcn_conv import gcn_norm as peer_norm

from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import to_csc
from distgnn.nn.conv.normalized import normalize
from distgnn.nn.utils import (
    add_remaining_self_loops,
    add_self_loops,
    contains_self_loops,
    gcn_norm,
    remove_self_loops,
    segregate_self_loops,
    to_sparse_tensor,
)

EDGES = torch.tensor([[0, 1, 1, 2, 1, 4], [1, 1, 2, 0, 1, 1]])
"""1 has two loops, 3 is isolated."""
WEIGHT = torch.tensor([1.0, 2, 3, 4, 5, 6], dtype=torch.double)
ATTR = torch.stack([WEIGHT, -WEIGHT], dim=1)


def test_by_hand():
    assert contains_self_loops(EDGES)
    kept, weight = remove_self_loops(EDGES, WEIGHT)
    assert kept.tolist() == [[0, 1, 2, 4], [1, 2, 0, 1]]
    assert weight.tolist() == [1, 3, 4, 6]
    assert not contains_self_loops(kept)
    edges, weight, loops, loop_weight = segregate_self_loops(EDGES, WEIGHT)
    assert (edges.tolist(), weight.tolist()) == (kept.tolist(), [1, 3, 4, 6])
    assert (loops.tolist(), loop_weight.tolist()) == ([[1, 1], [1, 1]], [2, 5])
    assert segregate_self_loops(EDGES)[1] is None
    found, weight = add_remaining_self_loops(EDGES, WEIGHT, 9.0)
    assert found.tolist() == [[0, 1, 2, 4, 0, 1, 2, 3, 4], [1, 2, 0, 1, 0, 1, 2, 3, 4]]
    assert weight.tolist() == [1, 3, 4, 6, 9, 5, 9, 9, 9]  # the last of two loops


@pytest.mark.parametrize("function", ["add_self_loops", "add_remaining_self_loops"])
@pytest.mark.parametrize("fill_value", [None, 2.0, "mean", "add", "max", torch.tensor([3.0, 4.0])])
@pytest.mark.parametrize("num_nodes", [None, 7])
def test_against_the_peer(function, fill_value, num_nodes):
    mine = {"add_self_loops": add_self_loops, "add_remaining_self_loops": add_remaining_self_loops}
    for attr in (None, ATTR):
        found = mine[function](EDGES, attr, fill_value, num_nodes)
        expected = getattr(pyg, function)(EDGES, attr, fill_value, num_nodes)
        assert torch.equal(found[0], expected[0])
        if attr is not None:
            torch.testing.assert_close(found[1], expected[1])


def test_two_kinds_of_nodes():
    found, _ = add_self_loops(EDGES, num_nodes=(5, 3))
    assert found[:, 6:].tolist() == [[0, 1, 2], [0, 1, 2]]


@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
@pytest.mark.parametrize("improved", [False, True])
@pytest.mark.parametrize("add_loops", [False, True])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_norm(flow, improved, add_loops, weight):
    found = gcn_norm(EDGES, weight, 6, improved, add_loops, flow, torch.double)
    expected = peer_norm(EDGES, weight, 6, improved, add_loops, flow, torch.double)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_norm_of_other_forms(weight):
    adj_t = to_sparse_tensor(EDGES, weight, 6)
    for improved, loops in itertools.product([False, True], repeat=2):
        found = gcn_norm(adj_t, None, 6, improved, loops, dtype=torch.double)
        expected = peer_norm(adj_t, None, 6, improved, loops, dtype=torch.double)
        torch.testing.assert_close(found.to_dense(), expected.to_dense())
    csc, order = to_csc(EDGES, 6, 6)
    csc.weight = None if weight is None else weight[order]
    edges, weights = gcn_norm(csc, dtype=torch.double)
    expected = gcn_norm(EDGES, weight, 6, dtype=torch.double)
    dense = torch.zeros(2, 6, 6, dtype=torch.double)
    for out, (index, value) in zip(dense, ((edges, weights), expected), strict=True):
        out.index_put_((index[1], index[0]), value, accumulate=True)
    torch.testing.assert_close(dense[0], dense[1])


@pytest.mark.parametrize("weight", [None, WEIGHT, WEIGHT.clone().requires_grad_()])
@pytest.mark.parametrize("loop_weight", [None, 1.0])
def test_normalised_adjacency_that_is_never_written_out(weight, loop_weight):
    csc, order = to_csc(EDGES, 6, 6)
    sorted_weight = None if weight is None else weight[order]
    found = normalize(csc, sorted_weight, torch.double, loop_weight=loop_weight)
    out = found.multiply(torch.eye(6, dtype=torch.double))
    edges, values = gcn_norm(
        EDGES, weight, 6, add_self_loops=loop_weight is not None, dtype=torch.double
    )
    dense = torch.zeros(6, 6, dtype=torch.double).index_put(
        (edges[1], edges[0]), values, accumulate=True
    )
    torch.testing.assert_close(out, dense)


def test_norm_checks_its_edges():
    with pytest.raises(ArgumentError, match="edge_index has shape"):
        gcn_norm(EDGES.t())
