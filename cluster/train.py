"""`train` on Ray: starts or joins a cluster, runs the ranks under Ray Train, brings the result."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ray
import ray.train
from ray.train.torch import TorchConfig, TorchTrainer

from distgnn.cluster.board import Board
from distgnn.cluster.connect import connected, require_room
from distgnn.cluster.rank import RankJob, run_rank
from distgnn.cluster.rank_loader import check_samplers, group_settings
from distgnn.cluster.sampler_group import SamplerGroup
from distgnn.cluster.storage import check_storage, open_storage
from distgnn.exceptions import ClusterError, ClusterTimeoutError
from distgnn.train.progress import ProgressReport
from distgnn.train.run import check_run_dir, holds_run
from distgnn.train.signals import StopRequest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from distgnn.cluster.board import Notes
    from distgnn.cluster.sampler_group import Samplers
    from distgnn.train.config import RunConfig
    from distgnn.train.run import TrainResult

_TRAIN: Any = ray.train  # its annotations are those of the former version of Ray Train
LOOK_S = 0.5
"""Seconds between two looks of the driver at the board."""
_TRIES = 3
"""Times that Ray Train tries to start a group of ranks within cluster.placement_timeout_s."""
_LAST_WORDS_S = 30.0
"""Seconds that Ray Train gets to end its processes after the result is there."""


def train_on_ray(config: RunConfig, *, resume: bool = False, progress: bool = True) -> TrainResult:
    """Train as `distgnn.train.run.train` does, on ``config.cluster.num_workers`` ranks.

    A rank or node that dies costs the time since the last checkpoint: the others are started again
    and go on from it, up to ``config.cluster.max_failures`` times. On SIGTERM or SIGINT all ranks
    stop after the running step, a checkpoint is saved, and the result says so.

    Raises:
        ClusterAddressError: there is no usable cluster at ``config.cluster.address``.
        ClusterTimeoutError: no cluster, no room for the ranks, or no answer within the deadlines.
        ClusterError: ranks died more often than allowed, or their code failed.
        DistgnnError: as `train` does.
    """
    config = _absolute(config)
    if not resume:  # the first rank looks again, should its node have another disk
        check_run_dir(config.run_dir, resume=False)
    if config.cluster.num_samplers:
        check_samplers(config)
    if config.cluster.storage is not None:
        check_storage(config.cluster.storage, config.run_dir, resume=resume)
    with (
        ProgressReport(enabled=progress) as report,
        connected(config.cluster),
        StopRequest() as stop,  # within, because Ray takes over the signals when it starts
        tempfile.TemporaryDirectory(prefix="distgnn-ray-") as scratch,
    ):
        num_gpus = _gpus_per_worker(config)
        require_room(_bundles(config, num_gpus), config.cluster)
        board = Board.start(config.cluster.timeout_s)
        with _samplers(config) as samplers:
            job = RankJob(config=config, resume=resume, board=board, samplers=samplers)
            fit = _Fit(_trainer(job, num_gpus, scratch))
            return _watch(fit, board, config, stop, report)


@contextmanager
def _samplers(config: RunConfig) -> Iterator[Samplers | None]:
    """Start the sampling actors, if there are to be any; end them with the context."""
    if config.cluster.num_samplers == 0:
        yield None
        return
    with SamplerGroup.start(config.graph, group_settings(config)) as group:
        yield group.samplers


def _bundles(config: RunConfig, num_gpus: int) -> list[dict[str, float]]:
    """Return the resources of every process that must have room at the start."""
    cluster = config.cluster
    ranks = [_resources(config, num_gpus)] * (cluster.min_workers or cluster.num_workers)
    if cluster.cpus_per_sampler == 0:
        return ranks
    return ranks + [{"CPU": cluster.cpus_per_sampler}] * cluster.num_samplers


def _absolute(config: RunConfig) -> RunConfig:
    """Return `config` with paths that mean the same in every process."""
    return replace(config, graph=config.graph.absolute(), run_dir=config.run_dir.absolute())


def _gpus_per_worker(config: RunConfig) -> int:
    """Return 1 if ranks train on GPUs: train.device says so, or there is one for each."""
    if config.train.device != "auto":
        return int(config.train.device.startswith("cuda"))
    return int(ray.cluster_resources().get("GPU", 0) >= config.cluster.num_workers)


def _resources(config: RunConfig, num_gpus: int) -> dict[str, float]:
    resources = {"CPU": config.cluster.cpus_per_worker}
    return resources | {"GPU": 1.0} if num_gpus else resources


def _trainer(job: RankJob, num_gpus: int, scratch: str) -> TorchTrainer:
    cluster = job.config.cluster
    num_workers: Any = cluster.num_workers
    if cluster.min_workers is not None and cluster.min_workers < cluster.num_workers:
        num_workers = (cluster.min_workers, cluster.num_workers)
    _set_deadlines(cluster.placement_timeout_s)
    return TorchTrainer(
        run_rank,
        train_loop_config={"job": job},
        torch_config=TorchConfig(
            # Numbers and flags are exchanged on the CPU, gradients where the model is.
            backend="cpu:gloo,cuda:nccl" if num_gpus else "gloo",
            timeout_s=max(1, int(cluster.timeout_s)),
        ),
        scaling_config=_TRAIN.ScalingConfig(
            num_workers=num_workers,
            use_gpu=bool(num_gpus),
            resources_per_worker=_resources(job.config, num_gpus),
        ),
        run_config=_run_config(job.config, scratch),
    )


def _run_config(config: RunConfig, scratch: str) -> Any:
    filesystem, path = None, scratch
    if config.cluster.storage is not None:
        filesystem, path = open_storage(config.cluster.storage)
    return _TRAIN.RunConfig(
        name=config.run_dir.name,
        storage_path=path,
        storage_filesystem=filesystem,
        failure_config=_TRAIN.FailureConfig(
            max_failures=config.cluster.max_failures, controller_failure_limit=_TRIES - 1
        ),
        checkpoint_config=_TRAIN.CheckpointConfig(
            num_to_keep=config.checkpoint.keep_last,
            checkpoint_score_attribute="score",
            checkpoint_score_order="max",
        ),
        worker_runtime_env={
            "env_vars": {
                # DDP warns wherever every parameter was used, which is as it should be.
                "TORCH_CPP_LOG_LEVEL": "ERROR",
                # Paths are absolute; a model of the user's own is found as by the driver.
                "RAY_CHDIR_TO_TRIAL_DIR": "0",
            }
        },
    )


def _set_deadlines(placement_timeout_s: float) -> None:
    """Tell Ray Train, which takes them from the environment of the driver."""
    os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.5")
    os.environ["RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S"] = str(placement_timeout_s / _TRIES)


class _Fit:
    """`TorchTrainer.fit` in a thread, so that this one can watch and take signals."""

    def __init__(self, trainer: TorchTrainer) -> None:
        self.error: BaseException | None = None
        self._trainer = trainer
        self._thread = threading.Thread(target=self._run, name="distgnn-fit", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._trainer.fit()
        except BaseException as error:
            self.error = error

    @property
    def is_running(self) -> bool:
        """Whether Ray Train is still at it."""
        return self._thread.is_alive()

    def wait(self, timeout_s: float) -> None:
        """Wait until it ends, or the time is up."""
        self._thread.join(timeout_s)


def _watch(
    fit: _Fit, board: Board, config: RunConfig, stop: StopRequest, report: ProgressReport
) -> TrainResult:
    """Return the result when it is there; show what the ranks say, and pass on a signal."""
    asked_at: float | None = None
    while True:
        ended = not fit.is_running
        notes = board.look()
        for line in notes.lines:
            report.say(line)
        if notes.failure is not None:
            raise notes.failure
        if notes.result is not None:
            fit.wait(_LAST_WORDS_S)
            return notes.result
        if ended:
            raise _explained(fit.error, config, notes) from fit.error
        if stop.signal is not None and asked_at is None:
            board.stop(stop.signal)
            asked_at = time.monotonic()
        _check_deadlines(notes, config, asked_at)
        fit.wait(LOOK_S)


def _check_deadlines(notes: Notes, config: RunConfig, asked_at: float | None) -> None:
    """Give up on ranks that are silent, or that do not stop.

    Raises:
        ClusterTimeoutError: they are.
    """
    cluster = config.cluster
    silence_s = cluster.placement_timeout_s + cluster.timeout_s
    if notes.silent_s > silence_s:
        msg = (
            f"rank 0 was not heard of for {notes.silent_s:.0f} s (cluster.placement_timeout_s + "
            f"cluster.timeout_s = {silence_s:g} s): {_nodes()}. {_goes_on(config)}"
        )
        raise ClusterTimeoutError(msg)
    if asked_at is not None and time.monotonic() - asked_at > cluster.timeout_s:
        msg = (
            f"the ranks did not stop within {cluster.timeout_s:g} s (cluster.timeout_s) after the "
            f"signal: they are ended where they are. {_goes_on(config)}"
        )
        raise ClusterTimeoutError(msg)


def _explained(error: BaseException | None, config: RunConfig, notes: Notes) -> ClusterError:
    """Return what it means that Ray Train gave up."""
    failure = getattr(error, "controller_failure", None)
    if failure is not None and "imeout" in type(failure).__name__:
        msg = (
            f"{config.cluster.num_workers} ranks could not be started within "
            f"{config.cluster.placement_timeout_s:g} s (cluster.placement_timeout_s): {_nodes()}. "
            f"Bring nodes back or set cluster.min_workers. {_goes_on(config)}"
        )
        return ClusterTimeoutError(msg)
    ranks: dict[int, Exception] = getattr(error, "worker_failures", {})
    reasons = [f"rank {rank}: {_first_line(reason)}" for rank, reason in sorted(ranks.items())]
    msg = (
        f"the ranks failed {notes.attempts} times (cluster.max_failures = "
        f"{config.cluster.max_failures}); the last time: "
        f"{'; '.join(reasons) or _first_line(error)}. {_goes_on(config)}"
    )
    return ClusterError(msg)


def _first_line(error: object) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _nodes() -> str:
    alive = [node for node in ray.nodes() if node["Alive"]]
    cores = sum(node["Resources"].get("CPU", 0) for node in alive)
    return f"the Ray cluster has {len(alive)} nodes alive with {cores:g} CPUs"


def _goes_on(config: RunConfig) -> str:
    if holds_run(Path(config.run_dir)):
        return "The last checkpoint is intact: go on from it with --resume"
    return "No checkpoint was saved yet"
