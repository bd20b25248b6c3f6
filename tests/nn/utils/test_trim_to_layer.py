"""Cutting a sampled batch to what a layer still needs."""

import torch
import torch_geometric.utils as pyg

from distgnn.csc import CSC
from distgnn.nn.utils import to_sparse_tensor, trim_to_layer

# Seeds 0 and 1; hop 1: nodes 2 and 3; hop 2: nodes 4, 5 and 6.
EDGES = torch.tensor([[2, 1, 3, 4, 5, 6], [0, 0, 1, 2, 2, 3]])
NODES, COUNTS = [2, 2, 3], [3, 3]
X = torch.arange(7.0).view(7, 1)
ATTR = torch.arange(6.0)


def test_by_hand():
    assert trim_to_layer(0, NODES, COUNTS, X, EDGES, ATTR)[0] is X
    x, edges, attr = trim_to_layer(1, NODES, COUNTS, X, EDGES, ATTR)
    assert x.view(-1).tolist() == [0, 1, 2, 3]
    assert edges.tolist() == [[2, 1, 3], [0, 0, 1]]
    assert attr.tolist() == [0, 1, 2]
    x, edges, attr = trim_to_layer(2, NODES, COUNTS, x, edges, attr)
    assert (x.size(0), edges.size(1), attr.numel()) == (2, 0, 0)


def test_sorted_forms():
    csc = CSC(torch.tensor([0, 2, 3, 5, 6]), EDGES[0], 7, ATTR)
    _, cut, _ = trim_to_layer(1, NODES, COUNTS, X, csc)
    assert (cut.num_dst, cut.num_src) == (2, 4)
    assert cut.edge_index().tolist() == [[2, 1, 3], [0, 0, 1]]
    assert cut.weight.tolist() == [0, 1, 2]
    adj_t = to_sparse_tensor(EDGES, ATTR, 7)
    _, ours, _ = trim_to_layer(1, NODES, COUNTS, X, adj_t)
    _, theirs, _ = pyg.trim_to_layer(1, NODES, COUNTS, X, adj_t)
    assert ours.sizes() == theirs.sizes() == [4, 4]
    torch.testing.assert_close(ours.to_dense(), theirs.to_dense())
    torch.testing.assert_close(adj_t.to_dense()[:2, :4], ours.to_dense()[:2])


def test_several_types():
    writes, cites = ("author", "writes", "paper"), ("paper", "cites", "paper")
    nodes = {"paper": [1, 2], "author": [0, 2]}
    counts = {writes: [2], cites: [2]}
    x = {"paper": torch.arange(3.0), "author": torch.arange(2.0)}
    edges = {writes: torch.tensor([[0, 1], [0, 0]]), cites: torch.tensor([[1, 2], [0, 0]])}
    attr = {cites: torch.ones(2)}
    found = trim_to_layer(1, nodes, counts, x, edges, attr)
    assert {key: rows.numel() for key, rows in found[0].items()} == {"paper": 1, "author": 0}
    assert all(index.size(1) == 0 for index in found[1].values())
    assert found[2][cites].numel() == 0
