"""Remove edges at random."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.edges import checked_num_nodes

if TYPE_CHECKING:
    from torch import Tensor


def dropout_edge(
    edge_index: Tensor, p: float = 0.5, force_undirected: bool = False, training: bool = True
) -> tuple[Tensor, Tensor]:
    """Remove each edge with probability `p`, independently.

    From `"DropEdge: Towards Deep Graph Convolutional Networks on Node Classification"
    <https://arxiv.org/abs/1907.10903>`_.

    Args:
        edge_index: int64 [2, E].
        p: Probability.
        force_undirected: Remove both directions of an edge together: edges from a larger to a
            smaller node are left out, and those that are kept are returned one way, then the other
            way (a self-loop once).
        training: False: keep everything.

    Returns:
        The edges, int64 [2, E'], and which were kept, bool [E]; with `force_undirected` the
        position of each returned edge (or of its reverse), int64 [E'].

    Raises:
        ArgumentError: Wrong type or shape, or `p` outside of 0 to 1.
    """
    checked_num_nodes(edge_index)
    if not 0 <= p <= 1:
        msg = f"p={p} is no probability: expected 0 to 1"
        raise ArgumentError(msg)
    if not training or p == 0:
        return edge_index, torch.ones_like(edge_index[0], dtype=torch.bool)
    kept = torch.rand(edge_index.size(1), device=edge_index.device) >= p
    if not force_undirected:
        return edge_index[:, kept], kept
    source, target = edge_index
    one_way = (kept & (source <= target)).nonzero().flatten()
    other_way = one_way[source[one_way] < target[one_way]]
    edges = torch.cat([edge_index[:, one_way], edge_index[:, other_way].flip(0)], dim=1)
    return edges, torch.cat([one_way, other_way])
