"""Tasks: what is learned on a graph. Adding one is a file here and a line in `TASKS`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.exceptions import ConfigError, nearest
from distgnn.tasks.node_classification import NodeClassification

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.shards.reader import ShardedGraph
    from distgnn.tasks.task import Task

TASKS: dict[str, Callable[[ShardedGraph, str | None], Task]] = {
    "node_classification": NodeClassification,
    "node_regression": NodeClassification,  # the kind of label decides
}


def make_task(name: str, graph: ShardedGraph, node_type: str | None = None) -> Task:
    """Return the task `name` on `graph`.

    Raises:
        ConfigError: there is no such task.
        GraphDataError: the graph lacks what the task needs.
    """
    if name not in TASKS:
        msg = f"task.name = {name!r}: there is no such task{nearest(name, TASKS)}"
        raise ConfigError(msg)
    return TASKS[name](graph, node_type)
