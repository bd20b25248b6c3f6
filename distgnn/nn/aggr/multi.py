"""Several aggregations of the same values, combined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.aggr.base import Aggregation, StatisticAggregation, complete_groups
from distgnn.nn.aggr.statistics import GroupStatistics
from distgnn.nn.linear import HeteroDictLinear, Linear
from distgnn.nn.reset import reset
from distgnn.nn.resolver import aggregation_resolver

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMBINE: dict[str, Callable[[Tensor], Tensor]] = {
    "sum": lambda stacked: stacked.sum(dim=0),
    "mean": lambda stacked: stacked.mean(dim=0),
    "max": lambda stacked: stacked.max(dim=0).values,
    "min": lambda stacked: stacked.min(dim=0).values,
    "logsumexp": lambda stacked: stacked.logsumexp(dim=0),
    "std": lambda stacked: stacked.std(dim=0),
    "var": lambda stacked: stacked.var(dim=0),
}
"""Modes that reduce the stacked results [number of aggregations, ...] elementwise."""


class MultiAggregation(Aggregation):
    r"""Several aggregations of the same values: :math:`\mathrm{combine}_k(\mathrm{aggr}_k(g))`.

    From `"Principal Neighbourhood Aggregation for Graph Nets" <https://arxiv.org/abs/2004.05718>`_
    and `"Adaptive Filters and Aggregator Fusion for Efficient Graph Convolutions"
    <https://arxiv.org/abs/2104.01481>`_. What several members need is computed once.

    Args:
        aggrs: Aggregations, by name or module.
        aggrs_kwargs: Arguments of each aggregation that is given by name. Default None.
        mode: How results are combined: ``"cat"`` (along the last dimension, in the given order),
            ``"proj"`` (concatenated, then a linear map), ``"attn"`` (linear maps, then multi-head
            attention among results, then their mean), ``"sum"``, ``"mean"``, ``"max"``, ``"min"``,
            ``"logsumexp"``, ``"std"``, ``"var"``. Default ``"cat"``.
        mode_kwargs: For ``"proj"`` and ``"attn"``: `in_channels` (a number or one an aggregation),
            `out_channels`, and further arguments of `Linear`, or of `torch.nn.MultiheadAttention`
            (`num_heads` is needed). Default None.

    Shapes: as `Aggregation`; ``"cat"`` makes the last dimension longer.

    Raises:
        ArgumentError: A name is unknown, or there is no aggregation or not one `aggrs_kwargs` each.
    """

    def __init__(
        self,
        aggrs: Sequence[Aggregation | str],
        aggrs_kwargs: Sequence[dict[str, Any]] | None = None,
        mode: str | None = "cat",
        mode_kwargs: dict[str, Any] | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(aggrs, list | tuple) or len(aggrs) == 0:
            msg = f"aggrs={aggrs!r} must be a non-empty list of aggregations"
            raise ArgumentError(msg)
        if aggrs_kwargs is None:
            aggrs_kwargs = [{}] * len(aggrs)
        if len(aggrs_kwargs) != len(aggrs):
            msg = f"aggrs_kwargs has {len(aggrs_kwargs)} entries for {len(aggrs)} aggregations"
            raise ArgumentError(msg)
        self.aggrs = nn.ModuleList(
            aggregation_resolver(aggr, **kwargs)
            for aggr, kwargs in zip(aggrs, aggrs_kwargs, strict=True)
        )
        self.mode = mode or "cat"
        known = ["cat", "proj", "attn", *COMBINE]
        if self.mode not in known:
            msg = f"mode={mode!r} of MultiAggregation is unknown{nearest(self.mode, known)}"
            raise ArgumentError(msg)
        if self.mode in ("proj", "attn"):
            self._build_projection(**(mode_kwargs or {}))

    def _build_projection(
        self,
        in_channels: int | Sequence[int] | None = None,
        out_channels: int | None = None,
        num_heads: int | None = None,
        **kwargs: Any,
    ) -> None:
        if in_channels is None or out_channels is None:
            msg = f"mode={self.mode!r} needs in_channels and out_channels in mode_kwargs"
            raise ArgumentError(msg)
        sizes = [in_channels] * len(self.aggrs) if isinstance(in_channels, int) else in_channels
        if len(sizes) != len(self.aggrs):
            msg = (
                f"in_channels={in_channels} must have one size for each of {len(self.aggrs)} aggrs"
            )
            raise ArgumentError(msg)
        if self.mode == "proj":
            self.lin = Linear(sum(sizes), out_channels, **kwargs)
            return
        if num_heads is None:
            msg = "mode='attn' needs num_heads in mode_kwargs"
            raise ArgumentError(msg)
        self.lin_heads = HeteroDictLinear(
            {str(i): size for i, size in enumerate(sizes)}, out_channels
        )
        self.multihead_attn = nn.MultiheadAttention(out_channels, num_heads, **kwargs)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for aggr in self.aggrs:
            reset(aggr)
        if self.mode == "proj":
            self.lin.reset_parameters()
        elif self.mode == "attn":
            self.lin_heads.reset_parameters()
            self.multihead_attn._reset_parameters()  # noqa: SLF001 -- it has no public one

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,
    ) -> Tensor:
        """Aggregate each group of `x` in every way and combine: see `Aggregation.forward`."""
        index, dim_size = complete_groups(x, index, ptr, dim_size, dim)
        shared = GroupStatistics(x, index, ptr, dim_size, dim)
        outs = []
        for aggr in self.aggrs:
            if isinstance(aggr, StatisticAggregation):
                outs.append(aggr.of(shared))
            elif max_num_elements is None:
                outs.append(aggr(x, index, ptr, dim_size, dim))
            else:
                outs.append(aggr(x, index, ptr, dim_size, dim, max_num_elements=max_num_elements))
        return self._combine(outs)

    def takes_statistics(self) -> bool:
        """Return whether every member does."""
        members = [isinstance(a, Aggregation) and a.takes_statistics() for a in self.aggrs]
        return all(members)

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the combined aggregates of each group."""
        members = [aggr for aggr in self.aggrs if isinstance(aggr, Aggregation)]
        return self._combine([aggr.of(groups) for aggr in members])

    def _combine(self, outs: list[Tensor]) -> Tensor:
        if self.mode in ("cat", "proj"):
            out = outs[0] if len(outs) == 1 else torch.cat(outs, dim=-1)
            return self.lin(out) if self.mode == "proj" else out
        if self.mode == "attn":
            mapped = self.lin_heads({str(i): out for i, out in enumerate(outs)})
            stacked = torch.stack(list(mapped.values()), dim=0)
            return self.multihead_attn(stacked, stacked, stacked)[0].mean(dim=0)
        return COMBINE[self.mode](torch.stack(outs, dim=0))

    def __repr__(self) -> str:
        members = ",\n".join(f"  {aggr}" for aggr in self.aggrs)
        return f"{type(self).__name__}([\n{members},\n], mode={self.mode})"
