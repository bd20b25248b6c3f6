"""Edges both ways."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from distgnn.nn.utils.coalesce import coalesce
from distgnn.nn.utils.edges import MISSING, EdgeAttr, checked_num_nodes
from distgnn.nn.utils.sort_edge_index import attribute_list, edge_order, with_attributes


def to_undirected(
    edge_index: Tensor,
    edge_attr: EdgeAttr | str = MISSING,
    num_nodes: int | None = None,
    reduce: str = "add",
) -> Any:
    """Add the reverse of every edge, and merge repeated edges.

    Args:
        edge_index: int64 [2, E].
        edge_attr: Attributes, [E, ...], or a list of them, or None.
        num_nodes: Number of nodes; None: one more than the largest one.
        reduce: How attributes of merged edges are reduced, as for `coalesce`. An edge that is there
            both ways already counts twice.

    Returns:
        The edges, sorted by source and target, int64 [2, E']; and the attributes, [E', ...], if
        `edge_attr` was given, also if it was None.

    Raises:
        ArgumentError: Wrong type or shape, nodes out of range, or an unknown `reduce`.
    """
    size = checked_num_nodes(edge_index, num_nodes)
    attributes = attribute_list(edge_attr, edge_index.size(1))
    both = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    doubled = [torch.cat([attr, attr]) for attr in attributes]
    merged, doubled = coalesce(both, doubled, size, reduce)
    return with_attributes(merged, edge_attr, doubled)


def is_undirected(
    edge_index: Tensor, edge_attr: EdgeAttr = None, num_nodes: int | None = None
) -> bool:
    """Return whether every edge comes with its reverse, as often and with the same attributes.

    Args:
        edge_index: int64 [2, E].
        edge_attr: Attributes, [E, ...], or a list of them, or None. Those of repeated edges must
            come in the same order both ways.
        num_nodes: Number of nodes; None: one more than the largest one.

    Raises:
        ArgumentError: Wrong type or shape, or nodes out of range.
    """
    size = checked_num_nodes(edge_index, num_nodes)
    attributes = attribute_list(edge_attr, edge_index.size(1))
    order = edge_order(edge_index, size)
    reverse = edge_order(edge_index, size, sort_by_row=False)
    if not torch.equal(edge_index[:, order], edge_index[:, reverse].flip(0)):
        return False
    return all(torch.equal(attr[order], attr[reverse]) for attr in attributes)
