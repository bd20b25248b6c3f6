"""From batches to optimizer steps: forward, backward, and the exact mean gradient of a step."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch.nn.parallel import DistributedDataParallel

from distgnn.train.ranks import OneRank

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from torch import Tensor, nn, optim

    from distgnn.tasks.task import Task
    from distgnn.train.ranks import Ranks

_DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a forward pass gave, detached."""

    output: Tensor
    """The model's rows of the seeds, float32 [B, C]."""
    loss_sum: Tensor
    """Loss summed over the seeds, a scalar on the device."""
    num_seeds: int
    """Number of seeds B; 0 of padding."""


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """Return the context in which forward passes run: mixed precision, or nothing."""
    if precision not in _DTYPES:
        return nullcontext()
    return torch.autocast(device.type, dtype=_DTYPES[precision])


def num_counted(batch: Any) -> int:
    """Return the number of seeds of `batch` that count: none of padding."""
    return 0 if getattr(batch, "is_padding", False) else batch.batch_size


class Learner:
    """Takes gradients of batches and optimizer steps.

    The gradient of a step is the mean over all seeds of the batches added since the step before:
    exact for a short last batch, for any accumulation and for any number of ranks. Losses are sums
    over seeds; they are divided by `expected_seeds` before the backward pass, which keeps gradients
    in range, and `step` corrects the gradient by expected / real seeds.

    Args:
        task: gives outputs and losses.
        model: on `device`.
        optimizer: of the model's parameters.
        device: where batches are.
        precision: ``float32``, ``bf16`` or ``fp16``.
        clip_norm: largest L2 norm of a step's gradient, None: unlimited.
        expected_seeds: seeds of a full step, over all ranks.
        ranks: those that train together; `model` is wrapped by them.
    """

    def __init__(
        self,
        task: Task,
        model: nn.Module,
        optimizer: optim.Optimizer,
        *,
        device: torch.device,
        precision: str = "float32",
        clip_norm: float | None = None,
        expected_seeds: int,
        ranks: Ranks | None = None,
    ) -> None:
        self.task = task
        self.model = model
        self.optimizer = optimizer
        self.scaler = torch.amp.GradScaler(device.type, enabled=precision == "fp16")
        self._device = device
        self._precision = precision
        self._clip_norm = clip_norm
        self._expected_seeds = expected_seeds
        self._ranks = OneRank() if ranks is None else ranks
        self._seeds = 0

    def add(self, batch: Any, *, closes_step: bool = True) -> BatchResult:
        """Add the gradient of a batch (on the device) to that of the coming step.

        Args:
            batch: the batch.
            closes_step: whether `step` comes next; only then ranks exchange their gradients.
        """
        num_seeds = num_counted(batch)
        with self._gradients_kept(closes_step=closes_step):
            with autocast(self._device, self._precision):
                output = self.task.output(self.model, batch)
            output = output.float()
            loss_sum = self.task.loss(output, batch)
            if num_seeds == 0:
                loss_sum = loss_sum * 0
            # Of a rank: DDP averages the ranks' gradients, and their sum is wanted.
            expected = self._expected_seeds / self._ranks.share.num_ranks
            self.scaler.scale(loss_sum / expected).backward()
        self._seeds += num_seeds
        return BatchResult(output.detach(), loss_sum.detach(), num_seeds)

    def step(self) -> None:
        """Take an optimizer step along the mean gradient of the batches added.

        Where none of them, on any rank, holds a seed, as a subgraph of unlabelled nodes may, there
        is no step.
        """
        seeds = self._ranks.sum(self._seeds)  # every rank asks, whatever it holds itself
        if seeds > 0:
            self._correct_gradient(seeds)
            self.scaler.step(self.optimizer)
            self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        self._seeds = 0

    def _correct_gradient(self, seeds: float) -> None:
        if self._clip_norm is not None or seeds != self._expected_seeds:
            self.scaler.unscale_(self.optimizer)
        if seeds != self._expected_seeds:
            factor = self._expected_seeds / seeds
            torch._foreach_mul_(self._gradients(), factor)
        if self._clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self._clip_norm)

    def _gradients_kept(self, *, closes_step: bool) -> AbstractContextManager[Any]:
        """Return the context of a pass whose gradients stay on this rank unless they are whole."""
        if closes_step or not isinstance(self.model, DistributedDataParallel):
            return nullcontext()
        return self.model.no_sync()

    def _gradients(self) -> list[Tensor]:
        return [p.grad for p in self.model.parameters() if p.grad is not None]
