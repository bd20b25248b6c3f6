"""The training loop: epochs of batches, evaluations, checkpoints; resumable between any two steps.

A run is a sequence of optimizer steps. After each one its whole state is a `Checkpoint`; going on
from any of them gives the same weights as never having stopped.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from distgnn.exceptions import TrainingDivergedError
from distgnn.tasks.forward import unwrap
from distgnn.train.checkpoint import Checkpoint, Position
from distgnn.train.evaluate import computed, evaluate
from distgnn.train.identity import check_same_graph, check_same_run, load_model_state
from distgnn.train.meter import Meter, Totals, num_edges
from distgnn.train.rng import generator_states, restore_generators, seed_generators, seed_of_rank

if TYPE_CHECKING:
    from pathlib import Path

    from torchmetrics import MetricCollection

    from distgnn.shards.reader import ShardedGraph
    from distgnn.tasks.task import BatchLoader, Task
    from distgnn.train.checkpoint import Best, RunIdentity
    from distgnn.train.config import RunConfig
    from distgnn.train.learner import BatchResult, Learner
    from distgnn.train.logs import RunLog
    from distgnn.train.optim import Schedule
    from distgnn.train.selection import Selection
    from distgnn.train.store import CheckpointStore
    from distgnn.train.surroundings import Surroundings

Status = Literal["completed", "early_stopped", "interrupted"]


@dataclass(kw_only=True)
class Trainer:
    """Runs a prepared training; `distgnn.train.run` puts it together.

    All ranks run the same code, each on its share of every batch, and reach the same collective
    calls in the same order. The first one writes checkpoints and logs.
    """

    config: RunConfig
    task: Task
    learner: Learner
    schedule: Schedule
    selection: Selection
    train_loader: BatchLoader
    val_loader: BatchLoader | None
    identity: RunIdentity
    store: CheckpointStore
    log: RunLog
    surroundings: Surroundings
    position: Position = field(default_factory=Position)
    meter: Meter = field(default_factory=Meter)
    evaluation: dict[str, float] = field(default_factory=dict)
    """Metrics of the last evaluation, as ``val/accuracy``."""

    def __post_init__(self) -> None:
        self.ranks, self.device = self.surroundings.ranks, self.surroundings.device
        self.progress, self.should_stop = self.surroundings.progress, self.surroundings.should_stop
        self.train_metrics: MetricCollection = self.task.metrics().to(self.device)
        self.train_metrics.persistent(mode=True)
        self._num_batches = len(self.train_loader)
        self._logged = Totals()

    @property
    def best(self) -> Best | None:
        """The best evaluation so far."""
        return self.selection.best

    def run(self) -> Status:
        """Train to the last epoch, to early stopping, or to a request to stop; leave a checkpoint.

        Raises:
            TrainingDivergedError: a loss is not finite.
            StorageError: a checkpoint could not be written.
        """
        while self.position.epoch < self.config.train.epochs:
            if self.selection.should_stop:
                return "early_stopped"
            if not self._train_epoch() or not self._finish_epoch():
                self._save()
                return "interrupted"
        return "completed"

    def _train_epoch(self) -> bool:
        """Train on the rest of the epoch; return False if asked to stop before its end."""
        epoch, start = self.position.epoch, self.position.batch
        if start == 0:
            self._start_measuring(Totals())
        if start == self._num_batches:
            return True
        self.progress.start(f"epoch {epoch + 1}", self._num_batches, start)
        self.learner.model.train()
        for batch in self.meter.timed(self.train_loader.epoch(epoch, start)):
            self._train_batch(batch)
            if self._after_batch() and self.should_stop():
                return False
        return True

    def _train_batch(self, cpu_batch: Any) -> None:
        batch = cpu_batch.to(self.device, non_blocking=True)
        closes_step = self._closes_step(self.position.batch + 1)
        result: BatchResult = self.learner.add(batch, closes_step=closes_step)
        if result.num_seeds:
            self.task.update(self.train_metrics, result.output, batch)
        self.meter.add(self.position.batch, result, num_edges(cpu_batch))
        self.position = dataclasses.replace(self.position, batch=self.position.batch + 1)

    def _closes_step(self, done: int) -> bool:
        """Return whether an optimizer step follows when `done` batches of the epoch are done."""
        return done % self.config.train.accumulate == 0 or done == self._num_batches

    def _after_batch(self) -> bool:
        """Take a step if the batches of one are there; return whether the state is whole."""
        self.progress.advance()
        done = self.position.batch
        if not self._closes_step(done):
            return False
        if self.device.type == "cpu":
            self._check_losses()  # on a GPU this would wait for each batch
        self.learner.step()
        self.schedule.after_step()
        self.position = dataclasses.replace(self.position, step=self.position.step + 1)
        if done % self.config.train.log_every < self.config.train.accumulate:
            self._log_step()
        every = self.config.checkpoint.every_batches
        if every and done % every == 0 and done < self._num_batches:
            self._save()
        return True

    def _finish_epoch(self) -> bool:
        """Evaluate, log and save after an epoch; return False if asked to stop meanwhile."""
        self._check_losses()
        epoch = self.position.epoch + 1
        last = epoch == self.config.train.epochs
        improved, evaluated = False, {}
        if self.val_loader is not None and (
            last or epoch % self.config.evaluation.every_epochs == 0
        ):
            evaluated = self._evaluate(self.val_loader)
            if not evaluated:
                return False
            improved = self._select()
        self._log_epoch(evaluated)
        self.position = Position(epoch=epoch, batch=0, step=self.position.step)
        every = self.config.checkpoint.every_epochs
        if improved or last or self.selection.should_stop or (every and epoch % every == 0):
            self._save()
        return last or not self.should_stop()

    def _evaluate(self, loader: BatchLoader) -> dict[str, float]:
        """Return the validation metrics, which become those of the run; {} if asked to stop."""
        self.progress.start("validation", len(loader))
        values = evaluate(
            self.task,
            self.learner.model,
            loader,
            device=self.device,
            precision=self.config.train.precision,
            should_stop=self.tick,
            ranks=self.ranks,
        )
        if values is None:
            return {}
        self.evaluation = {f"val/{name}": value for name, value in values.items()}
        return self.evaluation

    def tick(self) -> bool:
        """Move the progress bar on; return whether to stop."""
        self.progress.advance()
        return self.should_stop()

    def _select(self) -> bool:
        value = self.evaluation[f"val/{self.selection.metric}"]
        self.schedule.after_evaluation(value)
        return self.selection.update(value, self.position)

    def _check_losses(self) -> None:
        diverged = self.meter.flush()
        if diverged is None:
            return
        saved = self.store.paths()
        safe = f"the last checkpoint, {saved[-1]}, is from before" if saved else "none is saved yet"
        msg = (
            f"the loss of batch {diverged} of epoch {self.position.epoch + 1} is not a finite "
            f"number; {safe}. Lower optimizer.lr (now {self.config.optimizer.lr}) or set "
            "train.clip_norm, or look for extreme values in the features (`distgnn inspect`)"
        )
        raise TrainingDivergedError(msg)

    def _log_step(self) -> None:
        self._check_losses()
        now = dataclasses.replace(self.meter.totals)
        rates = self._rates(now.since(self._logged)) | {"lr": self._learning_rate()}
        self._logged = now
        self.log.write("step", self.position, rates)
        self.progress.note(f"loss {rates['loss']:.4f}  {rates['seeds_per_s']:,.0f} seeds/s")

    def _log_epoch(self, evaluated: dict[str, float]) -> None:
        measured = self._rates(self.meter.totals) | computed(self.train_metrics)
        values = {f"train/{name}": value for name, value in measured.items()}
        values["lr"] = self._learning_rate()
        values["seconds"] = self.meter.totals.seconds
        self.log.write("epoch", self.position, values | evaluated)
        self.progress.epoch_line(self.position.epoch, self.config.train.epochs, values | evaluated)

    def _rates(self, totals: Totals) -> dict[str, float]:
        """Return the rates of all ranks together, and those of each where there are several."""
        self.surroundings.on_rates(totals.rates())
        every = self.ranks.gather(totals)
        rates = Totals.joined(every).rates()
        if len(every) > 1:
            for rank, mine in enumerate(every):
                rates |= {f"rank{rank}/{name}": value for name, value in mine.rates().items()}
        return rates

    def _learning_rate(self) -> float:
        return float(self.learner.optimizer.param_groups[0]["lr"])

    def _start_measuring(self, totals: Totals) -> None:
        self.meter = Meter(totals)
        self._logged = dataclasses.replace(totals)
        if totals.seeds == 0:
            self.train_metrics.reset()

    def _save(self) -> None:
        self._check_losses()
        checkpoint = self.checkpoint()
        path = self.store.save(checkpoint) if self.ranks.is_first else None
        self.surroundings.on_save(checkpoint, path)

    def checkpoint(self) -> Checkpoint:
        """Return the state of the run on all ranks, which must be between two steps."""
        with self.ranks.synced(self.train_metrics):
            train_metrics = self.train_metrics.state_dict()
        totals = Totals.joined(self.ranks.gather(self.meter.totals))
        return Checkpoint(
            position=self.position,
            identity=self.identity,
            model=unwrap(self.learner.model).state_dict(),
            parts={
                "optimizer": self.learner.optimizer.state_dict(),
                "schedule": self.schedule.state_dict(),
                "scaler": self.learner.scaler.state_dict(),
                "generators": self.ranks.gather(generator_states(self.device)),
                "totals": dataclasses.asdict(totals),
                "train_metrics": train_metrics,
                "without_improvement": self.selection.without_improvement,
            },
            metrics=self.evaluation,
            best=self.selection.best,
        )

    def restore(self, path: Path, saved: Checkpoint, graph: ShardedGraph) -> None:
        """Go on from the checkpoint `saved`, read from `path`.

        Raises:
            CheckpointError: it belongs to another graph, model or configuration.
        """
        check_same_graph(saved.identity, graph, path)
        check_same_run(saved.identity, self.identity, path)
        load_model_state(unwrap(self.learner.model), saved.model, path)
        self.learner.optimizer.load_state_dict(saved.parts["optimizer"])
        self.schedule.load_state_dict(saved.parts["schedule"])
        self.learner.scaler.load_state_dict(saved.parts["scaler"])
        self._restore_generators(saved)
        self._start_measuring(Totals())
        if self.ranks.is_first:  # sums over all ranks
            self.train_metrics.load_state_dict(saved.parts["train_metrics"])
            self._start_measuring(Totals(**saved.parts["totals"]))
        self.selection.without_improvement = saved.parts["without_improvement"]
        self.selection.best = saved.best
        self.evaluation = saved.metrics
        self.position = saved.position

    def _restore_generators(self, saved: Checkpoint) -> None:
        """Put this rank's generators where they were; fresh ones if there are more or fewer now."""
        states, share = saved.parts["generators"], self.ranks.share
        if len(states) == share.num_ranks or share.rank == 0:
            restore_generators(states[share.rank], self.device)
        else:
            seed_generators(seed_of_rank(self.config.seed, share.rank, saved.position.step))
