"""Aggregation scaled by functions of the degree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn import inits
from distgnn.nn.aggr.base import Aggregation, complete_groups
from distgnn.nn.aggr.statistics import GroupStatistics
from distgnn.nn.reset import reset
from distgnn.nn.resolver import aggregation_resolver

if TYPE_CHECKING:
    from collections.abc import Sequence

SCALERS = ("identity", "amplification", "attenuation", "linear", "inverse_linear")


class DegreeScalerAggregation(Aggregation):
    r"""Aggregations, each scaled by functions of the size d of the group and concatenated.

    From `"Principal Neighbourhood Aggregation for Graph Nets" <https://arxiv.org/abs/2004.05718>`_:
    :math:`\bigoplus_s s(d) \cdot \mathrm{aggr}(g)` with the scalers ``"identity"`` 1,
    ``"amplification"`` :math:`\log(d + 1) / \delta`, ``"attenuation"``
    :math:`\delta / \log(\max(d, 1) + 1)`, ``"linear"`` :math:`d / \bar{d}` and ``"inverse_linear"``
    :math:`\bar{d} / \max(d, 1)`, where :math:`\delta` and :math:`\bar{d}` are the means of
    :math:`\log(d + 1)` and d over the training data. Results lie scaler by scaler.

    Args:
        aggr: Aggregation, by name or module, or a list, concatenated.
        scaler: Scaler, or a list of them.
        deg: Histogram of degrees in the training data: ``deg[d]`` nodes have degree d. A tensor, or
            a list, as configuration files hold it.
        train_norm: Whether :math:`\delta` and :math:`\bar{d}` are learned. Default False.
        aggr_kwargs: Arguments of the aggregation given by name. Default None.

    Shapes: as `Aggregation`; the last dimension grows by the number of scalers.

    Raises:
        ArgumentError: A name is unknown.
    """

    avg_deg_lin: Tensor
    avg_deg_log: Tensor

    def __init__(
        self,
        aggr: str | list[str] | Aggregation,
        scaler: str | list[str],
        deg: Tensor | Sequence[int],
        train_norm: bool = False,
        aggr_kwargs: Any = None,
    ) -> None:
        super().__init__()
        self.aggr = aggregation_resolver(aggr, **(_aggr_arguments(aggr, aggr_kwargs)))
        self.scaler: Sequence[str] = [scaler] if isinstance(scaler, str) else list(scaler)
        for name in self.scaler:
            if name not in SCALERS:
                msg = f"scaler={name!r} is unknown{nearest(name, SCALERS)}"
                raise ArgumentError(msg)
        counts = torch.as_tensor(deg, dtype=torch.float)
        degrees = torch.arange(counts.numel(), device=counts.device)
        num_nodes = int(counts.sum())
        self.init_avg_deg_lin = float((degrees * counts).sum()) / num_nodes
        self.init_avg_deg_log = float(((degrees + 1).log() * counts).sum()) / num_nodes
        if train_norm:
            self.avg_deg_lin = nn.Parameter(torch.empty(1))
            self.avg_deg_log = nn.Parameter(torch.empty(1))
        else:
            self.register_buffer("avg_deg_lin", torch.empty(1))
            self.register_buffer("avg_deg_log", torch.empty(1))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the aggregation's parameters anew and set the mean degrees to those of `deg`."""
        reset(self.aggr)
        inits.constant(self.avg_deg_lin, self.init_avg_deg_lin)
        inits.constant(self.avg_deg_log, self.init_avg_deg_log)

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,  # noqa: ARG002 -- for aggregations that pad
    ) -> Tensor:
        """Aggregate and scale each group of `x`: see `Aggregation.forward`."""
        index, dim_size = complete_groups(x, index, ptr, dim_size, dim)
        out = self.aggr(x, index, ptr, dim_size, dim)
        return self._scaled(out, GroupStatistics(x, index, ptr, dim_size, dim).counts())

    def takes_statistics(self) -> bool:
        """Return whether the scaled aggregation does."""
        return self.aggr.takes_statistics()

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the scaled aggregates of each group."""
        return self._scaled(self.aggr.of(groups), groups.counts())

    def _scaled(self, out: Tensor, degrees: Tensor) -> Tensor:
        scaled = [out if s == "identity" else out * self.scale(s, degrees) for s in self.scaler]
        return scaled[0] if len(scaled) == 1 else torch.cat(scaled, dim=-1)

    def scale(self, scaler: str, degrees: Tensor) -> Tensor:
        """Return the factor of each group from its size, in the shape of `degrees`."""
        if scaler == "identity":
            return torch.ones_like(degrees)
        if scaler == "amplification":
            return (degrees + 1).log() / self.avg_deg_log
        if scaler == "attenuation":
            return self.avg_deg_log / (degrees.clamp(min=1) + 1).log()
        if scaler == "linear":
            return degrees / self.avg_deg_lin
        return self.avg_deg_lin / degrees.clamp(min=1)


def _aggr_arguments(aggr: Any, kwargs: Any) -> dict[str, Any]:
    """Arguments of the aggregation: those of each member, if there are several."""
    if kwargs is None:
        return {}
    return {"aggrs_kwargs": kwargs} if isinstance(aggr, list | tuple) else dict(kwargs)
