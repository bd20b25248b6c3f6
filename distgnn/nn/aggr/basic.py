"""Aggregations without parameters: sum, mean, max, min, mul, var, std."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from distgnn.nn.aggr.base import StatisticAggregation
from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from torch import Tensor

    from distgnn.nn.aggr.statistics import GroupStatistics

STD_FLOOR = 1e-5
"""Variances up to this give a standard deviation of exactly 0: its gradient would be infinite."""


class _PureStatistic(StatisticAggregation):
    """Base of aggregations that never look at single values."""

    def takes_statistics(self) -> bool:
        """Return True."""
        return True


class SumAggregation(_PureStatistic):
    r"""Sum over the group: :math:`\sum_{i \in g} \mathbf{x}_i`.

    Shapes: as `Aggregation`; an empty group gives 0.
    """

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the sum of each group."""
        return groups.total()


class MeanAggregation(_PureStatistic):
    r"""Mean over the group: :math:`\frac{1}{\max(|g|, 1)} \sum_{i \in g} \mathbf{x}_i`.

    Shapes: as `Aggregation`; an empty group gives 0.
    """

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the mean of each group."""
        return groups.mean()


class MaxAggregation(_PureStatistic):
    r"""Elementwise maximum over the group: :math:`\max_{i \in g} \mathbf{x}_i`.

    Shapes: as `Aggregation`; an empty group gives 0. Values that tie share the gradient.
    """

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the maximum of each group."""
        return groups.max()


class MinAggregation(_PureStatistic):
    r"""Elementwise minimum over the group: :math:`\min_{i \in g} \mathbf{x}_i`.

    Shapes: as `Aggregation`; an empty group gives 0. Values that tie share the gradient.
    """

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the minimum of each group."""
        return groups.min()


class MulAggregation(StatisticAggregation):
    r"""Elementwise product over the group: :math:`\prod_{i \in g} \mathbf{x}_i`.

    Shapes: as `Aggregation`; an empty group gives 1, the empty product.
    """

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the product of each group."""
        return scatter(groups.x, groups.index, groups.dim, groups.dim_size, "mul")


class VarAggregation(_PureStatistic):
    r"""Variance over the group: :math:`\overline{\mathbf{x}^2} - \overline{\mathbf{x}}^2`.

    From `"Principal Neighbourhood Aggregation for Graph Nets" <https://arxiv.org/abs/2004.05718>`_.
    It is not clamped: rounding can make it slightly negative.

    Args:
        semi_grad: If True, no gradient flows through the mean of squares. Default False.

    Shapes: as `Aggregation`; an empty group gives 0.
    """

    def __init__(self, semi_grad: bool = False) -> None:
        super().__init__()
        self.semi_grad = semi_grad

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the variance of each group."""
        return groups.variance(semi_grad=self.semi_grad)


class StdAggregation(_PureStatistic):
    r"""Standard deviation over the group: :math:`\sqrt{\max(\mathrm{var}, 10^{-5})}`.

    From `"Principal Neighbourhood Aggregation for Graph Nets" <https://arxiv.org/abs/2004.05718>`_.
    A variance of at most :math:`10^{-5}` gives exactly 0, with gradient 0.

    Args:
        semi_grad: If True, no gradient flows through the mean of squares. Default False.

    Shapes: as `Aggregation`; an empty group gives 0.
    """

    def __init__(self, semi_grad: bool = False) -> None:
        super().__init__()
        self.var_aggr = VarAggregation(semi_grad)

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the standard deviation of each group."""
        out = self.var_aggr.of(groups).clamp(min=STD_FLOOR).sqrt()
        return out.masked_fill(out <= math.sqrt(STD_FLOOR), 0.0)
