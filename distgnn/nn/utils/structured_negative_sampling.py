"""For each edge a node that its source is not linked to."""

from __future__ import annotations

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.coalesce import coalesce
from distgnn.nn.utils.edges import checked_num_nodes
from distgnn.nn.utils.index_ptr import index2ptr
from distgnn.nn.utils.loop import add_self_loops


def structured_negative_sampling(
    edge_index: Tensor, num_nodes: int | None = None, contains_neg_self_loops: bool = True
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw for each edge (i, j) a node k, uniformly among those for which (i, k) is no edge.

    Args:
        edge_index: int64 [2, E].
        num_nodes: Number of nodes; None: one more than the largest one.
        contains_neg_self_loops: k may be i itself, where (i, i) is no edge.

    Returns:
        i, j and k, int64 [E] each.

    Raises:
        ArgumentError: Wrong type or shape, nodes out of range, or a source that is linked to every
            node.
    """
    size = checked_num_nodes(edge_index, num_nodes)
    sources, targets = edge_index
    ptr, linked = _neighbors(edge_index, size, loops=not contains_neg_self_loops)
    free = (size - ptr.diff())[sources]
    if bool((free == 0).any()):
        node = int(sources[free == 0][0])
        msg = (
            f"node {node} is linked to all {size} nodes, so there is no negative for its edges: "
            f"see structured_negative_sampling_feasible, or remove the edges of such nodes"
        )
        raise ArgumentError(msg)
    rank = (torch.rand(free.numel(), dtype=torch.double, device=free.device) * free).long()
    rank = torch.minimum(rank, free - 1)
    # The r-th free node is r + the number of linked nodes before it: the sorted neighbours t_k
    # (k from 0) with t_k - k <= r.
    position = torch.arange(linked.size(1), device=linked.device)
    gaps = linked[0] * size + linked[1] - (position - ptr[linked[0]])
    before = torch.searchsorted(gaps, sources * size + rank, right=True) - ptr[sources]
    return sources, targets, rank + before


def structured_negative_sampling_feasible(
    edge_index: Tensor, num_nodes: int | None = None, contains_neg_self_loops: bool = True
) -> bool:
    """Return whether every node has a node that it is not linked to.

    Args:
        edge_index: int64 [2, E].
        num_nodes: Number of nodes; None: one more than the largest one.
        contains_neg_self_loops: That node may be the node itself.

    Raises:
        ArgumentError: Wrong type or shape, or nodes out of range.
    """
    size = checked_num_nodes(edge_index, num_nodes)
    ptr, _ = _neighbors(edge_index, size, loops=not contains_neg_self_loops)
    return bool((ptr.diff() < size).all())


def _neighbors(edge_index: Tensor, num_nodes: int, *, loops: bool) -> tuple[Tensor, Tensor]:
    """Return the different edges by source, after a loop was added to every node if asked for."""
    if loops:
        edge_index, _ = add_self_loops(edge_index, num_nodes=num_nodes)
    linked = coalesce(edge_index, num_nodes=num_nodes)
    return index2ptr(linked[0], num_nodes), linked
