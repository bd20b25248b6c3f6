"""Linear maps, biases and ReLU, whose backward passes leave out rows that nothing depends on.

In a sampled batch the loss reads the seeds, the layer before it one more hop, and so on: counted
from the end, most rows get a gradient of exactly zero. They are found by looking from the end,
which stops at once where every row has a gradient, and then cost nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn import _kernels
from distgnn.nn.kernels import NATIVE_TYPES

MIN_ROWS = 8192
"""Below this many rows a product costs less than looking."""


def row_linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return ``x @ weight.T + bias``, as `torch.nn.functional.linear`.

    Args:
        x: Float [N, in_channels]; other shapes take torch's own way.
        weight: Float [out_channels, in_channels].
        bias: Float [out_channels] or None.

    Returns:
        Float [N, out_channels].
    """
    if not _pays(x, weight):
        return F.linear(x, weight, bias)
    out: Tensor = _RowLinear.apply(x, weight, bias, None, None)  # type: ignore[no-untyped-call]
    return out


def row_linear_sum(
    x: Tensor, weight: Tensor, bias: Tensor | None, other: Tensor, other_weight: Tensor
) -> Tensor:
    """Return ``x @ weight.T + bias``, plus ``other @ other_weight.T`` in the first rows.

    Args:
        x: Float [N, in_channels].
        weight: Float [out_channels, in_channels].
        bias: Float [out_channels] or None.
        other: Float [n, other_channels], n at most N.
        other_weight: Float [out_channels, other_channels].

    Returns:
        Float [N, out_channels].
    """
    if not _pays(x, weight):
        out, part = F.linear(x, weight, bias), F.linear(other, other_weight)
        if part.size(0) == out.size(0):
            return out + part
        return torch.cat([out[: part.size(0)] + part, out[part.size(0) :]])
    summed: Tensor = _RowLinear.apply(  # type: ignore[no-untyped-call]
        x, weight, bias, other, other_weight
    )
    return summed


def add_bias(x: Tensor, bias: Tensor | None) -> Tensor:
    """Return ``x + bias``, possibly in the memory of `x`, which must not be used again.

    Args:
        x: Float [N, channels], the result of an operator that needs it no longer.
        bias: Float [channels] or None.

    Returns:
        Float [N, channels].
    """
    if bias is None:
        return x
    if not _pays(x, bias) or x._is_view():  # noqa: SLF001 -- a view's memory is not its own
        return x + bias
    out: Tensor = _AddBias.apply(x, bias)  # type: ignore[no-untyped-call]
    return out


class ReLU(nn.ReLU):
    """`torch.nn.ReLU`, whose backward pass leaves out the last rows if nothing depends on them."""

    def forward(self, x: Tensor) -> Tensor:
        """Return max(x, 0) elementwise, float [*]."""
        if self.inplace or not _pays(x, x):
            return super().forward(x)
        out: Tensor = _ReLU.apply(x)  # type: ignore[no-untyped-call]
        return out


def _pays(x: Tensor, weight: Tensor) -> bool:
    return (
        x.dim() == 2
        and x.size(0) >= MIN_ROWS
        and x.device.type == "cpu"
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and torch.is_grad_enabled()
        and (x.requires_grad or weight.requires_grad)
    )


class _RowLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        other: Tensor | None,
        other_weight: Tensor | None,
    ) -> Tensor:
        ctx.save_for_backward(x, weight, other, other_weight)
        out = F.linear(x, weight, bias)
        if other is not None and other_weight is not None:
            out[: other.size(0)].addmm_(other, other_weight.t())
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, other, other_weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias, needs_other, needs_other_weight = ctx.needs_input_grad
        # A second derivative is by the rows without a gradient, too.
        num_rows = g.size(0) if torch.is_grad_enabled() else _num_rows_with_gradient(g)
        rows = g[:num_rows]
        grad_x = _product(rows, weight, g.size(0)) if needs_x else None
        grad_weight = rows.t() @ x[:num_rows] if needs_weight else None
        grad_bias = rows.sum(0) if needs_bias else None
        grad_other = grad_other_weight = None
        if other is not None:
            rows = rows[: other.size(0)]
            grad_other = _product(rows, other_weight, other.size(0)) if needs_other else None
            if needs_other_weight:
                grad_other_weight = rows.t() @ other[: rows.size(0)]
        return grad_x, grad_weight, grad_bias, grad_other, grad_other_weight


def _product(rows: Tensor, weight: Tensor, num_rows: int) -> Tensor:
    """Return ``rows @ weight`` and rows of zeros, `num_rows` in all."""
    if rows.size(0) == num_rows:
        return rows @ weight
    out = _zeros(num_rows, weight.size(1), rows)
    torch.mm(rows, weight, out=out[: rows.size(0)])
    return out


def _zeros(num_rows: int, width: int, like: Tensor) -> Tensor:
    """Return zeros, made by numpy: the system gives them memory only where they are written."""
    zeros = np.zeros((num_rows, width), like.detach()[:0].numpy().dtype)
    return torch.from_numpy(zeros)


class _AddBias(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        return x.add_(bias)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        needs_x, needs_bias = ctx.needs_input_grad
        num_rows = g.size(0) if torch.is_grad_enabled() else _num_rows_with_gradient(g)
        return g if needs_x else None, g[:num_rows].sum(0) if needs_bias else None


class _ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out = x.clamp_min(0)
        ctx.save_for_backward(out)
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (out,) = ctx.saved_tensors
        if torch.is_grad_enabled():
            return g * ~(out <= 0)  # NaN passes, as in torch
        num_rows = _num_rows_with_gradient(g)
        if num_rows == g.size(0):
            return torch.ops.aten.threshold_backward(g, out, 0)
        grad = _zeros(g.size(0), g.size(1), g)
        torch.ops.aten.threshold_backward(
            g[:num_rows], out[:num_rows], 0, grad_input=grad[:num_rows]
        )
        return grad


def _num_rows_with_gradient(g: Tensor) -> int:
    """Return the number of rows up to the last one that is not all zero."""
    if g.dtype not in NATIVE_TYPES or not g.is_contiguous():
        return g.size(0)
    return _kernels.num_rows_not_zero(g.detach().numpy())
