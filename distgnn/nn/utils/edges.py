"""Checks of edge_index that the functions on edges share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import Adjacency, check_edge_index

if TYPE_CHECKING:
    from collections.abc import Sequence

MISSING = "???"
"""Default of an `edge_attr` that was not given at all: the function then returns edges alone."""

EdgeAttr = Tensor | list[Tensor] | None
"""Attributes [E, ...], several of them, or none."""

MAX_KEY = 2**63 - 1


def checked_num_nodes(edge_index: Adjacency, num_nodes: int | None = None) -> int:
    """Check an edge_index, int64 [2, E], and return the number of nodes it speaks of.

    Args:
        edge_index: The edges.
        num_nodes: Number of nodes; None: one more than the largest node.

    Raises:
        ArgumentError: Another type or shape, or nodes that are negative or not below `num_nodes`.
    """
    size = None if num_nodes is None else (num_nodes, num_nodes)
    return max(checked_sizes(edge_index, size))


def checked_sizes(edge_index: Adjacency, size: tuple[int, int] | None = None) -> tuple[int, int]:
    """Check an edge_index, int64 [2, E], and return its numbers of sources and targets.

    Args:
        edge_index: The edges.
        size: Numbers of sources and targets; None: one more than the largest of each.

    Raises:
        ArgumentError: Another type or shape, or nodes that are negative or not below `size`.
    """
    check_edge_index(edge_index)
    if not isinstance(edge_index, Tensor):
        msg = f"edge_index is a {type(edge_index).__name__}, expected an int64 tensor [2, E]"
        raise ArgumentError(msg)
    if edge_index.numel() == 0:
        return size or (0, 0)
    low, high = torch.aminmax(edge_index, dim=1)
    found = (int(high[0]) + 1, int(high[1]) + 1)
    if int(low.min()) < 0:
        msg = f"edge_index names node {int(low.min())}; nodes are counted from 0"
        raise ArgumentError(msg)
    if size is not None and (found[0] > size[0] or found[1] > size[1]):
        msg = (
            f"edge_index names sources up to {found[0] - 1} and targets up to {found[1] - 1}, but "
            f"there are {size[0]} and {size[1]} nodes: is num_nodes that of another graph?"
        )
        raise ArgumentError(msg)
    return size or found


def check_edge_attr(edge_attr: Sequence[Tensor], num_edges: int) -> None:
    """Check that every attribute has a row per edge.

    Raises:
        ArgumentError: One has another number of rows.
    """
    for attr in edge_attr:
        if attr.dim() == 0 or attr.size(0) != num_edges:
            msg = f"edge_attr has shape {list(attr.shape)}, expected [{num_edges}, ...]"
            raise ArgumentError(msg)


def check_choice(name: str, value: str, known: Sequence[str]) -> None:
    """Check a `value` of the argument `name`.

    Raises:
        ArgumentError: It is not one of `known`.
    """
    if value not in known:
        msg = f"{name}={value!r} is unknown; expected one of {', '.join(map(repr, known))}"
        raise ArgumentError(msg)
