"""The stages of a run: how long each took, and a progress bar for who wants one."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console


class Stages:
    """Times named stages and shows them, one line each."""

    def __init__(self, console: Console, *, progress: bool) -> None:
        self.seconds: dict[str, float] = {}
        """Wall-clock time of each finished stage, in order."""
        self._bars = Progress(
            SpinnerColumn(finished_text="[green]✓"),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not progress,
        )

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Show the progress bars meanwhile."""
        with self._bars:
            yield

    @contextmanager
    def stage(self, name: str, num_steps: int = 1) -> Iterator[Callable[[], None]]:
        """Time a stage.

        Args:
            name: Shown, and the key in `seconds`.
            num_steps: How often the stage will call what it is given.

        Yields:
            A function to call after each step.
        """
        start = time.perf_counter()
        task = self._bars.add_task(name, total=num_steps)
        yield lambda: self._bars.advance(task)
        self._bars.update(task, completed=num_steps)
        self.seconds[name] = time.perf_counter() - start
