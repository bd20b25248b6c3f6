"""Propagational MLP: trained as an MLP, used as a graph network."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import inits
from distgnn.nn.conv.simple_conv import SimpleConv
from distgnn.nn.linear import Linear

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

GAIN = 1.414
"""Gain of the initial weights (sqrt(2), for ReLU)."""


class PMLP(nn.Module):
    r"""An MLP in training that passes messages in evaluation (https://arxiv.org/abs/2212.09034).

    .. math::
        \mathbf{X}^{(\ell)} = \mathrm{dropout}(\sigma(\mathrm{BatchNorm}(
        \mathbf{P} \mathbf{X}^{(\ell - 1)} \mathbf{W}_{\ell}^{\top} + \mathbf{b}_{\ell})))

    :math:`\mathbf{P}` is the identity in training and the mean over neighbours and self in
    evaluation. Batch normalisation has no weights and uses the batch's statistics in both.

    Args:
        in_channels: Size of each input sample.
        hidden_channels: Size of each hidden sample.
        out_channels: Size of each output sample.
        num_layers: Number of layers, at least 2.
        dropout: Dropout probability of hidden layers. Default 0.
        norm: Whether hidden layers are normalised. Default True.
        bias: Whether layers learn a bias. Default True.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`; in evaluation, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`
        - **output:** :math:`(|\mathcal{V}|, F_{out})`

    Raises:
        ArgumentError: There are less than 2 layers or, in forward, edges are missing in evaluation.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_layers: int,
        dropout: float = 0.0,
        norm: bool = True,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_layers < 2:
            msg = f"num_layers={num_layers} of PMLP must be 2 or more"
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.out_channels = out_channels
        self.num_layers = num_layers
        self.dropout = dropout
        self.bias = bias
        sizes = [in_channels, *[hidden_channels] * (num_layers - 1), out_channels]
        self.lins = nn.ModuleList(
            Linear(size_in, size_out, bias=bias) for size_in, size_out in pairwise(sizes)
        )
        self.norm = (
            nn.BatchNorm1d(hidden_channels, affine=False, track_running_stats=False)
            if norm
            else None
        )
        self.conv = SimpleConv(aggr="mean", combine_root="self_loop")
        self.reset_parameters()

    def _layers(self) -> list[Linear]:
        return [lin for lin in self.lins if isinstance(lin, Linear)]

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for lin in self._layers():
            nn.init.xavier_uniform_(lin.weight, gain=GAIN)
            inits.zeros(lin.bias)

    def forward(self, x: Tensor, edge_index: Adjacency | None = None) -> Tensor:
        """Predict.

        Args:
            x: Node features, float [N, in_channels].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`; needed in evaluation, not looked at
                in training.

        Returns:
            Float [N, out_channels].
        """
        if not self.training and edge_index is None:
            msg = "edge_index must be given in evaluation: PMLP passes messages there"
            raise ArgumentError(msg)
        for i, lin in enumerate(self._layers()):
            if self.training:
                x = lin(x)
            else:
                x = self.conv(F.linear(x, lin.weight), edge_index)
                x = x if lin.bias is None else x + lin.bias
            if i < self.num_layers - 1:
                x = x if self.norm is None else self.norm(x)
                x = F.dropout(x.relu(), p=self.dropout, training=self.training)
        return x

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}, num_layers={self.num_layers}"
        return f"{type(self).__name__}({sizes})"
