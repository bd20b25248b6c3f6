"""Softmax-weighted aggregation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import inits
from distgnn.nn.aggr.base import StatisticAggregation
from distgnn.nn.utils.softmax import softmax

if TYPE_CHECKING:
    from distgnn.nn.aggr.statistics import GroupStatistics


class SoftmaxAggregation(StatisticAggregation):
    r"""Mean over the group weighted by a softmax of the values themselves.

    From `"DeeperGCN: All You Need to Train Deeper GCNs" <https://arxiv.org/abs/2006.07739>`_:

    .. math::
        \sum_{i \in g} \frac{\exp(t \cdot \mathbf{x}_i)}{\sum_{j \in g} \exp(t \cdot \mathbf{x}_j)}
        \odot \mathbf{x}_i

    t = 0 is the mean; the larger t, the closer to the maximum.

    Args:
        t: Initial inverse temperature. Default 1.
        learn: Whether `t` is learned. Default False.
        semi_grad: If True, no gradient flows through the weights; excludes `learn`. Default False.
        channels: Number of values of `t`: 1, or one a channel (with `learn`). Default 1.

    Shapes: as `Aggregation`; an empty group gives 0.

    Raises:
        ArgumentError: The options exclude one another.
    """

    t: float | nn.Parameter

    def __init__(
        self, t: float = 1.0, learn: bool = False, semi_grad: bool = False, channels: int = 1
    ) -> None:
        super().__init__()
        if learn and semi_grad:
            msg = "learn=True needs a gradient through the weights: leave out semi_grad=True"
            raise ArgumentError(msg)
        if not learn and channels != 1:
            msg = f"channels={channels} needs a learned t: set learn=True"
            raise ArgumentError(msg)
        self._init_t = t
        self.learn = learn
        self.semi_grad = semi_grad
        self.channels = channels
        self.t = nn.Parameter(torch.empty(channels)) if learn else t
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set `t` to its initial value."""
        if isinstance(self.t, Tensor):
            inits.constant(self.t, self._init_t)

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the weighted mean of each group."""
        x = groups.x
        if isinstance(self.t, Tensor):
            score = x * (self.t if self.channels == 1 else self.t.expand(x.size(-1)))
        else:
            score = x if self.t == 1 else x * self.t
        if self.semi_grad:
            score = score.detach()
        weight = softmax(score, groups.index, num_nodes=groups.dim_size, dim=groups.dim)
        return groups.sum_of(x * weight)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learn={self.learn})"
