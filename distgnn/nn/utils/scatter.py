"""Reduce the values of each group, groups named by an index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.exceptions import ArgumentError, nearest

if TYPE_CHECKING:
    from torch import Tensor

REDUCTIONS = ("sum", "add", "mean", "min", "max", "mul", "any")
_NATIVE = {"min": "amin", "max": "amax", "mul": "prod"}


def scatter(
    src: Tensor, index: Tensor, dim: int = 0, dim_size: int | None = None, reduce: str = "sum"
) -> Tensor:
    """Reduce all values of `src` that share an entry of `index`.

    A group without values gets 0 for sum, mean, min, max and any, and 1 for mul. The gradient of
    min and max is shared by all values that attain it.

    Args:
        src: Values, [..., n, ...] with n entries along `dim`.
        index: Group of each entry along `dim`, int64 [n].
        dim: Dimension to reduce.
        dim_size: Number of groups; None: one more than the largest index.
        reduce: ``"sum"`` (or ``"add"``), ``"mean"``, ``"min"``, ``"max"``, ``"mul"``, or ``"any"``
            (one of the values, which one is not said).

    Returns:
        The shape of `src` with `dim_size` along `dim`.

    Raises:
        ArgumentError: `index` is not one-dimensional, `dim` does not exist, or `reduce` is unknown.
    """
    if index.dim() != 1:
        msg = f"index has shape {list(index.shape)}, expected one dimension [{src.shape[dim]}]"
        raise ArgumentError(msg)
    if not -src.dim() <= dim < src.dim():
        msg = f"dim={dim} does not exist in src of shape {list(src.shape)}"
        raise ArgumentError(msg)
    if reduce not in REDUCTIONS:
        msg = f"reduce={reduce!r} is unknown{nearest(reduce, REDUCTIONS)}"
        raise ArgumentError(msg)
    dim = dim % src.dim()
    size = count_groups(index, dim_size)
    shape = [*src.shape[:dim], size, *src.shape[dim + 1 :]]
    if reduce == "any":
        return src.new_zeros(shape).index_copy(dim, index, src)
    if reduce in ("sum", "add"):
        return src.new_zeros(shape).index_add(dim, index, src)
    if reduce == "mean":
        total = src.new_zeros(shape).index_add(dim, index, src)
        counts = src.new_zeros(size).index_add_(0, index, src.new_ones(index.numel()))
        return total / _along(counts.clamp_(min=1), dim, src.dim())
    start = src.new_ones(shape) if reduce == "mul" else src.new_zeros(shape)
    where = _along(index, dim, src.dim()).expand_as(src)
    return start.scatter_reduce(dim, where, src, _NATIVE[reduce], include_self=reduce == "mul")


def count_groups(index: Tensor, dim_size: int | None) -> int:
    """Return `dim_size`, or one more than the largest of `index` (0 if it is empty)."""
    if dim_size is not None:
        return dim_size
    return int(index.max()) + 1 if index.numel() > 0 else 0


def group_maximum(src: Tensor, index: Tensor, dim_size: int) -> Tensor:
    """Return the maximum per group along the first dimension, without gradient."""
    shape = [dim_size, *src.shape[1:]]
    where = _along(index, 0, src.dim()).expand_as(src)
    start = torch.zeros(shape, dtype=src.dtype, device=src.device)
    return start.scatter_reduce_(0, where, src.detach(), "amax", include_self=False)


def _along(vector: Tensor, dim: int, num_dims: int) -> Tensor:
    shape = [1] * num_dims
    shape[dim] = -1
    return vector.view(shape)
