"""Checks of arguments that samplers and loaders share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from distgnn.samplers.base import Int64s
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph


def is_whole(value: Any) -> bool:
    """Return whether `value` is an integer of Python or numpy (and not a bool)."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def whole_at_least(name: str, value: Any, smallest: int) -> int:
    """Return `value`, the argument called `name`, as an int.

    Raises:
        ArgumentError: it is no integer, below `smallest`, or beyond int64.
    """
    if not is_whole(value) or not smallest <= value < 1 << 63:
        msg = f"{name} must be a whole number, at least {smallest} and below 2**63, got {value!r}"
        raise ArgumentError(msg)
    return int(value)


def only_node_type(graph: ShardedGraph, node_type: NodeType | None) -> NodeType:
    """Return the seeds' node type: `node_type`, or the only one.

    Raises:
        ArgumentError: there is no such type, or there are several and none is named.
    """
    names = graph.schema.node_types
    if node_type is None:
        if len(names) == 1:
            return names[0]
        msg = f"the graph has node types {', '.join(names)}: say which the seeds are (node_type)"
        raise ArgumentError(msg)
    return graph.schema.node(node_type).type


def seeds_by_index(graph: ShardedGraph, node_type: NodeType, seeds: Any) -> Int64s:
    """Return `seeds` in the order of their raw rows, int64 [n].

    Raises:
        ArgumentError: seeds of the wrong type, out of range or given twice, or none.
    """
    if not isinstance(seeds, np.ndarray) or seeds.dtype != np.int64 or seeds.ndim != 1:
        is_array = isinstance(seeds, np.ndarray)
        found = f"{seeds.dtype} {seeds.shape}" if is_array else type(seeds).__name__
        msg = f"seeds must be a numpy array of global ids, int64 [n], got {found}"
        raise ArgumentError(msg)
    if len(seeds) == 0:
        msg = f"there are no seeds of node type {node_type!r}: is its split empty?"
        raise ArgumentError(msg)
    index = graph.index_of(node_type, seeds)
    order = np.argsort(index, kind="stable")
    twice = np.flatnonzero(index[order[1:]] == index[order[:-1]])
    if len(twice):
        msg = f"seeds hold node {seeds[order[twice[0]]]} more than once: give each once"
        raise ArgumentError(msg)
    ordered: Int64s = seeds[order]
    return ordered
