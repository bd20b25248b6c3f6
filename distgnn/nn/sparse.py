"""What layers compute on a CSC without ever holding a message per edge."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn import kernels
from distgnn.nn.aggr.statistics import GroupStatistics

if TYPE_CHECKING:
    from distgnn.csc import CSC

FUSED = ("sum", "add", "mean", "max", "min")
"""Aggregations of plain (weighted) source features that need no messages."""

_Half = tuple[Tensor | None, Tensor | None, Tensor | None]


def gather_sum(
    csc: CSC,
    x: Tensor,
    weight: Tensor | None = None,
    *,
    row_scale: Tensor | None = None,
    col_scale: Tensor | None = None,
    diag: Tensor | None = None,
    skip_loops: bool = False,
) -> Tensor:
    r"""Sum over in-edges: :math:`r_i \sum_{e: j \to i} w_e c_j \mathbf{x}_j + d_i \mathbf{x}_i`.

    `csc.weight` is not looked at.

    Args:
        csc: The edges.
        x: Source features, float [num_src, F].
        weight: Factors of the edges, [E], or [E, heads] for features of `heads` equal parts.
        row_scale: Constant factors r of the targets, [num_dst].
        col_scale: Constant factors c of the sources, [num_src].
        diag: Constant factors d of the first targets' own features, [at most num_dst].
        skip_loops: Leave out edges from a node to itself; only without `weight`.

    Returns:
        Float [num_dst, F], differentiable by `x` and `weight`, also twice.
    """
    if weight is not None:
        weight = (weight.unsqueeze(1) if weight.dim() == 1 else weight.flatten(1)).to(x.dtype)
    return kernels.spmm(
        x.contiguous(),
        weight,
        csc.indptr,
        csc.indices,
        None,
        *_transposed(csc, x, weight),
        1 if weight is None else weight.size(1),
        row_scale,
        col_scale,
        diag,
        skip_loops,
    )


def edge_dot(csc: CSC, x_dst: Tensor, x_src: Tensor, heads: int = 1) -> Tensor:
    """Return the inner products of the rows at both ends of each edge, float [E, heads].

    Args:
        csc: The edges.
        x_dst: Target rows, float [num_dst, heads * C].
        x_src: Source rows, float [num_src, heads * C].
        heads: Number of equal parts that are multiplied separately.
    """
    half = _transposed(csc, x_dst, x_src)
    return kernels.sddmm(
        x_dst.contiguous(), x_src.contiguous(), csc.indptr, csc.indices, None, *half, heads
    )


def gather_extremum(csc: CSC, x: Tensor, *, minimum: bool = False) -> Tensor:
    """Return the elementwise maximum (minimum) over in-neighbours, 0 without any: [num_dst, F].

    Neighbours that tie for it share its gradient.
    """
    indptr, indices, _ = _transposed(csc, x, None)
    return kernels.extremum(x.contiguous(), csc.indptr, csc.indices, indptr, indices, minimum)


def gather(csc: CSC, x: Tensor, reduce: str, weight: Tensor | None = None) -> Tensor:
    """Aggregate source features `x`, float [num_src, F], by one of `FUSED`: float [num_dst, F].

    Args:
        csc: The edges.
        x: Source features.
        reduce: Sum (also called add), mean, max or min.
        weight: Factors of the edges, [E]; for max and min messages are made to apply them.

    Raises:
        ArgumentError: `reduce` is unknown.
    """
    if reduce not in FUSED:
        msg = f"reduce={reduce!r} is unknown{nearest(reduce, FUSED)}"
        raise ArgumentError(msg)
    if reduce in ("sum", "add"):
        return gather_sum(csc, x, weight)
    if reduce == "mean":
        return gather_sum(csc, x, weight, row_scale=inverse_degree(csc, x.dtype))
    if weight is None:
        return gather_extremum(csc, x, minimum=reduce == "min")
    weighted = x.index_select(0, csc.indices) * weight.view(-1, 1)
    return gather_extremum(own_rows(csc), weighted, minimum=reduce == "min")


def own_rows(csc: CSC) -> CSC:
    """Return the adjacency from each edge (as a node of its own) to its target."""
    edges = torch.arange(csc.num_edges, device=csc.indices.device)
    return type(csc)(csc.indptr, edges, csc.num_edges)


def inverse_degree(csc: CSC, dtype: torch.dtype) -> Tensor:
    """Return 1 / max(in-degree, 1) per target, [num_dst]."""
    return csc.indptr.diff().clamp(min=1).to(dtype).reciprocal()


def edge_softmax(csc: CSC, scores: Tensor) -> Tensor:
    r"""Softmax over the in-edges of each target.

    :math:`\alpha_e = e^{s_e - m_i} / (\sum_{e' \in i} e^{s_{e'} - m_i} + 10^{-16})`, m the
    (detached) maximum.

    Args:
        csc: The edges.
        scores: Float [E, heads]; -inf leaves an edge out.

    Returns:
        Float [E, heads].
    """
    targets = csc.targets()
    maximum = _finite(gather_extremum(own_rows(csc), scores.detach()))
    exponential = (scores - maximum.index_select(0, targets)).exp()
    total = exponential.new_zeros(maximum.shape).index_add(0, targets, exponential)
    return exponential / (total + 1e-16).index_select(0, targets)


def edge_softmax_with_loops(csc: CSC, scores: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax over the in-edges of each target and one more entry, its self-loop.

    Args:
        csc: The edges.
        scores: Float [E, heads]; -inf leaves an edge out.
        own: Scores of the self-loops, float [num_dst, heads]; -inf leaves one out.

    Returns:
        Float [E, heads] and [num_dst, heads].
    """
    targets = csc.targets()
    maximum = gather_extremum(own_rows(csc), scores.detach())
    isolated = (csc.indptr.diff() == 0).unsqueeze(1)
    maximum = _finite(torch.where(isolated, own, torch.maximum(maximum, own)).detach())
    exponential = (scores - maximum.index_select(0, targets)).exp()
    own = (own - maximum).exp()
    total = own.index_add(0, targets, exponential)
    scale = (total + 1e-16).reciprocal()
    return exponential * scale.index_select(0, targets), own * scale


def _finite(maximum: Tensor) -> Tensor:
    """Return maxima that can be subtracted from -inf."""
    return maximum.clamp(min=torch.finfo(maximum.dtype).min)


class NeighbourStatistics(GroupStatistics):
    """Statistics of the in-neighbours' features of each target, made without messages."""

    def __init__(self, csc: CSC, x: Tensor) -> None:
        """Take the edges and the source features, float [num_src, F]."""
        super().__init__(x, csc.indices, csc.indptr, csc.num_dst, 0)
        self.csc = csc

    def mean(self) -> Tensor:
        """Return the mean of each group."""
        if self._mean is None:
            self._mean = gather(self.csc, self.x, "mean")
        return self._mean

    def sum_of(self, values: Tensor) -> Tensor:
        """Return the sum per group of other source `values`."""
        return gather_sum(self.csc, values)

    def mean_of(self, values: Tensor) -> Tensor:
        """Return the mean per group of other source `values`."""
        return gather(self.csc, values, "mean")

    def _extremum(self, reduce: str) -> Tensor:
        return gather_extremum(self.csc, self.x, minimum=reduce == "amin")


def _transposed(csc: CSC, x: Tensor, other: Tensor | None) -> _Half:
    """Return the edges sorted by source if a gradient will need them."""
    if not torch.is_grad_enabled():
        return None, None, None
    if x.requires_grad or (other is not None and other.requires_grad):
        return csc.transpose()
    return None, None, None
