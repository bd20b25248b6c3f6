"""What must hold for every model on node features: renamed nodes, autocast, empty graphs, GPUs."""

import pytest
import torch
from torch import nn

from distgnn import nn as zoo
from tests.nn.models.graphs import EDGES, NUM_NODES

BATCH = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1])
EDGE_ATTR = torch.randn(EDGES.size(1), 4)


class Neighbours(nn.Module):
    """A block of a reversible layer."""

    def __init__(self):
        super().__init__()
        self.conv = zoo.SAGEConv(3, 3)

    def forward(self, x, edges):
        return self.conv(x.relu(), edges)


def nodewise():
    """Models that give a row per node: name, model, call(model, x, edges)."""
    rev = zoo.GroupAddRev(Neighbours(), num_groups=2)
    deep = zoo.DeepGCNLayer(zoo.SAGEConv(6, 6), zoo.LayerNorm(6), nn.ReLU(), ckpt_grad=True)
    return {
        "GraphUNet": zoo.GraphUNet(6, 8, 3, 2, pool_ratios=0.8),
        "PMLP": zoo.PMLP(6, 8, 3, 3).eval(),
        "RECT_L": zoo.RECT_L(6, 4),
        "GroupAddRev": rev,
        "DeepGCNLayer": deep,
        "LabelPropagation": zoo.LabelPropagation(3, 0.8),
    }


NODEWISE = list(nodewise())


@pytest.mark.parametrize("name", NODEWISE)
def test_renaming_nodes_permutes_the_output(name):
    torch.manual_seed(5)
    model = nodewise()[name].double()
    x = torch.randn(NUM_NODES, 6).double()
    order = torch.randperm(NUM_NODES)
    expected = model(x, EDGES)[order]
    torch.testing.assert_close(model(x[order], order.argsort()[EDGES]), expected)
    shuffled = EDGES[:, torch.randperm(EDGES.size(1))]
    torch.testing.assert_close(model(x, shuffled)[order], expected)


@pytest.mark.parametrize("name", NODEWISE)
def test_bfloat16_autocast(name):
    model = nodewise()[name]
    x = torch.randn(NUM_NODES, 6, requires_grad=True)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model(x, EDGES)
    assert bool(out.isfinite().all())
    if out.requires_grad:
        out.float().sum().backward()
        assert all(p.grad is not None for p in model.parameters())


@pytest.mark.parametrize("name", NODEWISE)
def test_graph_without_nodes(name):
    out = nodewise()[name](torch.empty(0, 6), torch.empty(2, 0, dtype=torch.int64))
    assert out.shape[0] == 0


@pytest.mark.gpu
@pytest.mark.parametrize("name", NODEWISE)
def test_devices_agree(name):
    model = nodewise()[name].double()
    x = torch.randn(NUM_NODES, 6).double()
    expected = model(x, EDGES)
    out = model.cuda()(x.cuda(), EDGES.cuda())
    torch.testing.assert_close(out.cpu(), expected)
    if out.requires_grad:
        out.sum().backward()
        assert all(p.grad.is_cuda for p in model.parameters())


def test_molecules_under_autocast():
    x = torch.randn(NUM_NODES, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = zoo.AttentiveFP(6, 8, 3, 4, 2, 2)(x, EDGES, EDGE_ATTR, BATCH)
        fingerprint = zoo.NeuralFingerprint(6, 8, 3, 2)(x, EDGES, BATCH)
    (out.float().sum() + fingerprint.float().sum()).backward()


@pytest.mark.parametrize("name", ["PMLP", "RECT_L", "LabelPropagation", "LINKX"])
def test_compiles_without_graph_break(name):
    x = torch.randn(NUM_NODES, 6)
    model = zoo.LINKX(NUM_NODES, 6, 8, 3, 2) if name == "LINKX" else nodewise()[name]
    compiled = torch.compile(model, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x, EDGES), model(x, EDGES))
