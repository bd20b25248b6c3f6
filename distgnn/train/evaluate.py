"""Metrics of a model over the batches of a loader."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import torch

from distgnn.train.learner import autocast

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn
    from torchmetrics import MetricCollection

    from distgnn.tasks.task import BatchLoader, Task


def evaluate(
    task: Task,
    model: nn.Module,
    loader: BatchLoader,
    *,
    device: torch.device,
    precision: str = "float32",
    should_stop: Callable[[], bool] = lambda: False,
) -> dict[str, float] | None:
    """Return loss (mean over seeds) and metrics, or None if `should_stop` cut it short.

    Always the batches of epoch 0, so two evaluations of the same weights agree. The model is put
    into evaluation mode, and back afterwards.
    """
    metrics = task.metrics().to(device)
    loss, seeds = torch.zeros((), dtype=torch.float64, device=device), 0
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            for cpu_batch in loader.epoch(0):
                if should_stop():
                    return None
                batch = cpu_batch.to(device, non_blocking=True)
                with autocast(device, precision):
                    output = task.output(model, batch)
                output = output.float()
                loss += task.loss(output, batch).double()
                seeds += batch.batch_size
                task.update(metrics, output, batch)
    finally:
        model.train(was_training)
    return {"loss": float(loss) / max(seeds, 1), **computed(metrics)}


def computed(metrics: MetricCollection) -> dict[str, float]:
    """Return the values of `metrics`."""
    with warnings.catch_warnings():
        # States that came out of a checkpoint do not count as updates.
        warnings.filterwarnings("ignore", message=".*was called before the ``update`` method")
        return {name: float(value) for name, value in metrics.compute().items()}
