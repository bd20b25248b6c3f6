"""What each rank runs under Ray Train: the local loop, with other ranks and a board around it."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import ray.train
import ray.train.torch
from ray.exceptions import RayError
from torch import distributed

from distgnn.cluster.gauges import RankGauges
from distgnn.cluster.rank_loader import ActorLoaders
from distgnn.exceptions import ClusterError, DistgnnError
from distgnn.train.build import resolve_device
from distgnn.train.checkpoint import read_state
from distgnn.train.progress import ProgressReport
from distgnn.train.ranks import GroupRanks, is_peer_failure
from distgnn.train.run import CHECKPOINTS, holds_run, train_rank
from distgnn.train.store import CheckpointStore
from distgnn.train.surroundings import Surroundings, local_loader

if TYPE_CHECKING:
    from types import TracebackType

    import torch

    from distgnn.cluster.board import Board
    from distgnn.cluster.sampler_group import Samplers
    from distgnn.train.checkpoint import Checkpoint
    from distgnn.train.config import RunConfig

BEAT_S = 1.0
"""Seconds between two signs of life of the first rank."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RankJob:
    """What the driver gives to every rank."""

    config: RunConfig
    resume: bool
    board: Board
    samplers: Samplers | None
    """The actors that make the batches; None: each rank makes its own."""


def run_rank(settings: dict[str, Any]) -> None:
    """Train on this rank to the end; Ray Train calls it anew after a rank or node died.

    Args:
        settings: ``{"job": RankJob}``.
    """
    job: RankJob = settings["job"]
    ranks = GroupRanks()
    with BoardReport(job.board, active=ranks.is_first) as report:
        try:
            resume = _goes_on(job, ranks)
            surroundings = Surroundings(
                device=_device(job.config),
                progress=report,
                stop_signal=lambda: report.signal,
                ranks=ranks,
                on_save=_Reporter(job.config).on_save,
                on_rates=RankGauges(ranks.share.rank, job.config.run_dir.name).set,
                make_loader=local_loader if job.samplers is None else ActorLoaders(job.samplers),
            )
            result = train_rank(job.config, surroundings, resume=resume)
        except Exception as error:
            if not _may_be_tried_again(error):
                job.board.fail(_for_the_driver(error))
            raise
    if ranks.is_first:
        job.board.finish(result)


def _goes_on(job: RankJob, ranks: GroupRanks) -> bool:
    """Return whether there is something to go on from: the user's wish, or an earlier attempt."""
    if not ranks.is_first:
        return bool(ranks.from_first(None))
    again = job.board.begin() > 0
    if again or job.resume:
        _fetch(CheckpointStore(job.config.run_dir / CHECKPOINTS))
    resume = job.resume or (again and holds_run(job.config.run_dir))
    return bool(ranks.from_first(resume))


def _fetch(store: CheckpointStore) -> None:
    """Bring checkpoints that Ray Train keeps, and this node lacks, to this node."""
    for reported in ray.train.get_all_reported_checkpoints():
        with reported.checkpoint.as_directory() as folder:
            place = store.path(read_state(Path(folder)).position.step)
            if place.exists():
                continue
            store.folder.mkdir(parents=True, exist_ok=True)
            temporary = Path(tempfile.mkdtemp(prefix=f".{place.name}.", dir=store.folder))
            shutil.copytree(folder, temporary, dirs_exist_ok=True)
            temporary.rename(place)


def _device(config: RunConfig) -> torch.device:
    """Return the GPU that Ray gave this rank, or what the configuration says."""
    device = ray.train.torch.get_device()
    return device if device.type == "cuda" else resolve_device(_on_cpu(config))


def _on_cpu(config: RunConfig) -> RunConfig:
    return dataclasses.replace(config, train=dataclasses.replace(config.train, device="cpu"))


def _may_be_tried_again(error: Exception) -> bool:
    """Return whether another process or a disk failed, and not what the user gave us."""
    if isinstance(error, ClusterError):
        return True
    return not isinstance(error, DistgnnError) and (
        isinstance(error, (OSError, RayError)) or is_peer_failure(error)
    )


def _for_the_driver(error: Exception) -> DistgnnError:
    """Return an error that can be sent: one of ours as it is, another one as text."""
    if isinstance(error, DistgnnError):
        return error
    notes = "; ".join(getattr(error, "__notes__", ()))
    rank = distributed.get_rank()
    return ClusterError(f"rank {rank} failed: {type(error).__name__}: {error} {notes}".rstrip())


class _Reporter:
    """Tells Ray Train of every checkpoint; where there is a storage, it copies them there."""

    def __init__(self, config: RunConfig) -> None:
        self._copies = config.cluster.storage is not None

    def on_save(self, checkpoint: Checkpoint, path: Path | None) -> None:
        """Report on all ranks, which Ray Train waits for."""
        position, best = checkpoint.position, checkpoint.best
        is_best = best is not None and best.step == position.step
        metrics = {
            **checkpoint.metrics,
            **dataclasses.asdict(position),
            # Ray keeps the highest scores besides the newest: the best weights score highest.
            "score": position.step if is_best else -1,
        }
        copied = None
        if self._copies and path is not None:
            copied = ray.train.Checkpoint.from_directory(str(path))
        ray.train.report(metrics, checkpoint=copied)


class BoardReport(ProgressReport):
    """Brings what the first rank says to the driver, and the driver's signal to the rank.

    Args:
        board: the board.
        active: whether this is the first rank.
    """

    def __init__(self, board: Board, *, active: bool) -> None:
        super().__init__(enabled=False)
        self.signal: int | None = None
        self._board = board
        self._active = active
        self._lines: list[str] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name="distgnn-beat", daemon=True)

    def __enter__(self) -> Self:
        if self._active:
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._ended.set()
        if self._active:
            self._thread.join()

    def say(self, text: str) -> None:
        """Keep a line for the next beat."""
        if self._active:
            self._lines.append(text)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            self._send()
        self._send()

    def _send(self) -> None:
        lines, self._lines = self._lines, []
        try:
            self.signal = self._board.beat(lines) or self.signal
        except ClusterError:
            return  # the driver is gone; Ray will end this process, too
