"""Power mean aggregation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import inits
from distgnn.nn.aggr.base import StatisticAggregation

if TYPE_CHECKING:
    from distgnn.nn.aggr.statistics import GroupStatistics

CLAMP = (0.0, 100.0)
"""Values are clamped to this before the power, and the mean before the root."""


class PowerMeanAggregation(StatisticAggregation):
    r"""Power mean over the group: :math:`(\frac{1}{|g|} \sum_{i \in g} \mathbf{x}_i^p)^{1/p}`.

    From `"DeeperGCN: All You Need to Train Deeper GCNs" <https://arxiv.org/abs/2006.07739>`_.
    Values are clamped to [0, 100] first; p = 1 that is not learned is the plain mean.

    Args:
        p: Initial power. Default 1.
        learn: Whether `p` is learned. Default False.
        channels: Number of values of `p`: 1, or one a channel (with `learn`). Default 1.

    Shapes: as `Aggregation`; an empty group gives 0. Where the mean is 0 the gradient is 0.

    Raises:
        ArgumentError: `channels` is not 1, but `p` is not learned.
    """

    p: float | nn.Parameter

    def __init__(self, p: float = 1.0, learn: bool = False, channels: int = 1) -> None:
        super().__init__()
        if not learn and channels != 1:
            msg = f"channels={channels} needs a learned p: set learn=True"
            raise ArgumentError(msg)
        self._init_p = p
        self.learn = learn
        self.channels = channels
        self.p = nn.Parameter(torch.empty(channels)) if learn else p
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set `p` to its initial value."""
        if isinstance(self.p, Tensor):
            inits.constant(self.p, self._init_p)

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the power mean of each group."""
        if not isinstance(self.p, Tensor) and self.p == 1:
            return groups.mean()
        mean = groups.mean_of(groups.x.clamp(*CLAMP).pow(self.p))
        # The root has no finite gradient at 0, where it would make that of p NaN.
        positive = mean > 0
        root = torch.where(positive, mean, 1.0).clamp(*CLAMP).pow(1.0 / self.p)
        return torch.where(positive, root, 0.0)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learn={self.learn})"
