"""Graph normalisation with a learned share of the mean."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distgnn.nn import inits
from distgnn.nn.norm.per_graph import check_input, graph_mean, to_nodes


class GraphNorm(nn.Module):
    r"""Normalisation per graph and channel (https://arxiv.org/abs/2009.03294).

    .. math::
        \mathbf{x}_i^{\prime} = \frac{\mathbf{x}_i - \alpha \odot \mathrm{E}[\mathbf{x}]}
        {\sqrt{\mathrm{Var}[\mathbf{x} - \alpha \odot \mathrm{E}[\mathbf{x}]] + \epsilon}}
        \odot \gamma + \beta

    where Var is the mean of squares, and :math:`\alpha` learns how much of the mean to keep.

    Args:
        in_channels: Size of each sample.
        eps: Added to the variance. Default 1e-5.
        device: Where parameters are made. Default None: torch's default.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def __init__(
        self, in_channels: int, eps: float = 1e-5, device: torch.device | None = None
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.eps = eps
        self.weight = nn.Parameter(torch.empty(in_channels, device=device))
        self.bias = nn.Parameter(torch.empty(in_channels, device=device))
        self.mean_scale = nn.Parameter(torch.empty(in_channels, device=device))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set weight and mean scale to 1, the bias to 0."""
        inits.ones(self.weight)
        inits.zeros(self.bias)
        inits.ones(self.mean_scale)

    def forward(
        self, x: Tensor, batch: Tensor | None = None, batch_size: int | None = None
    ) -> Tensor:
        """Normalise `x`, float [N, F]; `batch` int64 [N] is the graph of each node."""
        check_input(self, x, self.in_channels, batch)
        centred = x - to_nodes(graph_mean(x, batch, batch_size) * self.mean_scale, batch)
        variance = graph_mean(centred * centred, batch, batch_size)
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * to_nodes(scale, batch) + self.bias

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_channels})"
