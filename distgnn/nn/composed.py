"""The kernels of `distgnn.nn.kernels` composed of torch's operators: for GPUs, and as their oracle.

Arguments and results are those of the operators there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from torch import Tensor


def targets_of(indptr: Tensor, indices: Tensor) -> Tensor:
    """Return the target of each edge, int64 [E]."""
    rows = torch.arange(indptr.size(0) - 1, device=indptr.device)
    return rows.repeat_interleave(indptr.diff(), output_size=indices.size(0))


def spmm(
    x: Tensor,
    weight: Tensor | None,
    indptr: Tensor,
    indices: Tensor,
    pos: Tensor | None,
    heads: int,
    row_scale: Tensor | None,
    col_scale: Tensor | None,
    diag: Tensor | None,
    skip_loops: bool,
) -> Tensor:
    """Multiply by torch's embedding bag: a head of a source is a row of its table."""
    num_dst, num_edges = indptr.size(0) - 1, indices.size(0)
    targets = targets_of(indptr, indices)
    factor = x.new_ones(num_edges, heads) if weight is None else weight.to(x.dtype)
    if pos is not None and weight is not None:
        factor = factor[pos]
    if row_scale is not None:
        factor = factor * row_scale.to(x.dtype)[targets].unsqueeze(1)
    if col_scale is not None:
        factor = factor * col_scale.to(x.dtype)[indices].unsqueeze(1)
    if skip_loops:
        factor = factor * (indices != targets).unsqueeze(1)
    if num_edges == 0:
        out = x.new_zeros(num_dst, x.size(1))
    else:
        head = torch.arange(heads, device=x.device).unsqueeze(1)
        rows = (indices * heads + head).view(-1)
        bags = torch.cat([(indptr[:-1] + head * num_edges).view(-1), indptr[-1:] * heads])
        table = x.reshape(x.size(0) * heads, x.size(1) // heads)
        sums = torch.nn.functional.embedding_bag(
            rows, table, bags, mode="sum", include_last_offset=True,
            per_sample_weights=factor.t().reshape(-1),
        )  # fmt: skip
        out = (
            sums.view(heads, num_dst, x.size(1) // heads)
            .transpose(0, 1)
            .reshape(num_dst, x.size(1))
        )
    if diag is not None:
        out[: diag.numel()] += diag.to(x.dtype).unsqueeze(1) * x[: diag.numel()]
    return out


def sddmm(
    g: Tensor, x: Tensor, indptr: Tensor, indices: Tensor, pos: Tensor | None, heads: int
) -> Tensor:
    """Multiply the rows at both ends of each edge and sum over each head."""
    products = g[targets_of(indptr, indices)] * x[indices]
    sums = products.view(indices.size(0), heads, x.size(1) // heads).sum(-1)
    return sums if pos is None else torch.empty_like(sums).index_copy_(0, pos, sums)


def extremum(x: Tensor, indptr: Tensor, indices: Tensor, minimum: bool) -> Tensor:
    """Reduce the gathered rows of the sources."""
    reduce = "min" if minimum else "max"
    return scatter(x[indices], targets_of(indptr, indices), 0, indptr.size(0) - 1, reduce)


def extremum_gradient(
    g: Tensor, x: Tensor, extreme: Tensor, indptr: Tensor, indices: Tensor
) -> Tensor:
    """Return the gradient of `extremum`; differentiable itself."""
    targets = targets_of(indptr, indices)
    attained = (x[indices] == extreme[targets]).to(g.dtype)
    ties = (extreme == 0).to(g.dtype).index_add_(0, targets, attained)
    share = g / ties.clamp_(min=1)
    return torch.zeros_like(x).index_add(0, indices, attained * share[targets])
