"""Tasks: what is learned on a graph. Adding one is a file here and a line in `TASKS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.exceptions import ConfigError, nearest
from distgnn.tasks.link_prediction import LinkPrediction
from distgnn.tasks.node_classification import NodeClassification

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from distgnn.shards.reader import ShardedGraph
    from distgnn.tasks.task import Task


def _of_nodes(graph: ShardedGraph, node_type: str | None, options: Mapping[str, Any]) -> Task:
    for name in options:
        msg = f"task.options.{name}: tasks on nodes have no options"
        raise ConfigError(msg)
    return NodeClassification(graph, node_type)


def _of_links(graph: ShardedGraph, node_type: str | None, options: Mapping[str, Any]) -> Task:
    if node_type is not None:
        msg = f"task.node_type = {node_type!r}: links have an edge type, task.options.edge_type"
        raise ConfigError(msg)
    return LinkPrediction(graph, options)


TASKS: dict[str, Callable[[ShardedGraph, str | None, Mapping[str, Any]], Task]] = {
    "link_prediction": _of_links,
    "node_classification": _of_nodes,
    "node_regression": _of_nodes,  # the kind of label decides
}


def make_task(
    name: str,
    graph: ShardedGraph,
    node_type: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> Task:
    """Return the task `name` on `graph`.

    Args:
        name: One of `TASKS`.
        graph: The graph.
        node_type: Type of the labelled nodes, for tasks on nodes.
        options: Settings of the task, by name.

    Raises:
        ConfigError: there is no such task or option.
        GraphDataError: the graph lacks what the task needs.
    """
    if name not in TASKS:
        msg = f"task.name = {name!r}: there is no such task{nearest(name, TASKS)}"
        raise ConfigError(msg)
    return TASKS[name](graph, node_type, options or {})
