"""Optimizers and learning-rate schedules by name."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from torch import optim

if TYPE_CHECKING:
    from collections.abc import Iterable

    from torch import nn

    from distgnn.train.config import OptimizerConfig, SchedulerConfig


def build_optimizer(config: OptimizerConfig, parameters: Iterable[nn.Parameter]) -> optim.Optimizer:
    """Return the optimizer that `config` describes."""
    if config.name == "sgd":
        return optim.SGD(
            parameters, config.lr, momentum=config.momentum, weight_decay=config.weight_decay
        )
    kind = optim.Adam if config.name == "adam" else optim.AdamW
    return kind(parameters, config.lr, weight_decay=config.weight_decay)


class Schedule:
    """The learning rate over a run.

    Args:
        config: the section ``scheduler``.
        optimizer: its groups' rates are set.
        steps_per_epoch: optimizer steps of an epoch.
        epochs: epochs of the run.
        higher_is_better: direction of the monitored metric (plateau).
    """

    def __init__(
        self,
        config: SchedulerConfig,
        optimizer: optim.Optimizer,
        *,
        steps_per_epoch: int,
        epochs: int,
        higher_is_better: bool,
    ) -> None:
        self._config = config
        self._steps_per_epoch = steps_per_epoch
        self._total_steps = steps_per_epoch * epochs
        self._scheduler: optim.lr_scheduler.LambdaLR | optim.lr_scheduler.ReduceLROnPlateau
        if config.name == "plateau":
            self._scheduler = optim.lr_scheduler.ReduceLROnPlateau(
                optimizer,
                mode="max" if higher_is_better else "min",
                factor=config.gamma,
                patience=config.patience,
                threshold=0.0,  # relative to a negative metric it would count losses as gains
                threshold_mode="abs",
            )
        else:
            self._scheduler = optim.lr_scheduler.LambdaLR(optimizer, self.factor)

    def factor(self, step: int) -> float:
        """Return the share of the initial rate at optimizer step `step` (from 0)."""
        config = self._config
        warmup = min(1.0, (step + 1) / config.warmup_steps) if config.warmup_steps else 1.0
        if config.name == "cosine":
            done = min(1.0, step / max(1, self._total_steps))
            share = (1 + math.cos(math.pi * done)) / 2
            return warmup * (config.min_factor + (1 - config.min_factor) * share)
        if config.name == "step":
            reductions = step // self._steps_per_epoch // config.step_epochs
            return float(warmup * config.gamma**reductions)
        return warmup

    def after_step(self) -> None:
        """Set the rate for the next optimizer step."""
        if isinstance(self._scheduler, optim.lr_scheduler.LambdaLR):
            self._scheduler.step()

    def after_evaluation(self, value: float) -> None:
        """Tell a plateau schedule the monitored metric."""
        if isinstance(self._scheduler, optim.lr_scheduler.ReduceLROnPlateau):
            self._scheduler.step(value)

    def state_dict(self) -> dict[str, Any]:
        """Return what a checkpoint needs."""
        state = self._scheduler.state_dict()
        return {name: value for name, value in state.items() if name != "lr_lambdas"}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state`."""
        if isinstance(self._scheduler, optim.lr_scheduler.LambdaLR):
            state = {**state, "lr_lambdas": [None] * len(state["base_lrs"])}
        self._scheduler.load_state_dict(state)
