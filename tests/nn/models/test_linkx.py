import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import LINKX
from tests.nn.models.graphs import EDGES, NUM_NODES, WEIGHT, csc, sparse_tensor
from tests.nn.parity import assert_parity

OPTIONS = [
    {},
    {"num_edge_layers": 2},
    {"num_edge_layers": 3, "num_node_layers": 2, "dropout": 0.4},
]


@pytest.mark.parametrize("options", OPTIONS, ids=map(str, range(len(OPTIONS))))
@pytest.mark.parametrize("num_layers", [1, 3])
def test_as_torch_geometric(num_layers, options):
    sizes = NUM_NODES, 5, 8, 3, num_layers
    ours, theirs = LINKX(*sizes, **options), pyg.LINKX(*sizes, **options)
    assert repr(ours) == repr(theirs)
    x = torch.randn(NUM_NODES, 5)
    assert_parity(ours, theirs, x, EDGES)
    assert_parity(ours, theirs, x, EDGES, WEIGHT)
    assert_parity(ours, theirs, None, EDGES)
    assert_parity(ours, theirs, x, sparse_tensor())
    assert_parity(ours, theirs, x, sparse_tensor(WEIGHT))


def test_the_three_forms_of_edges_agree():
    model = LINKX(NUM_NODES, 5, 8, 3, 2).double().eval()
    x = torch.randn(NUM_NODES, 5).double()
    expected = model(x, EDGES, WEIGHT)
    torch.testing.assert_close(model(x, csc(WEIGHT)), expected)
    torch.testing.assert_close(model(x, sparse_tensor(WEIGHT)), expected)
    order = torch.randperm(EDGES.size(1))
    torch.testing.assert_close(model(x, EDGES[:, order], WEIGHT[order]), expected)


def test_lazy_input_size_copies_pickles_resets():
    model = LINKX(NUM_NODES, -1, 8, 3, 2).eval()
    x = torch.randn(NUM_NODES, 5)
    out = model(x, EDGES)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(x, EDGES), out)
    model.reset_parameters()
    assert not torch.equal(model(x, EDGES), out)


def test_graph_without_edges():
    none = torch.empty(2, 0, dtype=torch.int64)
    model = LINKX(NUM_NODES, 5, 8, 3, 2)
    assert model(torch.randn(NUM_NODES, 5), none).shape == (NUM_NODES, 3)


def test_bad_input():
    model = LINKX(NUM_NODES, 5, 8, 3, 2)
    with pytest.raises(ArgumentError, match=r"x has shape \[8, 4\]"):
        model(torch.randn(NUM_NODES, 4), EDGES)
    with pytest.raises(ArgumentError, match="targets from 8 to 14"):
        model(torch.randn(NUM_NODES, 5), EDGES + 8)
    with pytest.raises(ArgumentError, match=r"torch\.int64"):
        model(torch.randn(NUM_NODES, 5), EDGES.float())
