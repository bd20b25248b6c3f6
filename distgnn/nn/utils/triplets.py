"""Pairs of edges that follow one another: the angles of a molecule."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from distgnn.csc import group_by


class Triplets(NamedTuple):
    """Edges j -> i, and for each of them the edges k -> j that lead to it, k != i."""

    i: Tensor
    """Target of each edge, int64 [E]."""
    j: Tensor
    """Source of each edge, int64 [E]."""
    idx_i: Tensor
    """Node i of each triplet, int64 [T]."""
    idx_j: Tensor
    """Node j of each triplet, int64 [T]."""
    idx_k: Tensor
    """Node k of each triplet, int64 [T]."""
    idx_kj: Tensor
    """Column of edge k -> j in edge_index, int64 [T]."""
    idx_ji: Tensor
    """Column of edge j -> i in edge_index, int64 [T], ascending."""


def triplets(edge_index: Tensor, num_nodes: int) -> Triplets:
    """List all paths k -> j -> i with k != i.

    They are ordered by edge j -> i (its column in `edge_index`), then by k. Parallel edges make
    triplets of their own; a loop counts as any other edge.

    Args:
        edge_index: Sources and targets, int64 [2, E].
        num_nodes: Number of nodes.

    Returns:
        Ends of the edges, ends of the triplets, and the two edges of each triplet.
    """
    j, i = edge_index
    order = torch.argsort(j, stable=True)
    indptr, by_target = group_by(i[order], num_nodes)
    into = order[by_target]
    num_in = indptr.diff()[j]
    idx_ji = torch.arange(j.numel(), device=j.device).repeat_interleave(num_in)
    first = num_in.cumsum(0) - num_in
    within = torch.arange(idx_ji.numel(), device=j.device) - first[idx_ji]
    idx_kj = into[indptr[j][idx_ji] + within]
    kept = j[idx_kj] != i[idx_ji]
    idx_kj, idx_ji = idx_kj[kept], idx_ji[kept]
    return Triplets(i, j, i[idx_ji], j[idx_ji], j[idx_kj], idx_kj, idx_ji)
