"""Edges in the order of their nodes."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from distgnn.nn.utils.edges import MAX_KEY, MISSING, EdgeAttr, check_edge_attr, checked_num_nodes


def sort_edge_index(
    edge_index: Tensor,
    edge_attr: EdgeAttr | str = MISSING,
    num_nodes: int | None = None,
    sort_by_row: bool = True,
) -> Any:
    """Sort edges by source and then target; repeated edges keep their order.

    Args:
        edge_index: int64 [2, E].
        edge_attr: Attributes, [E, ...], or a list of them, or None.
        num_nodes: Number of nodes; None: one more than the largest one.
        sort_by_row: False: by target and then source.

    Returns:
        The edges, int64 [2, E]; and the attributes if `edge_attr` was given, also if it was None.

    Raises:
        ArgumentError: Wrong type or shape, or nodes out of range.
    """
    size = checked_num_nodes(edge_index, num_nodes)
    attributes = attribute_list(edge_attr, edge_index.size(1))
    order = edge_order(edge_index, size, sort_by_row=sort_by_row)
    sorted_ = [attr.index_select(0, order) for attr in attributes]
    return with_attributes(edge_index[:, order], edge_attr, sorted_)


def edge_order(edge_index: Tensor, num_nodes: int, *, sort_by_row: bool = True) -> Tensor:
    """Return the positions of the edges in sorted order, equal ones as they come, int64 [E]."""
    major, minor = edge_index if sort_by_row else edge_index.flip(0)
    if num_nodes * num_nodes <= MAX_KEY:
        return torch.sort(major * num_nodes + minor, stable=True).indices
    order = torch.sort(minor, stable=True).indices
    return order[torch.sort(major[order], stable=True).indices]


def attribute_list(edge_attr: EdgeAttr | str, num_edges: int) -> list[Tensor]:
    """Return the checked attributes as a list, empty if there are none."""
    if edge_attr is None or isinstance(edge_attr, str):
        return []
    attributes = [edge_attr] if isinstance(edge_attr, Tensor) else list(edge_attr)
    check_edge_attr(attributes, num_edges)
    return attributes


def with_attributes(edge_index: Tensor, given: EdgeAttr | str, attributes: list[Tensor]) -> Any:
    """Return edges and attributes in the form in which attributes were given."""
    if isinstance(given, str):
        return edge_index
    if given is None:
        return edge_index, None
    return edge_index, attributes[0] if isinstance(given, Tensor) else attributes
