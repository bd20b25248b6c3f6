"""What a rank finds where it runs: other ranks, a device, someone who watches, a way to stop."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from distgnn.train.ranks import OneRank, Ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import torch

    from distgnn.tasks.task import BatchLoader, Int64s, LoaderSettings, Task
    from distgnn.train.checkpoint import Checkpoint
    from distgnn.train.progress import ProgressReport


class MakeLoader(Protocol):
    """Makes the loader of a rank's batches."""

    def __call__(
        self, task: Task, seeds: Int64s, settings: LoaderSettings, *, shuffle: bool
    ) -> BatchLoader:
        """Return the loader of batches around `seeds`; see `Task.loader`."""


def local_loader(
    task: Task, seeds: Int64s, settings: LoaderSettings, *, shuffle: bool
) -> BatchLoader:
    """Return the task's own loader, which samples in this process."""
    return task.loader(seeds, settings, shuffle=shuffle)


def _nothing(checkpoint: Checkpoint, path: Path | None) -> None:
    del checkpoint, path


def _ignore(rates: Mapping[str, float]) -> None:
    del rates


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What differs between a run in one process and a rank under Ray."""

    device: torch.device
    progress: ProgressReport
    stop_signal: Callable[[], int | None]
    """The signal that asks this rank to stop, or None; asked after every step."""
    ranks: Ranks = field(default_factory=OneRank)
    on_save: Callable[[Checkpoint, Path | None], None] = _nothing
    """Called on all ranks after a checkpoint was saved, with its path on the first one."""
    on_rates: Callable[[Mapping[str, float]], None] = _ignore
    """Called on every rank with its own rates whenever the log gets an entry."""
    make_loader: MakeLoader = local_loader

    def should_stop(self) -> bool:
        """Return whether any rank was asked to stop: all stop after the same step."""
        return self.ranks.any(self.stop_signal() is not None)
