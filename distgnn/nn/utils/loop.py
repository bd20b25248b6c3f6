"""Edges from a node to itself: found, removed, added."""

from __future__ import annotations

import torch
from torch import Tensor

from distgnn.nn.utils.num_nodes import maybe_num_nodes
from distgnn.nn.utils.scatter import scatter

FillValue = float | Tensor | str | None


def contains_self_loops(edge_index: Tensor) -> bool:
    """Return whether `edge_index`, int64 [2, E], has an edge from a node to itself."""
    return bool((edge_index[0] == edge_index[1]).any())


def remove_self_loops(
    edge_index: Tensor, edge_attr: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """Return the edges, int64 [2, E], and attributes [E, ...] without self-loops."""
    kept = edge_index[0] != edge_index[1]
    return edge_index[:, kept], None if edge_attr is None else edge_attr[kept]


def segregate_self_loops(
    edge_index: Tensor, edge_attr: Tensor | None = None
) -> tuple[Tensor, Tensor | None, Tensor, Tensor | None]:
    """Return the edges and attributes without self-loops, then those of the self-loops."""
    loops = edge_index[0] == edge_index[1]
    if edge_attr is None:
        return edge_index[:, ~loops], None, edge_index[:, loops], None
    return edge_index[:, ~loops], edge_attr[~loops], edge_index[:, loops], edge_attr[loops]


def add_self_loops(
    edge_index: Tensor,
    edge_attr: Tensor | None = None,
    fill_value: FillValue = None,
    num_nodes: int | tuple[int, int] | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Add one self-loop per node behind the edges, whether the node has one or not.

    Args:
        edge_index: int64 [2, E].
        edge_attr: Attributes, [E, ...].
        fill_value: Attribute of the new loops: a number, a tensor of one attribute's shape, or a
            reduction (``"mean"``, ``"sum"``, ``"max"``...) of the attributes of the node's
            in-edges. None: 1.
        num_nodes: Number of nodes, or of sources and targets (the smaller counts).

    Returns:
        The edges, int64 [2, E + N], and attributes.
    """
    num_loops, num_targets = _num_nodes(edge_index, num_nodes)
    nodes = torch.arange(num_loops, device=edge_index.device)
    if edge_attr is not None:
        filled = loop_attributes(edge_index, edge_attr, fill_value, num_targets)[:num_loops]
        edge_attr = torch.cat([edge_attr, filled])
    return torch.cat([edge_index, nodes.expand(2, -1)], dim=1), edge_attr


def add_remaining_self_loops(
    edge_index: Tensor,
    edge_attr: Tensor | None = None,
    fill_value: FillValue = None,
    num_nodes: int | None = None,
) -> tuple[Tensor, Tensor | None]:
    """Give every node exactly one self-loop, behind the other edges.

    A loop that exists keeps its attribute (the last one of several loops of a node does).

    Args:
        edge_index: int64 [2, E].
        edge_attr: Attributes, [E, ...].
        fill_value: Attribute of loops that were missing, as for `add_self_loops`.
        num_nodes: Number of nodes N.

    Returns:
        The edges, int64 [2, E' + N], and attributes.
    """
    size = maybe_num_nodes(edge_index, num_nodes)
    kept = edge_index[0] != edge_index[1]
    nodes = torch.arange(size, device=edge_index.device)
    if edge_attr is not None:
        filled = loop_attributes(edge_index, edge_attr, fill_value, size)
        filled = filled.index_put((edge_index[0][~kept],), edge_attr[~kept])
        edge_attr = torch.cat([edge_attr[kept], filled])
    return torch.cat([edge_index[:, kept], nodes.expand(2, -1)], dim=1), edge_attr


def loop_attributes(
    edge_index: Tensor, edge_attr: Tensor, fill_value: FillValue, num_nodes: int
) -> Tensor:
    """Return the attribute of each node's new self-loop, [N, ...]."""
    shape = [num_nodes, *edge_attr.shape[1:]]
    if fill_value is None:
        return edge_attr.new_ones(shape)
    if isinstance(fill_value, str):
        return scatter(edge_attr, edge_index[1], 0, num_nodes, fill_value)
    if isinstance(fill_value, Tensor):
        value = fill_value.to(edge_attr.device, edge_attr.dtype)
        value = value if value.dim() == edge_attr.dim() else value.unsqueeze(0)
        return value.repeat(num_nodes, *[1] * (edge_attr.dim() - 1))
    return edge_attr.new_full(shape, fill_value)


def _num_nodes(edge_index: Tensor, num_nodes: int | tuple[int, int] | None) -> tuple[int, int]:
    if isinstance(num_nodes, tuple | list):
        return min(num_nodes), num_nodes[1]
    size = maybe_num_nodes(edge_index, num_nodes)
    return size, size
