"""The job: what a run was asked for, where its files lie, and what its stages found."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from distgnn.partition.out_of_core.tasks import Facts, Task, read_facts
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from distgnn.partition.balance import Balance
    from distgnn.schema import EdgeType, NodeType
    from distgnn.tables.config import EdgeConfig, GraphConfig, NodeConfig
    from distgnn.tables.windows import TableFiles

Memory = int
"""Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Everything that a task must know; pickled to where it runs."""

    name: str
    """Name of the graph."""
    config: GraphConfig
    nodes: dict[NodeType, TableFiles | None]
    """The files of each node type; None: it has a number of nodes and no table."""
    edges: dict[EdgeType, TableFiles]
    """The files of each edge table; a `reverse` type has none of its own."""
    work: Path
    """Folder of all files of the run."""
    num_parts: int
    method: str
    balance: Balance
    seed: int
    window_bytes: Memory
    """Rows are read in windows of this size."""
    bucket_bytes: Memory
    """What has to be in memory at once, is split into buckets of this size."""
    facts_cache: dict[str, Facts] = field(default_factory=dict, compare=False)

    def path(self, *words: str | int) -> Path:
        """Return a path in the folder of the run; words may hold any characters."""
        names = [f"{w:05d}" if isinstance(w, int) else quote(w, safe="") for w in words]
        return self.work.joinpath(*names)

    def spool(self, *words: str | int) -> Path:
        """Return the path of a spool."""
        found = self.path(*words)
        return found.with_name(f"{found.name}.arrow")

    def task(self, function: Callable[..., Facts], *words: str | int) -> Task:
        """Return the task ``function(job, *words[1:])`` that is known by `words`."""
        return Task(marker=self.marker(*words), function=function, arguments=(self, *words[1:]))

    def marker(self, *words: str | int) -> Path:
        """Return the file that says that a task is done."""
        found = self.path("done", *words)
        return found.with_name(f"{found.name}.json")

    def facts(self, *words: str | int) -> Facts:
        """Return what a finished task found."""
        marker = self.marker(*words)
        if str(marker) not in self.facts_cache:
            self.facts_cache[str(marker)] = read_facts(marker)
        return self.facts_cache[str(marker)]

    def without_cache(self) -> Job:
        """Return this job as it is sent elsewhere."""
        from dataclasses import replace

        return replace(self, facts_cache={})

    def node_config(self, node_type: NodeType) -> NodeConfig:
        """Return what the graph file says of a node type."""
        return self.config.nodes[node_type]

    def edge_config(self, key: str) -> EdgeConfig:
        """Return what the graph file says of an edge table, by `edge_key`."""
        return self.config.edges[key]

    def edge_files(self, key: str) -> TableFiles:
        """Return the files of an edge table, by `edge_key`."""
        return next(files for name, files in self.edges.items() if edge_key(name) == key)

    def num_files(self, node_type: NodeType) -> int:
        """Return how many spools a node type has."""
        files = self.nodes[node_type]
        return 1 if files is None else len(files.files)

    def identity(self) -> dict[str, Any]:
        """Return what must be the same for a run to be resumed, as JSON."""
        tables = [*self.nodes.values(), *self.edges.values()]
        files = [
            (str(file.path), file.num_rows, file.num_bytes)
            for table in tables
            if table is not None
            for file in table.files
        ]
        identity = {
            "config": repr(self.config),
            "files": files,
            "parts": self.num_parts,
            "method": self.method,
            "balance": self.balance,
            "seed": self.seed,
            "window": self.window_bytes,
            "bucket": self.bucket_bytes,
        }
        result: dict[str, Any] = json.loads(json.dumps(identity))
        return result
