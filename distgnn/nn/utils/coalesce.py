"""One edge where there were several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from distgnn.nn.utils.edges import MISSING, EdgeAttr, check_choice, checked_num_nodes
from distgnn.nn.utils.scatter import REDUCTIONS, scatter
from distgnn.nn.utils.sort_edge_index import attribute_list, edge_order, with_attributes

if TYPE_CHECKING:
    from torch import Tensor


def coalesce(
    edge_index: Tensor,
    edge_attr: EdgeAttr | str = MISSING,
    num_nodes: int | None = None,
    reduce: str = "sum",
    is_sorted: bool = False,
    sort_by_row: bool = True,
) -> Any:
    """Sort edges and merge repeated ones; their attributes are reduced.

    Args:
        edge_index: int64 [2, E].
        edge_attr: Attributes, [E, ...], or a list of them, or None.
        num_nodes: Number of nodes; None: one more than the largest one.
        reduce: How attributes of repeated edges are merged: ``"sum"`` (or ``"add"``), ``"mean"``,
            ``"min"``, ``"max"``, ``"mul"``, or ``"any"`` (one of them).
        is_sorted: The edges are sorted already, as `sort_by_row` says.
        sort_by_row: Sort by source and then target; False: by target and then source.

    Returns:
        The edges, int64 [2, E']; and the attributes, [E', ...], if `edge_attr` was given, also if
        it was None.

    Raises:
        ArgumentError: Wrong type or shape, nodes out of range, or an unknown `reduce`.
    """
    size = checked_num_nodes(edge_index, num_nodes)
    check_choice("reduce", reduce, REDUCTIONS)
    attributes = attribute_list(edge_attr, edge_index.size(1))
    if not is_sorted:
        order = edge_order(edge_index, size, sort_by_row=sort_by_row)
        edge_index = edge_index[:, order]
        attributes = [attr.index_select(0, order) for attr in attributes]
    first = first_of_run(edge_index)
    merged = edge_index[:, first]
    if merged.size(1) < edge_index.size(1) and attributes:
        group = first.cumsum(0) - 1
        attributes = [scatter(attr, group, 0, merged.size(1), reduce) for attr in attributes]
    return with_attributes(merged, edge_attr, attributes)


def first_of_run(edge_index: Tensor) -> Tensor:
    """Return which of sorted edges differ from the one before, bool [E]."""
    first = torch.ones(edge_index.size(1), dtype=torch.bool, device=edge_index.device)
    first[1:] = (edge_index[:, 1:] != edge_index[:, :-1]).any(dim=0)
    return first
