"""What a training run is: nested dataclasses, one field a setting, checked when they are made.

A field's docstring is its help text on the command line. Files are read and written in
`distgnn.train.config_file`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from pydantic import with_config

from distgnn.exceptions import ConfigError
from distgnn.samplers.registry import any_depth, chooses_seeds
from distgnn.train.config_cluster import ClusterConfig
from distgnn.train.config_fields import (
    Fanouts,
    JsonTable,
    OptionalFanoutsField,
    num_hops,
    require,
    require_fanouts,
)
from distgnn.train.config_sampler import SamplerConfig

__all__ = [
    "CheckpointConfig",
    "EarlyStoppingConfig",
    "EvaluationConfig",
    "LoaderConfig",
    "ModelConfig",
    "OptimizerConfig",
    "RunConfig",
    "SamplerConfig",
    "SchedulerConfig",
    "TaskConfig",
    "TrainConfig",
]


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfig:
    """What is learned."""

    name: str = "node_classification"
    """Name of the task, see `distgnn.tasks.TASKS`."""
    node_type: str | None = None
    """Node type whose labels are learned; not needed where one node type only has labels."""
    options: JsonTable = field(default_factory=dict)
    """Settings of the task, by name; for link_prediction see `distgnn.tasks.link_options`."""


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class ModelConfig:
    """The model and its constructor's arguments; input and output sizes follow from the graph."""

    name: str = "GraphSAGE"
    """Class in `distgnn.nn`."""
    target: str | None = None
    """Import path of your own torch.nn.Module, e.g. 'mypackage.models.MyGNN'; goes before name."""
    hidden_channels: int = 256
    """Size of the hidden representation of a node."""
    num_layers: int | None = None
    """Number of layers; by default one for each hop of sampler.fanouts. Any number where the
    sampler gives induced subgraphs ('shadow', 'cluster', 'saint_...', 'random_partition')."""
    dropout: float = 0.0
    """Probability with which a hidden value is zeroed while training."""
    act: str = "relu"
    """Activation between layers."""
    norm: str | None = None
    """Normalisation between layers, e.g. 'batch_norm' or 'layer_norm'."""
    jk: str | None = None
    """How layers are joined (jumping knowledge): 'last', 'cat', 'max' or 'lstm'."""
    options: JsonTable = field(default_factory=dict)
    """Further arguments of the model's constructor, by name."""

    def __post_init__(self) -> None:
        require(self.hidden_channels > 0, "model.hidden_channels", self.hidden_channels, "> 0")
        require(0 <= self.dropout < 1, "model.dropout", self.dropout, "in [0, 1)")


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderConfig:
    """How batches are made. Threads and prefetch change the speed and nothing else."""

    batch_size: int = 1024
    """Seeds of a batch (of each rank, where there are several); samplers that choose their seeds
    have options for the size of a batch instead."""
    num_threads: int = 1
    """Threads that make batches ahead; 0: batches are made when they are needed."""
    prefetch: int = 2
    """Batches made ahead of the one in use."""

    def __post_init__(self) -> None:
        require(self.batch_size > 0, "loader.batch_size", self.batch_size, "> 0")
        require(self.num_threads >= 0, "loader.num_threads", self.num_threads, ">= 0")
        require(self.prefetch >= 0, "loader.prefetch", self.prefetch, ">= 0")


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """The optimizer of torch.optim."""

    name: Literal["adam", "adamw", "sgd"] = "adam"
    """Which one."""
    lr: float = 0.003
    """Learning rate at the start of the schedule."""
    weight_decay: float = 0.0
    """L2 penalty (adam, sgd) or decoupled decay (adamw)."""
    momentum: float = 0.0
    """Momentum of sgd."""

    def __post_init__(self) -> None:
        require(0 < self.lr < math.inf, "optimizer.lr", self.lr, "> 0 and finite")
        require(
            0 <= self.weight_decay < math.inf,
            "optimizer.weight_decay",
            self.weight_decay,
            ">= 0 and finite",
        )
        require(0 <= self.momentum < 1, "optimizer.momentum", self.momentum, "in [0, 1)")
        if self.momentum and self.name != "sgd":
            msg = (
                f"optimizer.momentum = {self.momentum} has no effect with "
                f"optimizer.name = {self.name!r}: choose 'sgd' or leave momentum out"
            )
            raise ConfigError(msg)


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class SchedulerConfig:
    """How the learning rate changes."""

    name: Literal["none", "cosine", "step", "plateau"] = "none"
    """cosine: to min_factor over the whole run; step: times gamma every step_epochs; plateau: times
    gamma when the monitored metric stalls."""
    warmup_steps: int = 0
    """Optimizer steps over which the rate rises linearly from 0 (not with plateau)."""
    min_factor: float = 0.0
    """Share of the initial rate that cosine ends at."""
    step_epochs: int = 10
    """Epochs between two reductions of step."""
    gamma: float = 0.5
    """Factor of a reduction of step and plateau."""
    patience: int = 5
    """Evaluations without improvement before plateau reduces."""

    def __post_init__(self) -> None:
        require(self.warmup_steps >= 0, "scheduler.warmup_steps", self.warmup_steps, ">= 0")
        require(0 <= self.min_factor <= 1, "scheduler.min_factor", self.min_factor, "in [0, 1]")
        require(self.step_epochs > 0, "scheduler.step_epochs", self.step_epochs, "> 0")
        require(0 < self.gamma < 1, "scheduler.gamma", self.gamma, "in (0, 1)")
        require(self.patience >= 0, "scheduler.patience", self.patience, ">= 0")
        if self.warmup_steps and self.name == "plateau":
            msg = (
                f"scheduler.warmup_steps = {self.warmup_steps} does not go with "
                "scheduler.name = 'plateau': use 'cosine' or 'step'"
            )
            raise ConfigError(msg)


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class TrainConfig:
    """The training loop."""

    epochs: int = 20
    """Passes over the training seeds."""
    accumulate: int = 1
    """Batches whose gradients make one optimizer step."""
    clip_norm: float | None = None
    """Largest L2 norm of the gradient of a step; larger ones are scaled down to it."""
    precision: Literal["float32", "bf16", "fp16"] = "float32"
    """Arithmetic of the forward pass (autocast); weights stay float32. fp16 needs a CUDA device."""
    device: str = "auto"
    """'cpu', 'cuda', 'cuda:1', ...; auto: the first CUDA device if there is one."""
    log_every: int = 50
    """Batches between two entries of the step log."""
    tune_malloc: bool = True
    """On the CPU, let glibc keep freed memory (faster; resident memory stays at its peak)."""

    def __post_init__(self) -> None:
        require(self.epochs > 0, "train.epochs", self.epochs, "> 0")
        require(self.accumulate > 0, "train.accumulate", self.accumulate, "> 0")
        require(
            self.clip_norm is None or self.clip_norm > 0, "train.clip_norm", self.clip_norm, "> 0"
        )
        require(self.log_every > 0, "train.log_every", self.log_every, "> 0")
        if self.precision == "fp16" and self.device == "cpu":
            msg = (
                "train.precision = 'fp16' needs a CUDA device, but train.device = 'cpu': "
                "use 'bf16' or 'float32'"
            )
            raise ConfigError(msg)


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationConfig:
    """Evaluation on the validation split; at the end on the test split with the best weights."""

    every_epochs: int = 1
    """Epochs between two evaluations; 0: none, and the last weights count as the best."""
    monitor: str | None = None
    """Metric that says which weights are best, or 'loss'; by default the task's first metric."""
    fanouts: OptionalFanoutsField = None
    """Neighbours drawn in evaluation; by default those of sampler.fanouts, or all where the sampler
    chooses the seeds of its batches itself (evaluation then draws by 'neighbor'). -1: all."""
    batch_size: int | None = None
    """Seeds of a batch in evaluation; by default loader.batch_size."""

    def __post_init__(self) -> None:
        require(self.every_epochs >= 0, "evaluation.every_epochs", self.every_epochs, ">= 0")
        require(
            self.batch_size is None or self.batch_size > 0,
            "evaluation.batch_size",
            self.batch_size,
            "> 0",
        )
        if self.fanouts is not None:
            require_fanouts("evaluation.fanouts", self.fanouts)


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class EarlyStoppingConfig:
    """Stopping when the monitored metric no longer improves."""

    patience: int | None = None
    """Evaluations in a row without improvement after which training stops; by default never."""
    min_delta: float = 0.0
    """Smallest change of the metric that counts as an improvement."""

    def __post_init__(self) -> None:
        require(
            self.patience is None or self.patience > 0,
            "early_stopping.patience",
            self.patience,
            "> 0",
        )
        require(self.min_delta >= 0, "early_stopping.min_delta", self.min_delta, ">= 0")


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointConfig:
    """When the state of a run is written to its folder, and how much of it is kept."""

    every_epochs: int = 1
    """Epochs between two checkpoints; 0: only the best, the last, and those of every_batches."""
    every_batches: int | None = None
    """Batches between two checkpoints inside an epoch; by default none."""
    keep_last: int = 2
    """Newest checkpoints that are kept, besides the best."""

    def __post_init__(self) -> None:
        require(self.every_epochs >= 0, "checkpoint.every_epochs", self.every_epochs, ">= 0")
        require(
            self.every_batches is None or self.every_batches > 0,
            "checkpoint.every_batches", self.every_batches, "> 0",
        )  # fmt: skip
        require(self.keep_last > 0, "checkpoint.keep_last", self.keep_last, "> 0")


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class RunConfig:
    """A training run: all that decides its result, and where the result is put."""

    graph: Path
    """Directory of the partitioned graph (made by `distgnn partition`)."""
    run_dir: Path = Path("run")
    """Directory of checkpoints, logs and the full configuration; it must not hold another run."""
    seed: int = 0
    """Decides initial weights, order of seeds, sampled neighbours and dropout."""
    task: TaskConfig = field(default_factory=TaskConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    loader: LoaderConfig = field(default_factory=LoaderConfig)
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    scheduler: SchedulerConfig = field(default_factory=SchedulerConfig)
    train: TrainConfig = field(default_factory=TrainConfig)
    evaluation: EvaluationConfig = field(default_factory=EvaluationConfig)
    early_stopping: EarlyStoppingConfig = field(default_factory=EarlyStoppingConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**63, "seed", self.seed, "in [0, 2^63)")
        self._check_hops()
        self._check_needs_evaluation()
        every = self.checkpoint.every_batches
        if every is not None and every % self.train.accumulate:
            msg = (
                f"checkpoint.every_batches = {every} is not a multiple of "
                f"train.accumulate = {self.train.accumulate}: a checkpoint "
                "can only be taken between optimizer steps"
            )
            raise ConfigError(msg)

    def _check_hops(self) -> None:
        hops, layers = num_hops(self.sampler.fanouts), self.num_layers
        if layers != hops and not any_depth(self.sampler.name):
            msg = (
                f"model.num_layers = {layers}, but sampler.fanouts = {self.sampler.fanouts} draws "
                f"{hops} hops: each layer needs a hop of its own; "
                "leave num_layers out or change the fanouts"
            )
            raise ConfigError(msg)
        evaluated = self.evaluation.fanouts
        if evaluated is None or any_depth(self.evaluation_sampler):
            return
        if num_hops(evaluated) != layers:
            msg = (
                f"evaluation.fanouts = {evaluated} has not the {layers} hops of "
                f"sampler.fanouts = {self.sampler.fanouts}: give a number for each layer"
                if self.sampler.name == self.evaluation_sampler
                else f"evaluation.fanouts = {evaluated} has not a number for each of the {layers} "
                "layers (model.num_layers)"
            )
            raise ConfigError(msg)

    def _check_needs_evaluation(self) -> None:
        if self.evaluation.every_epochs:
            return
        for name, used in [
            (
                f"early_stopping.patience = {self.early_stopping.patience}",
                self.early_stopping.patience is not None,
            ),
            ("scheduler.name = 'plateau'", self.scheduler.name == "plateau"),
        ]:
            if used:
                msg = f"{name} needs evaluations, but evaluation.every_epochs = 0: set it to 1"
                raise ConfigError(msg)

    @property
    def step_seeds(self) -> int:
        """Seeds of a batch over all ranks; it does not change when ranks are lost."""
        return self.loader.batch_size * max(1, self.cluster.num_workers)

    @property
    def num_layers(self) -> int:
        """Number of layers of the model: model.num_layers, or one for each hop."""
        return self.model.num_layers or num_hops(self.sampler.fanouts)

    @property
    def evaluation_sampler(self) -> str:
        """Sampler of evaluation and prediction: that of training if it takes given seeds."""
        return "neighbor" if chooses_seeds(self.sampler.name) else self.sampler.name

    @property
    def evaluation_fanouts(self) -> Fanouts:
        """Fanouts of evaluation."""
        if self.evaluation.fanouts is not None:
            return self.evaluation.fanouts
        return (-1,) * self.num_layers if chooses_seeds(self.sampler.name) else self.sampler.fanouts

    @property
    def evaluation_batch_size(self) -> int:
        """Seeds of a batch in evaluation."""
        return self.evaluation.batch_size or self.loader.batch_size
