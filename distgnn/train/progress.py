"""What a person sees while a run goes: a progress bar on a terminal, and a line an epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType


class ProgressReport:
    """Bars are drawn on a terminal only; the line an epoch is printed anywhere (to stderr).

    Args:
        enabled: False: print nothing at all.
    """

    def __init__(self, *, enabled: bool) -> None:
        self._console = Console(stderr=True, quiet=not enabled)
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._task = self._bars.add_task("", total=None, note="")

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start(self, description: str, total: int, done: int = 0) -> None:
        """Begin a bar of `total` batches of which `done` are done."""
        self._bars.reset(self._task, description=description, total=total, completed=done, note="")

    def advance(self) -> None:
        """Move on by a batch."""
        self._bars.advance(self._task)

    def note(self, text: str) -> None:
        """Show `text` beside the bar."""
        self._bars.update(self._task, note=text)

    def epoch_line(self, epoch: int, epochs: int, values: Mapping[str, float]) -> None:
        """Print what an epoch gave; `values` by name as in the log."""
        shown = [
            f"{name} {values[name]:.4f}"
            for name in values
            if name.startswith(("train/", "val/")) and not ("_per_s" in name or "/rank" in name)
        ]
        speed = f"{values['train/seeds_per_s']:,.0f} seeds/s"
        self.say(f"epoch {epoch + 1}/{epochs}  " + "  ".join([*shown, speed]))

    def say(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)
