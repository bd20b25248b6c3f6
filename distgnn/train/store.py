"""The checkpoints of a run: which are kept, which is the newest intact one, which is the best."""

from __future__ import annotations

import logging
import re
import shutil
from typing import TYPE_CHECKING

from distgnn.exceptions import CheckpointError
from distgnn.train.checkpoint import Checkpoint, read_checkpoint, read_state, write_checkpoint

if TYPE_CHECKING:
    from pathlib import Path

_LOG = logging.getLogger(__name__)
_NAME = re.compile(r"step-(\d{8,})")


class CheckpointStore:
    """The folder ``checkpoints`` of a run directory.

    Args:
        folder: where the checkpoints lie, one directory each.
        keep_last: newest checkpoints that are kept; the best ones that they refer to are kept
            besides.
    """

    def __init__(self, folder: Path, *, keep_last: int = 2) -> None:
        self.folder = folder
        self.keep_last = keep_last

    def path(self, step: int) -> Path:
        """Return the directory of the checkpoint after `step` optimizer steps."""
        return self.folder / f"step-{step:08d}"

    def paths(self) -> list[Path]:
        """Return the checkpoints that are there, oldest first."""
        if not self.folder.is_dir():
            return []
        return sorted((p for p in self.folder.iterdir() if _NAME.fullmatch(p.name)), key=_step)

    def save(self, checkpoint: Checkpoint) -> Path:
        """Write `checkpoint`, remove those no longer needed, and return its directory.

        Raises:
            StorageError: it could not be written; all earlier ones are still there.
        """
        path = self.path(checkpoint.position.step)
        write_checkpoint(path, checkpoint)
        self._prune()
        return path

    def newest(self) -> tuple[Path, Checkpoint] | None:
        """Return the newest checkpoint that can be read, or None if the folder holds none.

        A damaged one is passed over with a warning: a run that goes on from an earlier checkpoint
        ends with the same weights, so this costs time and nothing else.

        Raises:
            CheckpointError: there are checkpoints, but all are damaged; or the newest was written
                in a newer format.
        """
        first_error: CheckpointError | None = None
        for path in reversed(self.paths()):
            try:
                checkpoint = read_checkpoint(path)
            except CheckpointError as error:
                if "format version" in str(error):
                    raise
                first_error = first_error or error
                _LOG.warning("%s; trying the one before", error)
            else:
                return path, checkpoint
        if first_error is not None:
            raise first_error
        return None

    def best(self) -> Path | None:
        """Return the checkpoint with the best weights; the newest one if none was evaluated."""
        paths = self.paths()
        if not paths:
            return None
        best = read_state(paths[-1]).best
        return paths[-1] if best is None else self.path(best.step)

    def clean(self, step: int) -> None:
        """Remove what a killed process left half-written, and damaged checkpoints after `step`.

        Those were passed over when the run went on from `step`, and will be written again.
        """
        later = [path for path in self.paths() if _step(path) > step]
        for path in (*self.folder.glob(".step-*"), *later):
            shutil.rmtree(path, ignore_errors=True)

    def _prune(self) -> None:
        paths = self.paths()
        kept = set(paths[-self.keep_last :])
        for path in tuple(kept):
            try:
                best = read_state(path).best
            except CheckpointError:
                continue  # damaged, but newest() reports it, not this
            if best is not None:
                kept.add(self.path(best.step))
        for path in set(paths) - kept:
            shutil.rmtree(path, ignore_errors=True)


def find_checkpoint(path: Path) -> Path:
    """Return the checkpoint that `path` means: itself, or the best one of the run directory `path`.

    Raises:
        CheckpointError: there is none.
    """
    if (path / "checkpoints").is_dir():
        best = CheckpointStore(path / "checkpoints").best()
        if best is not None:
            return best
    if (path / "state.json").is_file():
        return path
    msg = (
        f"{path} holds no checkpoint: give the run_dir of a training run, or one of its "
        "checkpoints/step-* directories"
    )
    raise CheckpointError(msg)


def _step(path: Path) -> int:
    return int(path.name.removeprefix("step-"))
