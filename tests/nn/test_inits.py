import math

import pytest
import torch
import torch_geometric.nn.inits as pyg
from torch import nn

from distgnn.nn import inits
from distgnn.nn.reset import reset


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("glorot", lambda t: (t,)),
        ("kaiming_uniform", lambda t: (t, 5, math.sqrt(5))),
        ("uniform", lambda t: (7, t)),
        ("zeros", lambda t: (t,)),
        ("ones", lambda t: (t,)),
        ("constant", lambda t: (t, 0.3)),
        ("normal", lambda t: (t, 1.0, 2.0)),
        ("glorot_orthogonal", lambda t: (t, 2.0)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_same_draws_as_torch_geometric(name, arguments):
    drawn = []
    for module in (inits, pyg):
        tensor = nn.Parameter(torch.full((6, 4), 9.0))
        torch.manual_seed(0)
        getattr(module, name)(*arguments(tensor))
        drawn.append(tensor.detach())
    torch.testing.assert_close(drawn[0], drawn[1])


def test_modules_and_none():
    lin = nn.Linear(3, 4)
    inits.ones(lin)
    assert torch.equal(lin.weight, torch.ones(4, 3))
    assert torch.equal(lin.bias, torch.ones(4))
    inits.zeros(None)
    inits.glorot_orthogonal(None, 1.0)


@pytest.mark.parametrize("shape", [(0, 0), (3, 0)])
def test_empty_tensors(shape):
    tensor = torch.empty(shape)
    inits.glorot(tensor)
    inits.uniform(0, tensor)
    inits.kaiming_uniform(tensor, 0, 1.0)


def test_reset_finds_what_can_be_reset():
    inner = nn.Linear(3, 4)
    stack = nn.Sequential(nn.Sequential(inner, nn.ReLU()), nn.ReLU())
    before = inner.weight.clone()
    reset(stack)
    assert not torch.equal(inner.weight, before)
    for other in (None, torch.relu, nn.ReLU()):
        reset(other)
