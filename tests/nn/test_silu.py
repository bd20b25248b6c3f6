import pytest
import torch
import torch.nn.functional as F
from torch import nn

from distgnn.nn.resolver import swish
from distgnn.nn.silu import faster, silu


def test_value_and_derivatives_of_any_order():
    x = (torch.randn(6, 5, dtype=torch.float64) * 4).requires_grad_()
    torch.testing.assert_close(silu(x), F.silu(x))
    assert torch.autograd.gradcheck(silu, x)
    assert torch.autograd.gradgradcheck(silu, x)

    def third(function):
        (g,) = torch.autograd.grad(function(x).sum(), x, create_graph=True)
        (gg,) = torch.autograd.grad((g * g).sum(), x, create_graph=True)
        return torch.autograd.grad((gg * gg).sum(), x)[0]

    torch.testing.assert_close(third(silu), third(lambda x: x * x.sigmoid()))


@pytest.mark.parametrize("shape", [(0,), (3, 4), (300, 500)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_types_shapes_and_layouts(shape, dtype):
    x = torch.randn(*shape).to(dtype).t() if len(shape) == 2 else torch.randn(shape).to(dtype)
    results = []
    for function in (silu, F.silu):
        y = x.detach().clone().requires_grad_()
        out = function(y)
        (g,) = torch.autograd.grad(out.sum(), y, create_graph=True)
        (g * g).sum().backward()
        results.append((out.detach(), g.detach(), y.grad))
    torch.testing.assert_close(*results)


def test_takes_the_place_of_equal_functions_only():
    assert faster(swish) is silu
    assert faster(F.silu) is silu
    assert faster(nn.SiLU()) is silu
    assert faster(torch.relu) is torch.relu
