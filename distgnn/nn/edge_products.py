"""Sums over edges of products, for models whose gradients are differentiated once more.

Three families of products, each closed under differentiation: the gradients of every function here
are functions of its family, so that energies, forces and gradients of forces all run on kernels
(`distgnn/nn/csrc/edge_products.h`) that hold nothing per edge and channel. Away from the CPU they
are composed of torch's own operators.

Letters in shapes: edge e leads from j to i; E edges, n_i and n_j nodes at their ends, L components,
H channels, B basis functions, P rows of a filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.nn import _kernels
from distgnn.nn.kernels import NATIVE_TYPES

if TYPE_CHECKING:
    from distgnn.nn.incidence import Array, Incidence


def filtered_sum(x: Tensor, w: Tensor, edges: Incidence) -> Tensor:
    """Sum the source's features times the edge's filter at each target.

    Args:
        x: Features, float [n_j, L, H].
        w: Filters, float [P, H]; edge e has row e mod P.
        edges: The edges.

    Returns:
        [n_i, L, H].
    """
    (x, w), dtype = _common(x, w)
    rounds = _rounds(edges, w.size(0))
    if not _native(x):
        sources = x.index_select(0, edges.j).view(rounds, w.size(0), *x.shape[1:])
        return _sum_at(edges, (sources * w.unsqueeze(1)).flatten(0, 1)).to(dtype)
    return _FilteredSum.apply(x, w, edges).to(dtype)  # type: ignore[no-untyped-call]


def filtered_weight(a: Tensor, b: Tensor, edges: Incidence, num_rows: int | None = None) -> Tensor:
    """Multiply the features at both ends of each edge, and sum the components.

    Args:
        a: Features of targets, float [n_i, L, H].
        b: Features of sources, float [n_j, L, H].
        edges: The edges.
        num_rows: Number of rows P, to which edge e is added at e mod P; None: one an edge.

    Returns:
        [P, H].
    """
    (a, b), dtype = _common(a, b)
    rows = edges.i.numel() if num_rows is None else num_rows
    rounds = _rounds(edges, rows)
    if not _native(a):
        products = (a.index_select(0, edges.i) * b.index_select(0, edges.j)).sum(dim=1)
        return products.view(rounds, rows, a.size(2)).sum(dim=0).to(dtype)
    return _FilteredWeight.apply(a, b, edges, rows).to(dtype)  # type: ignore[no-untyped-call]


def outer_sum(x: Tensor, d: Tensor, edges: Incidence) -> Tensor:
    """Sum the outer product of the edge's vector and the source's features at each target.

    Args:
        x: Features, float [n_j, H].
        d: Vectors, float [E, L].
        edges: The edges.

    Returns:
        [n_i, L, H].
    """
    (x, d), dtype = _common(x, d)
    if not _native(x):
        messages = d.unsqueeze(2) * x.index_select(0, edges.j).unsqueeze(1)
        return _sum_at(edges, messages).to(dtype)
    return _OuterSum.apply(x, d, edges).to(dtype)  # type: ignore[no-untyped-call]


def outer_project(a: Tensor, d: Tensor, edges: Incidence) -> Tensor:
    """Project the source's vectors on the edge's, and sum at each target.

    Args:
        a: Vector features, float [n_j, L, H].
        d: Vectors, float [E, L].
        edges: The edges.

    Returns:
        [n_i, H].
    """
    (a, d), dtype = _common(a, d)
    if not _native(a):
        messages = (a.index_select(0, edges.j) * d.unsqueeze(2)).sum(dim=1)
        return _sum_at(edges, messages).to(dtype)
    return _OuterProject.apply(a, d, edges).to(dtype)  # type: ignore[no-untyped-call]


def outer_weight(a: Tensor, x: Tensor, edges: Incidence) -> Tensor:
    """Take the inner product over channels of vectors of the target and features of the source.

    Args:
        a: Vector features, float [n_i, L, H].
        x: Features, float [n_j, H].
        edges: The edges.

    Returns:
        [E, L].
    """
    (a, x), dtype = _common(a, x)
    if not _native(a):
        products = a.index_select(0, edges.i) * x.index_select(0, edges.j).unsqueeze(1)
        return products.sum(dim=2).to(dtype)
    return _OuterWeight.apply(a, x, edges).to(dtype)  # type: ignore[no-untyped-call]


def low_rank_sum(x: Tensor, s: Tensor, weight: Tensor, edges: Incidence) -> Tensor:
    """Sum the source's features times a filter that is linear in few numbers of the edge.

    Args:
        x: Features, float [n_j, H].
        s: Basis of each edge, float [E, B].
        weight: Filter of each basis function, float [B, H].
        edges: The edges.

    Returns:
        [n_i, H]: the sum over edges of ``x[j] * (s @ weight)``.
    """
    (x, s, weight), dtype = _common(x, s, weight)
    if not _native(x):
        return _sum_at(edges, x.index_select(0, edges.j) * (s @ weight)).to(dtype)
    return _LowRankSum.apply(x, s, weight, edges).to(dtype)  # type: ignore[no-untyped-call]


def low_rank_basis(a: Tensor, x: Tensor, weight: Tensor, edges: Incidence) -> Tensor:
    """Return the gradient of `low_rank_sum` by the basis: ``(a[i] * x[j]) @ weight.T``, [E, B]."""
    (a, x, weight), dtype = _common(a, x, weight)
    if not _native(x):
        return ((a.index_select(0, edges.i) * x.index_select(0, edges.j)) @ weight.t()).to(dtype)
    return _LowRankBasis.apply(a, x, weight, edges).to(dtype)  # type: ignore[no-untyped-call]


def low_rank_weight(a: Tensor, x: Tensor, s: Tensor, edges: Incidence) -> Tensor:
    """Return the gradient of `low_rank_sum` by the weight: ``s.T @ (a[i] * x[j])``, [B, H]."""
    (a, x, s), dtype = _common(a, x, s)
    if not _native(x):
        return (s.t() @ (a.index_select(0, edges.i) * x.index_select(0, edges.j))).to(dtype)
    return _LowRankWeight.apply(a, x, s, edges).to(dtype)  # type: ignore[no-untyped-call]


class _FilteredSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, edges: Incidence) -> Tensor:
        ctx.save_for_backward(x, w)
        ctx.edges = edges
        out = x.new_empty(edges.num_i, *x.shape[1:])
        _kernels.filtered_sum(*edges.at_i, _array(x), _array(w), out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, w = ctx.saved_tensors
        by_x, by_w = ctx.needs_input_grad[:2]
        return (
            filtered_sum(g, w, ctx.edges.flipped) if by_x else None,
            filtered_weight(g, x, ctx.edges, w.size(0)) if by_w else None,
            None,
        )


class _FilteredWeight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor, edges: Incidence, num_rows: int) -> Tensor:
        ctx.save_for_backward(a, b)
        ctx.edges = edges
        out = a.new_empty(num_rows, a.size(2))
        _kernels.filtered_weight(*edges.ends, _array(a), _array(b), out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, h: Tensor) -> tuple[Tensor | None, ...]:
        a, b = ctx.saved_tensors
        by_a, by_b = ctx.needs_input_grad[:2]
        return (
            filtered_sum(b, h, ctx.edges) if by_a else None,
            filtered_sum(a, h, ctx.edges.flipped) if by_b else None,
            None,
            None,
        )


class _OuterSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, d: Tensor, edges: Incidence) -> Tensor:
        ctx.save_for_backward(x, d)
        ctx.edges = edges
        out = x.new_empty(edges.num_i, d.size(1), x.size(1))
        _kernels.outer_sum(*edges.at_i, _array(x), _array(d), out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, d = ctx.saved_tensors
        by_x, by_d = ctx.needs_input_grad[:2]
        return (
            outer_project(g, d, ctx.edges.flipped) if by_x else None,
            outer_weight(g, x, ctx.edges) if by_d else None,
            None,
        )


class _OuterProject(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, d: Tensor, edges: Incidence) -> Tensor:
        ctx.save_for_backward(a, d)
        ctx.edges = edges
        out = a.new_empty(edges.num_i, a.size(2))
        _kernels.outer_project(*edges.at_i, _array(a), _array(d), out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        a, d = ctx.saved_tensors
        by_a, by_d = ctx.needs_input_grad[:2]
        return (
            outer_sum(g, d, ctx.edges.flipped) if by_a else None,
            outer_weight(a, g, ctx.edges.flipped) if by_d else None,
            None,
        )


class _OuterWeight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, x: Tensor, edges: Incidence) -> Tensor:
        ctx.save_for_backward(a, x)
        ctx.edges = edges
        out = a.new_empty(edges.i.numel(), a.size(1))
        _kernels.outer_weight(*edges.ends, _array(a), _array(x), out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, h: Tensor) -> tuple[Tensor | None, ...]:
        a, x = ctx.saved_tensors
        by_a, by_x = ctx.needs_input_grad[:2]
        return (
            outer_sum(x, h, ctx.edges) if by_a else None,
            outer_project(a, h, ctx.edges.flipped) if by_x else None,
            None,
        )


class _LowRankSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, s: Tensor, weight: Tensor, edges: Incidence) -> Tensor:
        ctx.save_for_backward(x, s, weight)
        ctx.edges = edges
        out = x.new_empty(edges.num_i, x.size(1))
        arrays = (_array(x), _array(s), _array(weight))
        _kernels.low_rank_sum(*edges.at_i, *arrays, out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, s, weight = ctx.saved_tensors
        by_x, by_s, by_weight = ctx.needs_input_grad[:3]
        return (
            low_rank_sum(g, s, weight, ctx.edges.flipped) if by_x else None,
            low_rank_basis(g, x, weight, ctx.edges) if by_s else None,
            low_rank_weight(g, x, s, ctx.edges) if by_weight else None,
            None,
        )


class _LowRankBasis(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, x: Tensor, weight: Tensor, edges: Incidence) -> Tensor:
        ctx.save_for_backward(a, x, weight)
        ctx.edges = edges
        out = x.new_empty(edges.i.numel(), weight.size(0))
        arrays = (_array(a), _array(x), _array(weight))
        _kernels.low_rank_basis(*edges.ends, *arrays, out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, h: Tensor) -> tuple[Tensor | None, ...]:
        a, x, weight = ctx.saved_tensors
        by_a, by_x, by_weight = ctx.needs_input_grad[:3]
        return (
            low_rank_sum(x, h, weight, ctx.edges) if by_a else None,
            low_rank_sum(a, h, weight, ctx.edges.flipped) if by_x else None,
            low_rank_weight(a, x, h, ctx.edges) if by_weight else None,
            None,
        )


class _LowRankWeight(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, a: Tensor, x: Tensor, s: Tensor, edges: Incidence) -> Tensor:
        ctx.save_for_backward(a, x, s)
        ctx.edges = edges
        out = x.new_empty(s.size(1), x.size(1))
        arrays = (_array(a), _array(x), _array(s))
        _kernels.low_rank_weight(*edges.ends, *arrays, out.numpy(), _threads())
        return out

    @staticmethod
    def backward(ctx: Any, v: Tensor) -> tuple[Tensor | None, ...]:
        a, x, s = ctx.saved_tensors
        by_a, by_x, by_s = ctx.needs_input_grad[:3]
        return (
            low_rank_sum(x, s, v, ctx.edges) if by_a else None,
            low_rank_sum(a, s, v, ctx.edges.flipped) if by_x else None,
            low_rank_basis(a, x, v, ctx.edges) if by_s else None,
            None,
        )


def _rounds(edges: Incidence, num_rows: int) -> int:
    """Return how often the rows of a filter are gone through."""
    num_edges = edges.i.numel()
    if num_edges % max(num_rows, 1) != 0 or (num_rows == 0 and num_edges > 0):
        msg = f"there are {num_rows} filters for {num_edges} edges, expected as many, or a divisor"
        raise ArgumentError(msg)
    return num_edges // max(num_rows, 1)


def _sum_at(edges: Incidence, messages: Tensor) -> Tensor:
    return messages.new_zeros(edges.num_i, *messages.shape[1:]).index_add(0, edges.i, messages)


def _common(*tensors: Tensor) -> tuple[list[Tensor], torch.dtype]:
    """Return the tensors in the type to compute in, and the type of the result."""
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    compute = dtype if dtype in NATIVE_TYPES else torch.float32
    return [tensor.to(compute) for tensor in tensors], dtype


def _native(x: Tensor) -> bool:
    return x.device.type == "cpu"


def _array(tensor: Tensor) -> Array:
    return tensor.detach().contiguous().numpy()


def _threads() -> int:
    return torch.get_num_threads()
