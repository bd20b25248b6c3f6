"""SiLU whose first and second derivatives take one pass over memory each, on the CPU."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn import _kernels
from distgnn.nn.kernels import NATIVE_TYPES
from distgnn.nn.resolver import swish

if TYPE_CHECKING:
    from collections.abc import Callable


def silu(x: Tensor) -> Tensor:
    """Return x * sigmoid(x), elementwise; meant for models whose gradients are differentiated."""
    if x.device.type != "cpu" or x.dtype not in NATIVE_TYPES:
        return F.silu(x)
    return _Silu.apply(x)  # type: ignore[no-untyped-call]


def faster(act: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return `silu` in place of the other functions of the same value."""
    return silu if act in (swish, F.silu) or type(act) is nn.SiLU else act


class _Silu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        gate = x.sigmoid()
        ctx.save_for_backward(x, gate)
        return x * gate

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Tensor:
        x, gate = ctx.saved_tensors
        return _Slope.apply(x, gate, g)  # type: ignore[no-untyped-call]


class _Slope(torch.autograd.Function):
    """g f'(x), given sigmoid(x)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, gate: Tensor, g: Tensor) -> Tensor:
        ctx.save_for_backward(x, gate, g)
        out = torch.empty_like(x, memory_format=torch.contiguous_format)
        _kernels.silu_slope(
            _array(x), _array(gate), _array(g), out.numpy(), torch.get_num_threads()
        )
        return out

    @staticmethod
    def backward(ctx: Any, h: Tensor) -> tuple[Tensor, None, Tensor]:
        x, gate, g = ctx.saved_tensors
        if torch.is_grad_enabled():  # a third derivative may follow
            gate = x.sigmoid()
            slope = gate * (1 + x * (1 - gate))
            curve = gate * (1 - gate) * (2 + x * (1 - 2 * gate))
            return h * g * curve, None, h * slope
        by_g, by_x = torch.empty_like(g), torch.empty_like(x)
        by_g, by_x = by_g.contiguous(), by_x.contiguous()
        _kernels.silu_curve(
            _array(x), _array(gate), _array(g), _array(h), by_g.numpy(), by_x.numpy(),
            torch.get_num_threads(),
        )  # fmt: skip
        return by_x, None, by_g


def _array(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().numpy()
