"""Instance normalisation per graph and channel."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _NormBase

from distgnn.nn.norm.per_graph import check_input
from distgnn.nn.utils.degree import degree
from distgnn.nn.utils.scatter import scatter


class InstanceNorm(_NormBase):
    r"""Normalisation of each channel over the nodes of a graph (https://arxiv.org/abs/1607.08022).

    .. math::
        \mathbf{x}_i^{\prime} = \frac{\mathbf{x}_i - \mathrm{E}[\mathbf{x}]}
        {\sqrt{\mathrm{Var}[\mathbf{x}] + \epsilon}} \odot \gamma + \beta

    Args:
        in_channels: Size of each sample.
        eps: Added to the variance. Default 1e-5.
        momentum: Weight of a new batch in the running statistics. Default 0.1.
        affine: Whether :math:`\gamma` and :math:`\beta` are learned. Default False.
        track_running_stats: Whether running statistics (the means over graphs; the variance
            unbiased) are kept and used in evaluation. Default False.
        device: Where parameters are made. Default None: torch's default.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    momentum: float

    def __init__(
        self,
        in_channels: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: torch.device | None = None,
    ) -> None:
        super().__init__(in_channels, eps, momentum, affine, track_running_stats, device=device)

    def forward(
        self, x: Tensor, batch: Tensor | None = None, batch_size: int | None = None
    ) -> Tensor:
        """Normalise `x`, float [N, F]; `batch` int64 [N] is the graph of each node."""
        check_input(self, x, self.num_features, batch)
        if batch is None:
            batch = torch.zeros(x.size(0), dtype=torch.int64, device=x.device)
            batch_size = 1
        if self.training or self.running_mean is None or self.running_var is None:
            out = self._normalize_by_input(x, batch, batch_size)
        else:
            out = (x - self.running_mean) / (self.running_var + self.eps).sqrt()
        if self.affine:
            out = out * self.weight + self.bias
        return out

    def _normalize_by_input(self, x: Tensor, batch: Tensor, batch_size: int | None) -> Tensor:
        counts = degree(batch, batch_size, x.dtype).view(-1, 1)
        num_graphs = counts.size(0)
        mean = scatter(x, batch, 0, num_graphs, "mean")
        centred = x - mean.index_select(0, batch)
        squares = scatter(centred * centred, batch, 0, num_graphs, "sum")
        if self.running_mean is not None and self.running_var is not None and num_graphs > 0:
            unbiased = squares / (counts - 1).clamp(min=1)
            with torch.no_grad():
                self.running_mean.lerp_(mean.mean(dim=0).to(self.running_mean), self.momentum)
                self.running_var.lerp_(unbiased.mean(dim=0).to(self.running_var), self.momentum)
        variance = squares / counts.clamp(min=1)
        return centred / (variance + self.eps).sqrt().index_select(0, batch)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.num_features})"
