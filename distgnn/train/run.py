"""`train`: from a configuration to a trained model in a run directory.

```
run/
  config.toml       the configuration, defaults included
  checkpoints/      step-00001200/, ...: the newest ones and the best
  metrics.jsonl     a record a line: losses, metrics, throughput
  tensorboard/      the same for `tensorboard --logdir run`
  result.json       what came out, written at the end
```
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from rich.table import Table

from distgnn.exceptions import CheckpointError, OutputExistsError, StorageError
from distgnn.loader import tune_malloc
from distgnn.shards.reader import ShardedGraph
from distgnn.tasks.forward import unwrap
from distgnn.train.build import (
    build_trainer,
    resolve_device,
    shared_evaluation_settings,
    split_loader,
)
from distgnn.train.checkpoint import Best, Checkpoint, read_checkpoint
from distgnn.train.config_file import replace_text, save_config
from distgnn.train.evaluate import evaluate
from distgnn.train.identity import load_model_state
from distgnn.train.logs import RunLog
from distgnn.train.progress import ProgressReport
from distgnn.train.signals import StopRequest
from distgnn.train.store import CheckpointStore
from distgnn.train.surroundings import Surroundings

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.train.config import RunConfig
    from distgnn.train.trainer import Status, Trainer

_LOG = logging.getLogger(__name__)
CONFIG_FILE, RESULT_FILE, CHECKPOINTS = "config.toml", "result.json", "checkpoints"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What came out of a run, or of the part of it until it was interrupted."""

    run_dir: Path
    status: Status
    """completed: all epochs; early_stopped: patience exhausted; interrupted: by a signal."""
    signal: int | None
    """The signal that interrupted it; a checkpoint was saved, `resume` goes on from there."""
    epochs: int
    """Epochs completed."""
    steps: int
    """Optimizer steps taken."""
    best: Best | None
    """The best evaluation, whose weights `checkpoint` holds; None if none was made."""
    checkpoint: Path
    """The checkpoint with the best weights (the last ones if there was no evaluation)."""
    val: dict[str, float]
    """Metrics of the validation split with the best weights; empty without one."""
    test: dict[str, float]
    """Metrics of the test split with the best weights; empty without one or if interrupted."""

    @property
    def exit_code(self) -> int:
        """0, or 128 + signal (143 for SIGTERM, 130 for SIGINT) as shells report it."""
        return 0 if self.signal is None else 128 + self.signal

    def render(self) -> Table:
        """Return the result as a table for a rich console."""
        table = Table(title=f"run {self.run_dir}", show_header=False)
        table.add_column(style="bold")
        table.add_column()
        table.add_row("status", f"{self.status} after {self.epochs} epochs, {self.steps:,} steps")
        if self.best is not None:
            best = f"val {self.best.metric} {self.best.value:.4g} after epoch {self.best.epoch + 1}"
            table.add_row("best", best)
        for split, metrics in (("val", self.val), ("test", self.test)):
            for name, value in metrics.items():
                table.add_row(f"{split} {name}", f"{value:.4g}")
        table.add_row("checkpoint", str(self.checkpoint))
        return table


def train(config: RunConfig, *, resume: bool = False, progress: bool = True) -> TrainResult:
    """Train the model that `config` describes, and evaluate its best weights.

    On SIGTERM or SIGINT a checkpoint is saved after the running step and the result says so.

    Args:
        config: what to train on what; see `RunConfig`.
        resume: go on from the newest checkpoint in ``config.run_dir``, with the same result as an
            undisturbed run; from the start if the run was killed before it saved one.
        progress: show progress on stderr (bars on a terminal only).

    Raises:
        OutputExistsError: ``run_dir`` holds a run, and `resume` is False.
        CheckpointError: there is no run to resume, or it is of another graph or configuration.
        ConfigError, GraphDataError, ShardError: graph and configuration do not go together.
        TrainingDivergedError: a loss is not finite.
        StorageError: the disk is full.
    """
    device = resolve_device(config)
    with StopRequest() as stop, ProgressReport(enabled=progress) as report:
        surroundings = Surroundings(device=device, progress=report, stop_signal=lambda: stop.signal)
        return train_rank(config, surroundings, resume=resume)


def train_rank(config: RunConfig, surroundings: Surroundings, *, resume: bool) -> TrainResult:
    """Do one rank's part of `train`; all ranks return the same result.

    Only the first rank reads and writes ``config.run_dir``.

    Raises:
        DistgnnError: see `train`.
    """
    if config.train.tune_malloc and surroundings.device.type == "cpu":
        tune_malloc()
    if surroundings.ranks.is_first:
        check_run_dir(config.run_dir, resume=resume)
    graph = ShardedGraph.open(config.graph)
    store = CheckpointStore(config.run_dir / CHECKPOINTS, keep_last=config.checkpoint.keep_last)
    log = RunLog(config.run_dir)
    trainer = build_trainer(config, graph, surroundings, store=store, log=log)
    if resume:
        _restore(trainer, graph)
    if trainer.ranks.is_first:
        _open_run_dir(trainer)
    try:
        status = trainer.run()
        return _finish(trainer, status)
    finally:
        log.close()


def holds_run(run_dir: Path) -> bool:
    """Return whether a run was begun in `run_dir`."""
    return (run_dir / CONFIG_FILE).exists() or (run_dir / CHECKPOINTS).exists()


def check_run_dir(run_dir: Path, *, resume: bool) -> None:
    """Refuse to start where a run lies, or to resume where none does.

    Raises:
        OutputExistsError, CheckpointError: the run directory is not as it should be.
    """
    exists = holds_run(run_dir)
    if resume and not exists:
        msg = f"{run_dir} holds no run to resume: check run_dir, or leave --resume out"
        raise CheckpointError(msg)
    if exists and not resume:
        msg = (
            f"{run_dir} holds a run already: continue it with --resume, "
            "choose another run_dir, or remove it"
        )
        raise OutputExistsError(msg)


def _restore(trainer: Trainer, graph: ShardedGraph) -> None:
    ranks = trainer.ranks
    newest = ranks.from_first(trainer.store.newest() if ranks.is_first else None)
    if newest is None:
        _LOG.warning("%s holds no checkpoint yet: training starts anew", trainer.config.run_dir)
        return
    path, saved = newest
    trainer.restore(path, saved, graph)
    trainer.progress.say(f"going on from {path}")


def _open_run_dir(trainer: Trainer) -> None:
    """Make the run directory ready to be written to.

    Raises:
        StorageError: it cannot be written to.
    """
    run_dir = trainer.config.run_dir
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        save_config(trainer.config, run_dir / CONFIG_FILE)
        (run_dir / RESULT_FILE).unlink(missing_ok=True)
        trainer.store.clean(trainer.position.step)
        trainer.log.open(trainer.position)
    except OSError as error:
        msg = f"cannot write to run_dir {run_dir}: {error}; free space, or choose another run_dir"
        raise StorageError(msg) from error


def _finish(trainer: Trainer, status: Status) -> TrainResult:
    """Evaluate the best weights on the test split and write down what came out."""
    best, checkpoint = _best(trainer)
    test: dict[str, float] | None = {}
    if status != "interrupted":
        load_model_state(unwrap(trainer.learner.model), checkpoint.model, best)
        test = _test(trainer)
    if test is None:
        status = "interrupted"
    result = TrainResult(
        run_dir=trainer.config.run_dir,
        status=status,
        signal=trainer.surroundings.stop_signal() if status == "interrupted" else None,
        epochs=trainer.position.epoch,
        steps=trainer.position.step,
        best=trainer.best,
        checkpoint=best,
        val={name.removeprefix("val/"): value for name, value in checkpoint.metrics.items()},
        test=test or {},
    )
    if status != "interrupted" and trainer.ranks.is_first:
        _write_result(result)
        if test:
            trainer.log.write("test", trainer.position, {f"test/{k}": v for k, v in test.items()})
    return result


def _best(trainer: Trainer) -> tuple[Path, Checkpoint]:
    """Return the checkpoint with the best weights, as the first rank finds it."""
    found: Any = None
    if trainer.ranks.is_first:
        best = trainer.store.best()
        if best is None:  # every way out of the loop leaves a checkpoint
            msg = f"the checkpoints of {trainer.config.run_dir} are gone: train again"
            raise CheckpointError(msg)
        found = best, read_checkpoint(best)
    best_of_first: tuple[Path, Checkpoint] = trainer.ranks.from_first(found)
    return best_of_first


def _test(trainer: Trainer) -> dict[str, float] | None:
    """Return the metrics of the test split; {} if it is empty, None if asked to stop."""
    settings = shared_evaluation_settings(trainer.config, trainer.surroundings)
    loader = split_loader(trainer.task, "test", settings, trainer.surroundings)
    if loader is None:
        return {}
    trainer.progress.start("test", len(loader))
    return evaluate(
        trainer.task,
        trainer.learner.model,
        loader,
        device=trainer.device,
        precision=trainer.config.train.precision,
        should_stop=trainer.tick,
        ranks=trainer.ranks,
    )


def _write_result(result: TrainResult) -> None:
    data = asdict(result) | {"run_dir": str(result.run_dir), "checkpoint": str(result.checkpoint)}
    path = result.run_dir / RESULT_FILE
    try:
        replace_text(path, json.dumps(data, indent=1) + "\n")
    except OSError as error:
        msg = f"cannot write {path}: {error}; the weights are saved in {result.checkpoint}"
        raise StorageError(msg) from error
