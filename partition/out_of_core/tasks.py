"""Tasks: functions whose outputs are files, done once their facts are written."""

from __future__ import annotations

import json
import os
import platform
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import pyarrow as pa

from distgnn.shards.files import storage_errors

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

Facts = dict[str, Any]
"""What a task found, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A piece of work that is done once `marker` exists; running it again gives the same files."""

    marker: Path
    """JSON file of the facts that the function returned, written last."""
    function: Callable[..., Facts]
    arguments: tuple[Any, ...]

    def run(self) -> Facts:
        """Do the work, unless it is done; return its facts.

        Raises:
            StorageError: the disk is full, or fails.
        """
        if self.marker.exists():
            return read_facts(self.marker)
        with storage_errors(self.marker):
            self.marker.parent.mkdir(parents=True, exist_ok=True)
            facts = self.function(*self.arguments)
            write_facts(self.marker, facts)
        pa.default_memory_pool().release_unused()
        return facts


class Executor(Protocol):
    """Runs the tasks of a stage: in this process, or on a cluster."""

    def run(self, tasks: Sequence[Task], advance: Callable[[], None]) -> list[Facts]:
        """Run all tasks, calling `advance` after each; return their facts in order."""
        ...


class LocalExecutor:
    """One task after another in this process, so that its memory is that of one task."""

    def run(self, tasks: Sequence[Task], advance: Callable[[], None]) -> list[Facts]:
        """Run all tasks, calling `advance` after each; return their facts in order."""
        found = []
        for task in tasks:
            found.append(task.run())
            advance()
        return found


def read_facts(path: Path) -> Facts:
    """Return the facts of a finished task."""
    facts: Facts = json.loads(path.read_text())
    return facts


def write_facts(path: Path, facts: Facts) -> None:
    """Write facts to a file that is complete or absent."""
    beside = partial_name(path)
    try:
        beside.write_text(json.dumps(facts))
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def partial_name(path: Path) -> Path:
    """Return the name under which this process writes `path` until it is complete."""
    return path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.partial")
