import copy

import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn

from distgnn.nn import DeepGraphInfomax
from tests.nn.parity import assert_parity

X = torch.randn(10, 3)
FLIP = torch.arange(9, -1, -1)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(3, 4)

    def forward(self, x, scale=None, shift=None):
        out = self.lin(x).tanh()
        out = out if scale is None else out * scale
        return out if shift is None else out + shift


class Summary(nn.Module):
    def __init__(self):
        super().__init__()
        self.lin = nn.Linear(4, 4)

    def forward(self, z, *args, **kwargs):
        return self.lin(z.mean(dim=0)).sigmoid()


def build(cls, corruption):
    return cls(4, Encoder(), Summary(), corruption)


CORRUPTIONS = {
    "only x": lambda x, *args, **kwargs: x[FLIP],
    "two positions": lambda x, scale, **kwargs: (x[FLIP], 2 * scale),
    "by name": lambda x, scale, shift: (x[FLIP], scale, shift - 1),
}


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_as_torch_geometric(name):
    ours, theirs = (
        build(cls, CORRUPTIONS[name]) for cls in (DeepGraphInfomax, pyg.DeepGraphInfomax)
    )
    assert repr(ours) == repr(theirs)
    scale, shift = torch.rand(10, 1), torch.rand(10, 1)

    def loss(module, *args, **kwargs):
        outs = module(*args, **kwargs)
        return module.loss(*outs), outs, module.discriminate(*outs[::2], sigmoid=False)

    if name == "only x":
        assert_parity(ours, theirs, X, call=loss)
    elif name == "two positions":
        assert_parity(ours, theirs, X, scale, call=loss)
    else:
        assert_parity(ours, theirs, X, scale=scale, shift=shift, call=loss)
        assert_parity(ours, theirs, X, scale, shift=shift, call=loss)


def test_summaries_of_several_graphs():
    ours, theirs = (build(cls, None) for cls in (DeepGraphInfomax, pyg.DeepGraphInfomax))
    z, summary = torch.randn(10, 4), torch.randn(2, 4)
    assert_parity(ours, theirs, z, summary, call=lambda m, *args: m.discriminate(*args))


def test_logistic_regression_separates_what_is_separable():
    model = build(DeepGraphInfomax, None)
    z = torch.cat([torch.randn(50, 4) - 3, torch.randn(50, 4) + 3])
    y = torch.arange(100) // 50
    assert model.test(z[::2], y[::2], z[1::2], y[1::2], max_iter=150) == 1.0


def test_given_modules_start_anew_and_copies():
    encoder = Encoder()
    before = encoder.lin.weight.clone()
    model = DeepGraphInfomax(4, encoder, Summary(), CORRUPTIONS["only x"])
    assert not torch.equal(encoder.lin.weight, before)
    assert float(model.weight.detach().abs().max()) <= 0.5
    for a, b in zip(copy.deepcopy(model)(X), model(X), strict=True):
        assert torch.equal(a, b)
