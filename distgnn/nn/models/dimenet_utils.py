r"""Spherical Bessel functions and Legendre polynomials: the special functions of DimeNet's bases.

Notation: orders :math:`l = 0, 1, \ldots`, :math:`j_l` the spherical Bessel function of the first
kind, :math:`z_{ln}` its n-th positive zero.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    import numpy.typing as npt


@cache
def spherical_bessel_zeros(num_orders: int, num_zeros: int) -> npt.NDArray[np.float64]:
    """Return the first positive zeros of the spherical Bessel functions.

    The zeros of neighbouring orders interlace, and those of order 0 are multiples of pi, so every
    zero is bracketed by two of the order below.

    Args:
        num_orders: Number of orders L: 0, ..., L - 1.
        num_zeros: Number of zeros n of each.

    Returns:
        float64 [L, n], read-only.
    """
    brackets = np.arange(1, num_zeros + num_orders) * np.pi
    zeros = np.empty((num_orders, num_zeros))
    for order in range(num_orders):
        if order > 0:
            pairs = pairwise(brackets)
            brackets = np.array([_zero_between(order, low, high) for low, high in pairs])
        zeros[order] = brackets[:num_zeros]
    zeros.setflags(write=False)
    return zeros


def _zero_between(order: int, low: float, high: float) -> float:
    from scipy.optimize import brentq  # 0.3 s that only users of these bases should pay
    from scipy.special import spherical_jn

    return float(brentq(lambda x: spherical_jn(order, x), low, high, xtol=1e-14, rtol=1e-15))


def spherical_bessel(x: Tensor, num_derivatives: int = 0) -> Tensor:
    """Evaluate each spherical Bessel function, or a derivative of it, at points of its own.

    To rounding the values of `scipy.special.spherical_jn`, also near 0, and differentiable any
    number of times.

    Args:
        x: Points >= 0, float [E, L, R]: order l is evaluated at ``x[:, l]``.
        num_derivatives: How often to differentiate.

    Returns:
        Float [E, L, R].

    Raises:
        ArgumentError: `x` does not have three dimensions.
    """
    if x.dim() != 3:
        msg = f"x has shape {list(x.shape)}, expected [E, L, R]: order l is evaluated at x[:, l]"
        raise ArgumentError(msg)
    return _SphericalBessel.apply(x, num_derivatives)  # type: ignore[no-untyped-call]


class _SphericalBessel(torch.autograd.Function):
    """A derivative of j_l is a combination of the orders around l, free of any division by x."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, num_derivatives: int) -> Tensor:
        ctx.save_for_backward(x)
        ctx.num_derivatives = num_derivatives
        wide = x if x.dtype == torch.float64 else x.float()
        mix = torch.as_tensor(
            _derivative_mix(x.size(1), num_derivatives), dtype=wide.dtype, device=x.device
        )
        out = torch.zeros_like(wide)
        for order, values in enumerate(_all_orders(wide, mix.size(1))):
            low, high = max(0, order - num_derivatives), order + num_derivatives + 1
            out[:, low:high] += mix[low:high, order, None] * values[:, low:high]
        return out.to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return grad * spherical_bessel(x, ctx.num_derivatives + 1), None


@cache
def _derivative_mix(num_orders: int, num_derivatives: int) -> npt.NDArray[np.float64]:
    """Return c [L, L + k] with d^k/dx^k j_l = sum_m c[l, m] j_m.

    By (2l + 1) j_l' = l j_(l-1) - (l + 1) j_(l+1): DLMF 10.51.2, https://dlmf.nist.gov/10.51.
    """
    size = num_orders + num_derivatives
    once = np.zeros((size, size))
    for order in range(size):
        if order > 0:
            once[order, order - 1] = order / (2 * order + 1)
        if order + 1 < size:
            once[order, order + 1] = -(order + 1) / (2 * order + 1)
    return np.linalg.matrix_power(once, num_derivatives)[:num_orders]


def _all_orders(x: Tensor, num_orders: int) -> list[Tensor]:
    """Return j_0, ..., j_(num_orders - 1) at every entry of `x`.

    The recurrence j_(l+1) = (2l + 1)/x j_l - j_(l-1) (DLMF 10.51.1) is stable upwards while l < x;
    beyond, the ratio j_l / j_(l-1) comes from its continued fraction, evaluated downwards.
    """
    safe = x.clamp_min(torch.finfo(x.dtype).tiny)
    inverse = safe.reciprocal()
    ratios = _ratios(x, num_orders)
    values = [torch.where(x == 0, torch.ones_like(x), safe.sin() * inverse)]
    for order in range(1, num_orders):
        below = values[-2] if order > 1 else safe.cos() * inverse  # order -1
        upwards = (2 * order - 1) * inverse * values[-1] - below
        values.append(torch.where(x > order, upwards, ratios[order] * values[-1]))
    return values


def _ratios(x: Tensor, num_orders: int) -> list[Tensor]:
    """Return j_l(x) / j_(l-1)(x) for l < num_orders, good where x <= l; entry 0 is unused."""
    ratio = torch.zeros_like(x)
    ratios = [ratio] * num_orders
    for order in range(2 * num_orders + 16, 0, -1):
        ratio = x / ((2 * order + 1) - x * ratio)
        if order < num_orders:
            ratios[order] = ratio
    return ratios


def legendre(x: Tensor, num_orders: int) -> Tensor:
    """Evaluate the Legendre polynomials P_0, ..., P_(L-1).

    By (l + 1) P_(l+1) = (2l + 1) x P_l - l P_(l-1): DLMF 14.10.3, https://dlmf.nist.gov/14.10.

    Args:
        x: Points, float [T].
        num_orders: Number of orders L, at least 1.

    Returns:
        Float [T, L].
    """
    values = [torch.ones_like(x), x]
    for order in range(1, num_orders - 1):
        values.append(((2 * order + 1) * x * values[-1] - order * values[-2]) / (order + 1))
    return torch.stack(values[:num_orders], dim=-1)
