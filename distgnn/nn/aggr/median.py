"""Median of groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.nn.aggr.base import StatisticAggregation

if TYPE_CHECKING:
    from torch import Tensor

    from distgnn.nn.aggr.statistics import GroupStatistics


class MedianAggregation(StatisticAggregation):
    r"""Lower median over the group: entry :math:`\lfloor (|g| - 1) / 2 \rfloor` in order.

    Args:
        fill_value: The median of an empty group. Default 0.

    Shapes: as `Aggregation`. The gradient goes to the entry that is the median.
    """

    def __init__(self, fill_value: float = 0.0) -> None:
        super().__init__()
        self.fill_value = fill_value
        self.register_buffer("q", torch.tensor([[0.5]]))  # the quantile, for PyG's checkpoints

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the median of each group."""
        x = groups.x.movedim(groups.dim, 0)
        shape = [groups.dim_size, *x.shape[1:]]
        if x.numel() == 0 or groups.dim_size == 0:
            return x.new_full(shape, self.fill_value).movedim(0, groups.dim)
        # One channel a row: sorting and gathering along contiguous memory is several times faster.
        values = x.reshape(x.size(0), -1).t().contiguous()
        counts = groups.counts().flatten().long()
        # Sorting by value, then stably by group, puts each group's values in order.
        by_value = values.detach().argsort(dim=1)
        order = by_value.gather(1, groups.index[by_value].argsort(dim=1, stable=True))
        start = counts.cumsum(0) - counts
        middle = start + (counts - 1).clamp(min=0).div(2, rounding_mode="floor")
        columns = order.index_select(1, middle.clamp(max=values.size(1) - 1))
        out = values.gather(1, columns).masked_fill(counts == 0, self.fill_value).t()
        return out.reshape(shape).movedim(0, groups.dim)
