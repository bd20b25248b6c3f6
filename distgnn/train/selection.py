"""Which weights are best, and when it is time to stop."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from distgnn.exceptions import ConfigError, nearest
from distgnn.train.checkpoint import Best

if TYPE_CHECKING:
    from distgnn.tasks.task import Task
    from distgnn.train.checkpoint import Position
    from distgnn.train.config import EarlyStoppingConfig


def resolve_monitor(name: str | None, task: Task) -> tuple[str, bool]:
    """Return the monitored metric, and whether a higher value is better.

    Args:
        name: what the user chose; None: the task's first metric.
        task: has the metrics; ``loss`` is known besides.

    Raises:
        ConfigError: there is no such metric.
    """
    known = task.metric_names
    name = known[0] if name is None else name
    if name == "loss":
        return name, False
    if name not in known:
        hint = nearest(name, [*known, "loss"])
        msg = f"evaluation.monitor = {name!r}: the task has no such metric{hint}"
        raise ConfigError(msg)
    return name, bool(task.metrics()[name].higher_is_better)


class Selection:
    """Remembers the best evaluation and counts those without improvement.

    Args:
        metric: name of the monitored metric.
        higher_is_better: its direction.
        config: the section ``early_stopping``.
    """

    def __init__(self, metric: str, config: EarlyStoppingConfig, *, higher_is_better: bool) -> None:
        self.metric = metric
        self.higher_is_better = higher_is_better
        self.best: Best | None = None
        self.without_improvement = 0
        self._config = config

    def update(self, value: float, position: Position) -> bool:
        """Take note of an evaluation; return whether it is the best so far. NaN never is."""
        improved = self._improves(value)
        if improved:
            self.best = Best(
                metric=self.metric, value=value, epoch=position.epoch, step=position.step
            )
        self.without_improvement = 0 if improved else self.without_improvement + 1
        return improved

    @property
    def should_stop(self) -> bool:
        """Whether patience is exhausted."""
        patience = self._config.patience
        return patience is not None and self.without_improvement >= patience

    def _improves(self, value: float) -> bool:
        if math.isnan(value) or self.best is None:
            return not math.isnan(value)
        gain = value - self.best.value if self.higher_is_better else self.best.value - value
        return gain > self._config.min_delta
