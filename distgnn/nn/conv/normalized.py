"""The symmetrically normalised adjacency in the form that the kernels take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from distgnn.nn.sparse import gather_sum
from distgnn.nn.utils.gcn_norm import inverse_root

if TYPE_CHECKING:
    from distgnn.csc import CSC


@dataclass(slots=True, eq=False)
class NormalizedAdjacency:
    r""":math:`\hat{\mathbf{D}}^{-1/2} \hat{\mathbf{A}} \hat{\mathbf{D}}^{-1/2}`, never written out.

    Self-loops are kept apart from the edges, so that none need be inserted.
    """

    csc: CSC
    weight: Tensor | None = None
    """Factors of the edges, [E]."""
    scales: tuple[Tensor | None, Tensor | None] = (None, None)
    """Constant factors of the targets and of the sources."""
    diag: Tensor | None = None
    """Factors of the self-loops, [num_dst]."""
    skip_loops: bool = False
    """Whether self-loops among the edges are left out."""

    def multiply(self, x: Tensor) -> Tensor:
        """Multiply by source features, float [num_src, F]: float [num_dst, F]."""
        row_scale, col_scale = self.scales
        varies = self.diag is not None and self.diag.requires_grad
        out = gather_sum(
            self.csc,
            x,
            self.weight,
            row_scale=row_scale,
            col_scale=col_scale,
            diag=None if varies else self.diag,
            skip_loops=self.skip_loops,
        )
        if varies and self.diag is not None:
            out = out + self.diag.unsqueeze(1).to(x.dtype) * x[: self.csc.num_dst]
        return out


def normalize(
    csc: CSC,
    weight: Tensor | None,
    dtype: torch.dtype,
    *,
    loop_weight: float | None,
    keep_loops: bool = True,
) -> NormalizedAdjacency:
    """Normalise as `gcn_norm`, without inserting self-loops or scaling edges one by one.

    Sources that are no targets have no in-edges here: their degree is that of their self-loop,
    unless `src_scale` of the edges says otherwise.

    Args:
        csc: The edges; targets are the first sources.
        weight: Edge weights, [E], in the order of `csc`; None: 1.
        dtype: Type of the features.
        loop_weight: Weight of new self-loops; None: add none.
        keep_loops: Whether a self-loop among the edges keeps its weight rather than being
            overwritten; where there are no weights, every loop weighs `loop_weight`.
    """
    if weight is not None:
        return _normalize_weighted(csc, weight, loop_weight, keep_loops)
    skip = loop_weight is not None
    ones = torch.ones(csc.num_src, 1, dtype=dtype, device=csc.indices.device)
    degrees = gather_sum(csc, ones, skip_loops=skip).view(-1) if skip else csc.indptr.diff()
    degrees = degrees.to(dtype) + (loop_weight or 0.0)
    row_scale, col_scale = _scales(csc, degrees, loop_weight)
    diag = row_scale * row_scale * loop_weight if loop_weight is not None else None
    return NormalizedAdjacency(csc, None, (row_scale, col_scale), diag, skip)


def _normalize_weighted(
    csc: CSC, weight: Tensor, loop_weight: float | None, keep_loops: bool
) -> NormalizedAdjacency:
    targets = csc.targets()
    loops = None
    if loop_weight is not None:
        loops = weight.new_full((csc.num_dst + 1,), loop_weight)
        is_loop = csc.indices == targets
        if keep_loops:  # edges that are no loops write to one more entry, which is cut off
            loops = loops.scatter(0, torch.where(is_loop, targets, csc.num_dst), weight)
        loops = loops[: csc.num_dst]
        weight = weight.masked_fill(is_loop, 0.0)
    ones = weight.new_ones(csc.num_src, 1)
    degrees = gather_sum(csc, ones, weight).view(-1)
    if loops is not None:
        degrees = degrees + loops
    row_scale, col_scale = _scales(csc, degrees, loop_weight)
    diag = None if loops is None else row_scale * row_scale * loops
    if not weight.requires_grad:
        return NormalizedAdjacency(csc, weight, (row_scale, col_scale), diag)
    weight = row_scale[targets] * weight * col_scale[csc.indices]
    return NormalizedAdjacency(csc, weight, diag=diag)


def _scales(csc: CSC, degrees: Tensor, loop_weight: float | None) -> tuple[Tensor, Tensor]:
    """Return degree^-1/2 of the targets, and of the sources, which start with the targets."""
    if csc.src_scale is not None:
        scale = csc.src_scale.to(degrees.dtype)
        return scale[: csc.num_dst], scale
    missing = degrees.new_full((csc.num_src - csc.num_dst,), loop_weight or 0.0)
    scale = inverse_root(torch.cat([degrees, missing]))
    return scale[: csc.num_dst], scale
