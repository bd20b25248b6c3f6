"""How in-edges are drawn, and the columns of a graph that this needs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

from distgnn.exceptions import ArgumentError
from distgnn.samplers._kernels import Rule, Times, Weights
from distgnn.samplers.topology import opened_parts, topology

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
    from typing import Any

    from distgnn.samplers._kernels import Topology
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

TimesOf = Literal["edges", "nodes", "all"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawRule:
    """How in-edges are drawn, apart from how many; can be sent to the owners of parts."""

    pick: Literal["uniform", "weighted", "latest", "labor"] = "uniform"
    """Each edge as likely; in proportion to its weight; those with the latest times; or by a random
    number of the source that all nodes of a batch share."""
    replace: bool = False
    """Whether an edge may be drawn more than once for a node."""
    times: TimesOf | None = None
    """Whose times decide which edges may be drawn; None: any edge may."""
    up_to: bool = False
    """Whether edges of the very time of the seed may be drawn, not only earlier ones."""


# Weights and times of a graph that samplers share, as with `distgnn.samplers.topology`.
_COLUMNS: WeakKeyDictionary[ShardedGraph, dict[tuple[object, ...], Weights | Times]] = (
    WeakKeyDictionary()
)


def kernel_rule(
    graph: ShardedGraph,
    rule: DrawRule,
    followed: Collection[EdgeType],
    *,
    in_memory: bool | None = None,
    parts: Sequence[int] | None = None,
) -> tuple[Topology, Rule]:
    """Return the in-edges of `graph` and `rule` as the kernels take them.

    Args:
        graph: The graph.
        rule: How edges are drawn.
        followed: The edge types that are drawn from.
        in_memory: See `distgnn.samplers.topology.topology`.
        parts: The parts whose in-edges are wanted; by default all. Times of nodes are read for all
            parts that are open, since sources may be anywhere.

    Raises:
        ArgumentError: a weight is negative or not finite; no followed edge type has a weight (a
            time) to be drawn by; a part that is not there.
        ShardCorruptError: times of in-edges are not sorted, or arrays point outside the graph.
    """
    edges = topology(graph, in_memory=in_memory, parts=parts)
    opened = opened_parts(graph, parts)
    known = _COLUMNS.setdefault(graph, {})
    weights: Weights | None = None
    times: Times | None = None
    if rule.pick == "weighted":
        _check_some_weight(graph, followed)
        key: tuple[object, ...] = ("weights", id(edges))
        if key not in known:
            known[key] = Weights(
                edges,
                edges=[_weights(graph, edge_type, opened) for edge_type in graph.schema.edge_types],
                num_threads=os.cpu_count() or 1,
            )
        weights = known[key]  # type: ignore[assignment]
    if rule.times is not None:
        _check_some_time(graph, followed, rule.times)
        key = ("times", rule.times, id(edges))
        if key not in known:
            known[key] = _times(graph, edges, rule.times, opened)
        times = known[key]  # type: ignore[assignment]
    return edges, Rule(
        pick=rule.pick, replace=rule.replace, up_to=rule.up_to, weights=weights, times=times
    )


def _weights(graph: ShardedGraph, edge_type: EdgeType, opened: Sequence[int]) -> Any:
    if not graph.schema.edge(edge_type).has_weight:
        return None
    return _of_parts(graph, opened, lambda part: graph.edges(edge_type, part).weight)


def _times(graph: ShardedGraph, edges: Topology, of: TimesOf, opened: Sequence[int]) -> Times:
    def edge_times(edge_type: EdgeType) -> Any:
        if of == "nodes" or not graph.schema.edge(edge_type).has_time:
            return None
        return _of_parts(graph, opened, lambda part: graph.edges(edge_type, part).time)

    def node_times(node_type: NodeType) -> Any:
        if of == "edges" or not graph.schema.node(node_type).has_time:
            return None
        return _of_parts(graph, opened, lambda part: graph.nodes(node_type, part).time)

    return Times(
        edges,
        edges=[edge_times(edge_type) for edge_type in graph.schema.edge_types],
        nodes=[node_times(node_type) for node_type in graph.schema.node_types],
        num_threads=os.cpu_count() or 1,
    )


def _of_parts(
    graph: ShardedGraph, opened: Sequence[int], column: Callable[[int], Any]
) -> list[Any]:
    return [column(part) if part in opened else None for part in range(graph.num_parts)]


def _check_some_weight(graph: ShardedGraph, followed: Collection[EdgeType]) -> None:
    if not any(graph.schema.edge(edge_type).has_weight for edge_type in followed):
        msg = (
            f"no edge type of graph {graph.manifest.name!r} that is followed has weights to draw "
            "by: name the weight column in the graph's TOML file and partition it again, or use "
            "the sampler 'neighbor'"
        )
        raise ArgumentError(msg)


def _check_some_time(graph: ShardedGraph, followed: Collection[EdgeType], of: TimesOf) -> None:
    schema = graph.schema
    by_edge = of != "nodes" and any(schema.edge(name).has_time for name in followed)
    by_node = of != "edges" and any(schema.node(name[0]).has_time for name in followed)
    if not by_edge and not by_node:
        what = {"edges": "edges", "nodes": "source nodes", "all": "edges or source nodes"}[of]
        msg = (
            f"no {what} of graph {graph.manifest.name!r} that are followed carry a time: name the "
            "time column in the graph's TOML file and partition it again, or use the sampler "
            "'neighbor'"
        )
        raise ArgumentError(msg)
