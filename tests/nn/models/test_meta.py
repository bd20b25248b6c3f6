import copy

import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn

from distgnn.nn import MetaLayer
from distgnn.nn.utils import scatter
from tests.nn.parity import assert_parity

EDGES = torch.tensor([[0, 1, 2, 3, 3], [1, 2, 3, 0, 4]])
BATCH = torch.tensor([0, 0, 0, 1, 1, 1])


class EdgeModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3 + 3 + 2 + 4, 2)

    def forward(self, src, dst, edge_attr, u, batch):
        return self.lin(torch.cat([src, dst, edge_attr, u[batch]], dim=1)).relu()


class NodeModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3 + 2 + 4, 3)

    def forward(self, x, edge_index, edge_attr, u, batch):
        out = scatter(edge_attr, edge_index[1], 0, x.size(0), "mean")
        return self.lin(torch.cat([x, out, u[batch]], dim=1)).relu()


class GlobalModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4 + 3, 4)

    def forward(self, x, edge_index, edge_attr, u, batch):
        return self.lin(torch.cat([u, scatter(x, batch, 0, u.size(0), "mean")], dim=1))


MODELS = [EdgeModel, NodeModel, GlobalModel]


@pytest.mark.parametrize("missing", [None, 0, 1, 2])
def test_as_torch_geometric(missing):
    def models():
        return [None if i == missing else model() for i, model in enumerate(MODELS)]

    ours, theirs = MetaLayer(*models()), pyg.MetaLayer(*models())
    inputs = torch.randn(6, 3), EDGES, torch.randn(5, 2), torch.randn(2, 4), BATCH
    assert_parity(ours, theirs, *inputs)
    assert repr(ours) == repr(theirs)
    assert torch.equal(copy.deepcopy(ours).float()(*inputs)[0], ours.float()(*inputs)[0])


def test_any_callable_will_do():
    layer = MetaLayer(
        edge_model=lambda src, dst, edge_attr, u, batch: src - dst,
        node_model=lambda x, edge_index, edge_attr, u, batch: x + edge_attr.sum(),
    )
    x = torch.arange(6.0).view(6, 1)
    out, edge_attr, u = layer(x, EDGES)
    assert edge_attr.flatten().tolist() == [-1, -1, -1, 3, -1]
    assert torch.equal(out, x - 1)
    assert u is None


def test_given_models_start_anew():
    model = NodeModel()
    before = model.lin.weight.clone()
    MetaLayer(node_model=model)
    assert not torch.equal(model.lin.weight, before)
