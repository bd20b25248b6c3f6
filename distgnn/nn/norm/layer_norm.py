"""Layer normalisation per graph or per node."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn import inits
from distgnn.nn.norm.per_graph import check_input
from distgnn.nn.utils.scatter import count_groups, scatter

MODES = ("graph", "node")


class LayerNorm(nn.Module):
    r"""Layer normalisation (https://arxiv.org/abs/1607.06450).

    .. math::
        \mathbf{x}_i^{\prime} = \frac{\mathbf{x}_i - \mathrm{E}[\mathbf{x}]}
        {\sqrt{\mathrm{Var}[\mathbf{x}] + \epsilon}} \odot \gamma + \beta

    Mean and variance are over all nodes and channels of a graph (mode ``"graph"``) or over the
    channels of a node (``"node"``). In mode ``"graph"`` without `batch` the divisor is
    :math:`\sqrt{\mathrm{Var}[\mathbf{x}]} + \epsilon`.

    Args:
        in_channels: Size of each sample.
        eps: Added to the denominator. Default 1e-5.
        affine: Whether :math:`\gamma` and :math:`\beta` are learned. Default True.
        mode: ``"graph"`` or ``"node"``. Default ``"graph"``.
        device: Where parameters are made. Default None: torch's default.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`

    Raises:
        ArgumentError: The mode is unknown.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        mode: str = "graph",
        device: torch.device | None = None,
    ) -> None:
        super().__init__()
        if mode not in MODES:
            msg = f"mode={mode!r} of LayerNorm is unknown{nearest(mode, MODES)}"
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.eps = eps
        self.affine = affine
        self.mode = mode
        if affine:
            self.weight = nn.Parameter(torch.empty(in_channels, device=device))
            self.bias = nn.Parameter(torch.empty(in_channels, device=device))
        else:
            self.register_parameter("weight", None)
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the affine parameters to the identity."""
        inits.ones(self.weight)
        inits.zeros(self.bias)

    def forward(
        self, x: Tensor, batch: Tensor | None = None, batch_size: int | None = None
    ) -> Tensor:
        """Normalise `x`, float [N, F]; `batch` int64 [N] is the graph of each node."""
        check_input(self, x, self.in_channels, batch)
        if self.mode == "node":
            return F.layer_norm(x, (self.in_channels,), self.weight, self.bias, self.eps)
        if x.numel() == 0:
            out = x
        elif batch is None:
            centred = x - x.mean()
            out = centred / (centred.std(unbiased=False) + self.eps)
        else:
            out = self._normalize_graphs(x, batch, count_groups(batch, batch_size))
        if self.weight is not None and self.bias is not None:
            out = out * self.weight + self.bias
        return out

    def _normalize_graphs(self, x: Tensor, batch: Tensor, batch_size: int) -> Tensor:
        mean = scatter(x, batch, 0, batch_size, "mean").mean(dim=-1, keepdim=True)
        centred = x - mean.index_select(0, batch)
        variance = scatter(centred * centred, batch, 0, batch_size, "mean").mean(-1, keepdim=True)
        return centred / (variance + self.eps).sqrt().index_select(0, batch)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.in_channels}, affine={self.affine}, mode={self.mode})"
