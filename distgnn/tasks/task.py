"""What a task is: how batches are made, the model's sizes, loss, metrics, and what is predicted.

The training loop, evaluation and prediction know tasks by this protocol only, so adding a task is
one file here and one line in `distgnn.tasks.TASKS`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from distgnn.loader.share import ONLY_RANK, RankShare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa
    from torch import Tensor, nn
    from torchmetrics import MetricCollection

    from distgnn.schema import EdgeType

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoaderSettings:
    """How a task's loader samples."""

    fanouts: Sequence[int] | Mapping[EdgeType, Sequence[int]]
    """Neighbours drawn for a node at each hop, seeds first; -1: all."""
    batch_size: int
    """Seeds of a batch, over all ranks."""
    replace: bool = False
    """Whether a neighbour may be drawn more than once for a node."""
    sampler: str = "neighbor"
    """Name of the sampler, see `distgnn.samplers.SAMPLERS`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the sampler's constructor."""
    seed: int = 0
    """Decides the order of seeds and the neighbours drawn."""
    num_threads: int = 1
    """Threads that sample and gather."""
    prefetch: int = 2
    """Batches made ahead."""
    share: RankShare = ONLY_RANK
    """The rank whose part of every batch is loaded."""
    num_groups: int = 1
    """Groups of neighbouring parts whose seeds are shuffled by themselves, one for each rank."""


class BatchLoader(Protocol):
    """The batches of an epoch, the same ones however often and from wherever they are asked for."""

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""

    def epoch(self, epoch: int, start: int = 0) -> Iterator[Any]:
        """Yield the batches of `epoch` from number `start` on."""


class Task(Protocol):
    """What is learned on a graph."""

    metric_names: tuple[str, ...]
    """Keys of `metrics`; the first says which weights are best unless the user chose another."""

    def model_arguments(self) -> dict[str, Any]:
        """Return the arguments of a model's constructor that follow from the graph."""

    def seeds(self, split: str | None, *, labelled: bool = True) -> Int64s:
        """Return global ids in the order of the raw tables: those of a split, or all (None).

        Seeds without a label are left out unless `labelled` is False.
        """

    def complete(self, model: nn.Module) -> nn.Module:
        """Return `model`, built with `model_arguments`, and whatever the task adds to it."""

    def id_columns(self, batch: Any) -> dict[str, pa.Array]:
        """Return the user's own ids of the seeds of a batch, int64 or string [B] each.

        They are the first columns of what prediction writes; the batch is on the CPU.
        """

    def loader(
        self, seeds: Int64s, settings: LoaderSettings, *, shuffle: bool, labelled: bool = True
    ) -> BatchLoader:
        """Return the loader of batches around `seeds`; of seeds alone unless `labelled`."""

    def output(self, model: nn.Module, batch: Any) -> Tensor:
        """Return what the model says of each seed of `batch`, float [B, out_channels]."""

    def loss(self, output: Tensor, batch: Any) -> Tensor:
        """Return the loss summed (not averaged) over the seeds of `batch`, a scalar.

        The loop divides by the number of seeds of the whole optimizer step, so that neither a
        short last batch, nor accumulation, nor the number of ranks changes the gradient.
        """

    def metrics(self) -> MetricCollection:
        """Return fresh metrics, with states of constant size, named as in `metric_names`."""

    def update(self, metrics: MetricCollection, output: Tensor, batch: Any) -> None:
        """Add a batch to `metrics`."""

    def prediction_columns(self, output: Tensor, top_k: int | None) -> dict[str, pa.Array]:
        """Return the columns that prediction writes for outputs [B, out_channels], in fixed order.

        Args:
            output: what `output` gave.
            top_k: the number of likeliest classes to write; None: the probabilities of all.
        """
