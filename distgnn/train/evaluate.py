"""Metrics of a model over the batches of a loader."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from distgnn.tasks.forward import unwrap
from distgnn.train.learner import autocast, num_counted
from distgnn.train.ranks import OneRank

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn
    from torchmetrics import MetricCollection

    from distgnn.tasks.task import BatchLoader, Task
    from distgnn.train.ranks import Ranks


def evaluate(
    task: Task,
    model: nn.Module,
    loader: BatchLoader,
    *,
    device: torch.device,
    precision: str = "float32",
    should_stop: Callable[[], bool] = lambda: False,
    ranks: Ranks | None = None,
) -> dict[str, float] | None:
    """Return loss (mean over seeds) and metrics, or None if `should_stop` cut it short.

    Always the batches of epoch 0, so two evaluations of the same weights agree. The model is put
    into evaluation mode, and back afterwards. Several ranks, each with its own share of every batch
    in `loader`, all get the values over the whole.
    """
    ranks = OneRank() if ranks is None else ranks
    model = unwrap(model)
    ranks.equalise(model)
    metrics = task.metrics().to(device)
    loss, seeds = torch.zeros((), dtype=torch.float64, device=device), 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for cpu_batch in loader.epoch(0):
                if should_stop():
                    return None
                if num_counted(cpu_batch) == 0:
                    continue
                batch = cpu_batch.to(device, non_blocking=True)
                with autocast(device, precision):
                    output = task.output(model, batch)
                output = output.float()
                loss += task.loss(output, batch).double()
                seeds += batch.batch_size
                task.update(metrics, output, batch)
    finally:
        model.train(was_training)
    mean = ranks.sum(float(loss)) / max(ranks.sum(seeds), 1)
    return {"loss": mean, **computed(metrics)}


def computed(metrics: MetricCollection) -> dict[str, float]:
    """Return the values of `metrics`, over all ranks: torchmetrics brings them together."""
    with warnings.catch_warnings():
        # States that came out of a checkpoint do not count as updates.
        warnings.filterwarnings("ignore", message=".*was called before the ``update`` method")
        return {name: float(value) for name, value in metrics.compute().items()}
