# ruff: noqa: ARG001 -- operators take what their gradients need; fakes look at shapes only
"""Sparse kernels as torch operators: autograd, `torch.compile` and any device.

On the CPU, float32 and float64 run in C++ (`distgnn/nn/csrc`), half types are computed in float32.
Elsewhere they are composed of torch's own operators. An adjacency is passed as two halves, sorted
by target and sorted by source: gradients swap them, so that nothing is ever sorted or scattered in
a backward pass. A half is (indptr, indices, position of each edge's value or None).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError, MissingDependencyError
from distgnn.nn import composed

try:
    from distgnn.nn import _kernels
except ImportError as error:
    msg = "the compiled kernels of distgnn.nn are missing: run `pip install --editable .` again"
    raise MissingDependencyError(msg) from error

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

NATIVE_TYPES = (torch.float32, torch.float64)


@torch.library.custom_op("distgnn::spmm", mutates_args=())
def spmm(
    x: Tensor,
    weight: Tensor | None,
    indptr: Tensor,
    indices: Tensor,
    pos: Tensor | None,
    other_indptr: Tensor | None,
    other_indices: Tensor | None,
    other_pos: Tensor | None,
    heads: int,
    row_scale: Tensor | None,
    col_scale: Tensor | None,
    diag: Tensor | None,
    skip_loops: bool,
) -> Tensor:
    """Multiply the adjacency by `x`: for every target the (weighted) sum over its in-edges.

    Args:
        x: Source features, float [S, heads * C].
        weight: A factor per edge and head, [E, heads] in value order, or None.
        indptr: Limits of the targets' edges, int64 [D + 1].
        indices: Source of each edge, int64 [E].
        pos: Where each edge's value lies in `weight`, int64 [E]; None: in edge order.
        other_indptr: The other half, needed when `x` requires grad; int64 [S + 1].
        other_indices: Target of each edge, sorted by source, int64 [E].
        other_pos: Where the values of these edges lie.
        heads: Number of heads.
        row_scale: A constant factor per target, [D], or None.
        col_scale: A constant factor per source, [S], or None.
        diag: A constant [n]; ``diag[i] * x[i]`` is added to the first n targets.
        skip_loops: Leave out edges from a node to itself; only without `weight`.

    Returns:
        [D, heads * C].
    """
    _check_indices(indices)
    if not _native(x):
        return composed.spmm(
            x, weight, indptr, indices, pos, heads, row_scale, col_scale, diag, skip_loops
        )
    dtype = _compute_type(x)
    out = torch.empty(indptr.numel() - 1, x.size(1), dtype=dtype)
    try:
        _kernels.spmm(
            _array(indptr), _array(indices), _maybe(pos), _array(x, dtype), heads,
            _maybe(weight, dtype), _maybe(row_scale, dtype), _maybe(col_scale, dtype),
            _maybe(diag, dtype), skip_loops, out.numpy(), torch.get_num_threads(),
        )  # fmt: skip
    except IndexError as error:
        raise _out_of_range(error) from None
    return out.to(x.dtype)


@spmm.register_fake
def _(x: Tensor, weight: Tensor | None, indptr: Tensor, *_: Any) -> Tensor:
    return x.new_empty(indptr.size(0) - 1, x.size(1))


def _spmm_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, weight, *half, heads, row_scale, col_scale, diag, skip_loops = inputs
    kept = x if ctx.needs_input_grad[1] else None
    ctx.save_for_backward(kept, weight, *half, row_scale, col_scale, diag)
    ctx.heads, ctx.skip_loops = heads, skip_loops


def _spmm_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, weight, *halves, row_scale, col_scale, diag = ctx.saved_tensors
    half, other = halves[:3], halves[3:]
    grad_x = grad_weight = None
    if ctx.needs_input_grad[0]:
        grad_x = spmm(
            g.contiguous(), weight, *other, *half,
            ctx.heads, col_scale, row_scale, diag, ctx.skip_loops,
        )  # fmt: skip
    if ctx.needs_input_grad[1]:
        scaled_g = g if row_scale is None else g * row_scale.to(g.dtype).unsqueeze(1)
        scaled_x = x if col_scale is None else x * col_scale.to(x.dtype).unsqueeze(1)
        grad_weight = sddmm(scaled_g.contiguous(), scaled_x, *half, *other, ctx.heads)
    return grad_x, grad_weight, *[None] * 11


spmm.register_autograd(_spmm_backward, setup_context=_spmm_setup)


@torch.library.custom_op("distgnn::sddmm", mutates_args=())
def sddmm(
    g: Tensor,
    x: Tensor,
    indptr: Tensor,
    indices: Tensor,
    pos: Tensor | None,
    other_indptr: Tensor | None,
    other_indices: Tensor | None,
    other_pos: Tensor | None,
    heads: int,
) -> Tensor:
    """Return for every edge and head the inner product of its target's and its source's row.

    Args:
        g: Target rows, float [D, heads * C].
        x: Source rows, float [S, heads * C].
        indptr: See `spmm`, as all that follow.
        indices: Source of each edge.
        pos: Where each edge's value goes in the result.
        other_indptr: The other half, needed when `g` or `x` requires grad.
        other_indices: Target of each edge, sorted by source.
        other_pos: Where the values of these edges lie.
        heads: Number of heads.

    Returns:
        [E, heads] in value order.
    """
    _check_indices(indices)
    if not _native(x):
        return composed.sddmm(g, x, indptr, indices, pos, heads)
    dtype = _compute_type(x)
    out = torch.empty(indices.numel(), heads, dtype=dtype)
    try:
        _kernels.sddmm(
            _array(indptr), _array(indices), _maybe(pos), _array(g, dtype), _array(x, dtype),
            heads, out.numpy(), torch.get_num_threads(),
        )  # fmt: skip
    except IndexError as error:
        raise _out_of_range(error) from None
    return out.to(x.dtype)


@sddmm.register_fake
def _(g: Tensor, x: Tensor, indptr: Tensor, indices: Tensor, *args: Any) -> Tensor:
    return x.new_empty(indices.size(0), args[-1])


def _sddmm_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    *tensors, ctx.heads = inputs
    ctx.save_for_backward(*tensors)


def _sddmm_backward(ctx: Any, products: Tensor) -> tuple[Tensor | None, ...]:
    g, x, *halves = ctx.saved_tensors
    half, other = halves[:3], halves[3:]
    plain = (ctx.heads, None, None, None, False)
    products = products.contiguous()
    grad_g = spmm(x, products, *half, *other, *plain) if ctx.needs_input_grad[0] else None
    grad_x = spmm(g, products, *other, *half, *plain) if ctx.needs_input_grad[1] else None
    return grad_g, grad_x, *[None] * 7


sddmm.register_autograd(_sddmm_backward, setup_context=_sddmm_setup)


@torch.library.custom_op("distgnn::extremum", mutates_args=())
def extremum(
    x: Tensor,
    indptr: Tensor,
    indices: Tensor,
    other_indptr: Tensor | None,
    other_indices: Tensor | None,
    minimum: bool,
) -> Tensor:
    """Return for every target the elementwise maximum over its in-neighbours, 0 without any.

    The gradient is shared by all neighbours that attain the maximum.

    Args:
        x: Source features, float [S, F].
        indptr: Limits of the targets' edges, int64 [D + 1].
        indices: Source of each edge, int64 [E].
        other_indptr: The edges sorted by source, needed when `x` requires grad; int64 [S + 1].
        other_indices: Target of each of these edges, int64 [E].
        minimum: Take the minimum instead.

    Returns:
        [D, F].
    """
    _check_indices(indices)
    if not _native(x):
        return composed.extremum(x, indptr, indices, minimum)
    dtype = _compute_type(x)
    out = torch.empty(indptr.numel() - 1, x.size(1), dtype=dtype)
    try:
        _kernels.extremum(
            _array(indptr), _array(indices), _array(x, dtype), minimum, out.numpy(),
            torch.get_num_threads(),
        )  # fmt: skip
    except IndexError as error:
        raise _out_of_range(error) from None
    return out.to(x.dtype)


@extremum.register_fake
def _(x: Tensor, indptr: Tensor, *_: Any) -> Tensor:
    return x.new_empty(indptr.size(0) - 1, x.size(1))


@torch.library.custom_op("distgnn::extremum_backward", mutates_args=())
def _extremum_backward_native(
    g: Tensor,
    x: Tensor,
    extreme: Tensor,
    indptr: Tensor,
    indices: Tensor,
    other_indptr: Tensor,
    other_indices: Tensor,
) -> Tensor:
    dtype = _compute_type(x)
    x_array, extreme_array = _array(x, dtype), _array(extreme, dtype)
    share, out = torch.empty(g.shape, dtype=dtype), torch.empty(x.shape, dtype=dtype)
    threads = torch.get_num_threads()
    _kernels.extremum_share(
        _array(indptr), _array(indices), x_array, extreme_array, _array(g, dtype), share.numpy(),
        threads,
    )  # fmt: skip
    _kernels.extremum_gradient(
        _array(other_indptr), _array(other_indices), x_array, extreme_array, share.numpy(),
        out.numpy(), threads,
    )  # fmt: skip
    return out.to(x.dtype)


@_extremum_backward_native.register_fake
def _(g: Tensor, x: Tensor, *_: Any) -> Tensor:
    return torch.empty_like(x)


def _extremum_setup(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
    x, *half, _ = inputs
    ctx.save_for_backward(x, output, *half)


def _extremum_backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
    x, extreme, indptr, indices, other_indptr, other_indices = ctx.saved_tensors
    if _native(x) and not torch.is_grad_enabled():  # nobody differentiates this once more
        grad_x = _extremum_backward_native(
            g.contiguous(), x, extreme, indptr, indices, other_indptr, other_indices
        )
    else:
        grad_x = composed.extremum_gradient(g, x, extreme, indptr, indices)
    return grad_x, *[None] * 5


extremum.register_autograd(_extremum_backward, setup_context=_extremum_setup)


def _check_indices(indices: Tensor) -> None:
    if indices.dtype != torch.int64:
        msg = f"indices has type {indices.dtype}, expected torch.int64"
        raise ArgumentError(msg)


def _native(x: Tensor) -> bool:
    return x.device.type == "cpu"


def _compute_type(x: Tensor) -> torch.dtype:
    return x.dtype if x.dtype in NATIVE_TYPES else torch.float32


def _array(tensor: Tensor, dtype: torch.dtype | None = None) -> npt.NDArray[np.generic]:
    return tensor.detach().to(dtype or tensor.dtype).contiguous().numpy()


def _maybe(
    tensor: Tensor | None, dtype: torch.dtype | None = None
) -> npt.NDArray[np.generic] | None:
    return None if tensor is None else _array(tensor, dtype)


def _out_of_range(error: IndexError) -> ArgumentError:
    msg = (
        f"edge_index names a node that does not exist: {error}. Check edge_index against the "
        f"number of rows of x."
    )
    return ArgumentError(msg)
