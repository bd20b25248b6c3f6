"""Linear maps and biases that leave out the last rows without a gradient."""

import pytest
import torch
import torch.nn.functional as F

from distgnn.nn import _kernels
from distgnn.nn import row_linear as module
from distgnn.nn.resolver import activation_resolver
from distgnn.nn.row_linear import ReLU, add_bias, row_linear, row_linear_sum


@pytest.fixture(autouse=True)
def small(monkeypatch):
    monkeypatch.setattr(module, "MIN_ROWS", 4)


def tensors():
    generator = torch.Generator().manual_seed(0)
    shapes = [(11, 4), (5, 4), (5,), (7, 3), (5, 3)]
    return [torch.randn(s, generator=generator).double().requires_grad_() for s in shapes]


def plain(x, weight, bias, other, other_weight):
    part = F.pad(F.linear(other, other_weight), (0, 0, 0, x.size(0) - other.size(0)))
    return F.linear(x, weight, bias) + part


@pytest.mark.parametrize("last", [0, 1, 3, 8, 11])
@pytest.mark.parametrize("bias", [True, False])
def test_gradients_do_not_depend_on_the_tail(last, bias):
    inputs = tensors()
    inputs[2] = inputs[2] if bias else None
    wanted = [t for t in inputs if t is not None]
    g = torch.randn(11, 5, dtype=torch.double)
    g[last:] = 0
    found, expected = row_linear_sum(*inputs), plain(*inputs)
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(
        torch.autograd.grad(found, wanted, g),
        torch.autograd.grad(expected, wanted, g),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    one, other = row_linear(*inputs[:3]), F.linear(*inputs[:3])
    wanted = [t for t in inputs[:3] if t is not None]
    for ours, theirs in zip(
        torch.autograd.grad(one, wanted, g), torch.autograd.grad(other, wanted, g), strict=True
    ):
        torch.testing.assert_close(ours, theirs)


def test_derivatives_of_all_orders():
    assert torch.autograd.gradcheck(row_linear_sum, tensors())
    assert torch.autograd.gradgradcheck(row_linear_sum, tensors())


@pytest.mark.parametrize("no_grad", [True, False])
def test_other_ways_give_the_same(monkeypatch, no_grad):
    inputs = tensors()
    expected = plain(*inputs)
    monkeypatch.setattr(module, "MIN_ROWS", 100)
    with torch.set_grad_enabled(not no_grad):
        torch.testing.assert_close(row_linear_sum(*inputs), expected)
        full = [*inputs[:3], torch.ones(11, 3).double(), inputs[4]]
        torch.testing.assert_close(row_linear_sum(*full), plain(*full))


def test_autocast_takes_torchs_way():
    x, weight, bias, *_ = (t.detach().float().requires_grad_() for t in tensors())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = row_linear(x, weight, bias)
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert weight.grad.dtype == torch.float32


@pytest.mark.parametrize("last", [0, 4, 11])
def test_a_bias_is_added_in_place_with_the_same_gradients(last):
    x, _, bias, *_ = tensors()
    x = x[:, :1].detach().repeat(1, 5).requires_grad_()
    g = torch.randn(11, 5, dtype=torch.double)
    g[last:] = 0
    fresh = x * 2
    found = add_bias(fresh, bias)
    assert found.data_ptr() == fresh.data_ptr()
    torch.testing.assert_close(found, x * 2 + bias)
    for ours, theirs in zip(
        torch.autograd.grad(found, [x, bias], g),
        torch.autograd.grad(x * 2 + bias, [x, bias], g),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs)
    assert torch.autograd.gradgradcheck(lambda x, bias: add_bias(x * x, bias), [x, bias])


def test_a_bias_leaves_a_view_and_its_base_alone():
    x, _, bias, *_ = tensors()
    base = x[:, :1].detach().repeat(1, 5)
    before = base.clone()
    assert add_bias(base[:10], bias).data_ptr() != base.data_ptr()
    torch.testing.assert_close(base, before)
    assert add_bias(base, None) is base


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("row", "column"), [(0, 0), (3, 2), (1999, 6), (1500, 6)])
def test_rows_are_counted_up_to_the_last_one_that_is_not_zero(dtype, row, column):
    rows = torch.zeros(2000, 7, dtype=dtype)
    assert _kernels.num_rows_not_zero(rows.numpy()) == 0
    rows[row, column] = 1e-30
    assert _kernels.num_rows_not_zero(rows.numpy()) == row + 1
    assert _kernels.num_rows_not_zero(rows[:, :0].contiguous().numpy()) == 0


@pytest.mark.parametrize("last", [0, 4, 11])
def test_relu_is_torchs(last):
    x, *_ = tensors()
    with torch.no_grad():
        x[2, 1] = 0.0
        x[3, 1] = torch.nan
    g = torch.randn(11, 4, dtype=torch.double)
    g[last:] = 0
    ours, theirs = ReLU()(x), x.relu()
    torch.testing.assert_close(ours, theirs, equal_nan=True)
    (found,), (expected,) = (torch.autograd.grad(out, [x], g) for out in (ours, theirs))
    torch.testing.assert_close(found, expected)
    assert repr(ReLU()) == repr(torch.nn.ReLU())
    assert isinstance(activation_resolver("relu"), ReLU)


def test_second_derivatives_of_relu():
    x = (torch.rand(6, 3, dtype=torch.double) + 0.1).mul(torch.tensor([1, -1, 1])).requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: ReLU()(x * x.sign()) ** 2, [x])
