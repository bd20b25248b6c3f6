import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import BatchNorm, DeepGCNLayer
from tests.nn.parity import assert_parity

EDGES = torch.tensor([[0, 1, 2, 3, 3], [1, 2, 3, 0, 3]])


class Conv(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, x, edges, scale=1.0):
        return self.lin(torch.zeros_like(x).index_add(0, edges[1], x[edges[0]])) * scale


def build(cls, norm, block, **options):
    torch.manual_seed(0)
    return cls(Conv(), norm(4), nn.ReLU(), block=block, **options)


@pytest.mark.parametrize("ckpt_grad", [True, False])
@pytest.mark.parametrize("dropout", [0.0, 0.4])
@pytest.mark.parametrize("block", ["res+", "res", "dense", "plain"])
def test_as_torch_geometric(block, dropout, ckpt_grad):
    ours = build(DeepGCNLayer, BatchNorm, block, dropout=dropout, ckpt_grad=ckpt_grad)
    theirs = build(pyg.DeepGCNLayer, pyg.BatchNorm, block, dropout=dropout)
    # The same draws, the same running statistics after one step.
    assert_parity(ours, theirs, torch.randn(6, 4), EDGES)
    assert_parity(ours, theirs, torch.randn(6, 4), EDGES, scale=0.5)
    assert repr(ours) == repr(theirs)


def test_checkpointing_keeps_less_and_updates_running_statistics_once():
    saved = {}
    for ckpt_grad in (False, True):
        layers = nn.Sequential(
            *[build(DeepGCNLayer, BatchNorm, "res+", ckpt_grad=ckpt_grad) for _ in range(4)]
        )
        x = torch.randn(6, 4)
        count = []

        def pack(tensor, count=count):
            count.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            h = x
            for layer in layers:
                h = layer(h, EDGES)
        saved[ckpt_grad] = sum(count)
        h.sum().backward()
        assert all(int(layer.norm.module.num_batches_tracked) == 1 for layer in layers)
    assert saved[True] < saved[False] / 3


def test_parts_may_be_missing():
    x = torch.randn(6, 4)
    conv = Conv()
    assert torch.equal(DeepGCNLayer(conv)(x, EDGES), x + conv(x, EDGES))
    assert torch.equal(DeepGCNLayer(block="plain", act=torch.relu)(x), x.relu())


@pytest.mark.parametrize("ckpt_grad", [True, False])
def test_copies_and_pickles(ckpt_grad):
    layer = build(DeepGCNLayer, BatchNorm, "res", ckpt_grad=ckpt_grad).eval()
    x = torch.randn(6, 4, requires_grad=True)
    for other in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(other(x, EDGES), layer(x, EDGES))


def test_compiles_without_graph_break():
    layer = DeepGCNLayer(Conv(), nn.LayerNorm(4), nn.ReLU(), ckpt_grad=True)
    compiled = torch.compile(layer, backend="aot_eager", fullgraph=True)
    x = torch.randn(6, 4, requires_grad=True)
    torch.testing.assert_close(compiled(x, EDGES), layer(x, EDGES))


def test_compiled_with_running_statistics():
    layer = build(DeepGCNLayer, BatchNorm, "res+", ckpt_grad=True)
    plain = copy.deepcopy(layer)
    compiled = torch.compile(layer, backend="aot_eager")
    x = torch.randn(6, 4)
    for model in (compiled, plain):
        model(x, EDGES).square().sum().backward()
    for ours, theirs in zip(layer.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)
    for ours, theirs in zip(layer.buffers(), plain.buffers(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_unknown_block():
    with pytest.raises(ArgumentError, match=r"block='rest' .* did you mean 'res'"):
        DeepGCNLayer(Conv(), block="rest")
