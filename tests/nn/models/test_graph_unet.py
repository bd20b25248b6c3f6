import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import GraphUNet
from tests.nn.models.graphs import EDGES, NUM_NODES, csc, sparse_tensor
from tests.nn.parity import assert_parity

X = torch.randn(NUM_NODES, 5, generator=torch.Generator().manual_seed(1))
BATCH = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1])
OPTIONS = [
    {},
    {"sum_res": False},
    {"pool_ratios": 0.8},
    {"pool_ratios": [0.9, 2], "act": "elu"},
    {"pool_ratios": [6, 3], "act": torch.tanh},
]


@pytest.mark.parametrize("batch", [None, BATCH], ids=["one graph", "graphs"])
@pytest.mark.parametrize("depth", [1, 2])
@pytest.mark.parametrize("options", OPTIONS, ids=map(str, range(len(OPTIONS))))
def test_as_torch_geometric(options, depth, batch):
    if isinstance(options.get("pool_ratios"), list):
        options = {**options, "pool_ratios": options["pool_ratios"][:depth]}
    torch.manual_seed(3)
    ours, theirs = GraphUNet(5, 6, 3, depth, **options), pyg.GraphUNet(5, 6, 3, depth, **options)
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, X, EDGES, batch)


def test_squared_adjacency_against_dense_algebra():
    weight = torch.rand(EDGES.size(1)).double()
    edges, squared = GraphUNet(5, 6, 3, 1).augment_adj(EDGES, weight, NUM_NODES)
    dense = torch.zeros(NUM_NODES, NUM_NODES).double()
    dense.index_put_((EDGES[0], EDGES[1]), weight, accumulate=True)
    dense = dense.fill_diagonal_(1.0)
    expected = (dense @ dense).fill_diagonal_(0.0)
    out = torch.zeros(NUM_NODES, NUM_NODES).double()
    out[edges[0], edges[1]] = squared
    torch.testing.assert_close(out, expected)


def test_forms_copies_pickles_resets():
    model = GraphUNet(5, 6, 3, 2)
    out = model(X, EDGES)
    for form in (csc(), sparse_tensor(), EDGES[:, torch.randperm(EDGES.size(1))]):
        torch.testing.assert_close(model(X, form), out)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X, EDGES), out)
    model.reset_parameters()
    assert not torch.equal(model(X, EDGES), out)


def test_graph_without_edges():
    none = torch.empty(2, 0, dtype=torch.int64)
    assert GraphUNet(5, 6, 3, 2)(X, none).shape == (NUM_NODES, 3)
    assert GraphUNet(5, 6, 3, 2)(X[:0], none).shape == (0, 3)


def test_bad_input():
    with pytest.raises(ArgumentError, match="depth=0"):
        GraphUNet(5, 6, 3, 0)
    with pytest.raises(ArgumentError, match=r"pool_ratios=\[0.5\]"):
        GraphUNet(5, 6, 3, 2, [0.5])
    with pytest.raises(ArgumentError, match="did you mean 'relu'"):
        GraphUNet(5, 6, 3, 2, act="rlu")
    with pytest.raises(ArgumentError, match=r"edge_index has shape \[3, 13\]"):
        GraphUNet(5, 6, 3, 2)(X, torch.cat([EDGES, EDGES[:1]]))
