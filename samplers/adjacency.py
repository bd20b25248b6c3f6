"""Lists of neighbours that walks and negatives follow, made once for a graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal
from weakref import WeakKeyDictionary

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers._kernels import Adjacency
from distgnn.samplers.topology import topology
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph

Direction = Literal["out", "in"]

_ADJACENCIES: WeakKeyDictionary[ShardedGraph, dict[Any, Adjacency]] = WeakKeyDictionary()


def adjacency(
    graph: ShardedGraph,
    edge_type: EdgeType,
    direction: Direction,
    *,
    in_memory: bool | None = None,
) -> Adjacency:
    """Return the neighbours of all nodes along one edge type, shared by all who ask for them.

    Args:
        graph: The graph.
        edge_type: The edge type.
        direction: ``"in"``: sources by destination, as shards hold them. ``"out"``: destinations by
            source, a copy in memory of 4 bytes an edge and 16 a node.
        in_memory: Whether in-edges are copied too; see `distgnn.samplers.topology`.

    Raises:
        ArgumentError: there is no such edge type or direction, or there are too many nodes.
        ShardCorruptError: the graph's arrays point outside themselves.
    """
    if direction not in ("out", "in"):
        msg = f"direction = {direction!r}: edges are followed 'out' or 'in'"
        raise ArgumentError(msg)
    edges = topology(graph, in_memory=in_memory)
    known = _ADJACENCIES.setdefault(graph, {})
    key = (edge_type, direction, id(edges))  # topologies live as long as the graph
    if key not in known:
        known[key] = Adjacency(
            edges,
            graph.schema.edge_types.index(graph.schema.edge(edge_type).type),
            outgoing=direction == "out",
            is_timed=graph.schema.edge(edge_type).has_time,
        )
    return known[key]


def one_edge_type(graph: ShardedGraph, edge_type: EdgeType | None) -> EdgeType:
    """Return `edge_type`, or the only one of the graph.

    Raises:
        ArgumentError: there is no such edge type, or it is left out and there are several.
    """
    known = graph.schema.edge_types
    if edge_type is None:
        if len(known) == 1:
            return known[0]
        names = ", ".join(map(edge_key, known))
        msg = f"the graph has edge types {names}: say which one is meant (edge_type)"
        raise ArgumentError(msg)
    if edge_type not in known:
        name = "__".join(map(str, edge_type))
        msg = f"there is no edge type {name!r}{nearest(name, map(edge_key, known))}"
        raise ArgumentError(msg)
    return edge_type
