"""What a run writes while it goes: ``metrics.jsonl`` (a record a line) and TensorBoard events."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TextIO

from torch.utils.tensorboard import SummaryWriter

from distgnn.exceptions import StorageError
from distgnn.train.config_file import replace_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from distgnn.train.checkpoint import Position

METRICS_FILE = "metrics.jsonl"


class RunLog:
    """The records of a run: ``step`` every few batches, ``epoch``, and at the end ``test``.

    A record has ``kind``, ``epoch``, ``step`` (optimizer steps taken) and numbers by name, such as
    ``train/loss`` or ``val/accuracy``. When a run goes on from a checkpoint, records of the time
    after it are dropped: that time is lived again.

    Args:
        run_dir: where to write, once it is open.
    """

    def __init__(self, run_dir: Path) -> None:
        self._path = run_dir / METRICS_FILE
        self._board_dir = run_dir / "tensorboard"
        self._file: TextIO | None = None
        self._board: Any = None

    def open(self, position: Position) -> None:
        """Begin to write; `position` is where the run starts or goes on from."""
        if position.step:
            _keep_until(self._path, position)
        self._file = self._path.open("a" if position.step else "w", encoding="utf-8")
        self._board = SummaryWriter(str(self._board_dir), purge_step=position.step + 1)

    def write(self, kind: str, position: Position, values: Mapping[str, float]) -> None:
        """Add a record.

        Raises:
            StorageError: the disk is full.
        """
        record = {"kind": kind, "epoch": position.epoch, "step": position.step, **values}
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(record) + "\n")
            self._file.flush()
        except OSError as error:
            msg = f"cannot write {self._path}: {error}; free space, then continue with --resume"
            raise StorageError(msg) from error
        for name, value in values.items():
            tag = name if "/" in name else f"{kind}/{name}"
            self._board.add_scalar(tag, value, position.step)

    def close(self) -> None:
        """Write out what is buffered."""
        if self._file is not None:
            self._board.close()
            self._file.close()


def read_records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records of a ``metrics.jsonl``; a line cut off by a killed process is skipped."""
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def _keep_until(path: Path, position: Position) -> None:
    """Drop the records after `position`, all or nothing."""
    if not path.exists():
        return
    kept = [
        json.dumps(record) + "\n" for record in read_records(path) if _is_before(record, position)
    ]
    replace_text(path, "".join(kept))


def _is_before(record: dict[str, Any], position: Position) -> bool:
    match record["kind"]:
        case "step":
            return bool(record["step"] <= position.step)
        case "epoch":
            return bool(record["epoch"] < position.epoch)
        case _:  # the test is made again at the end
            return False
