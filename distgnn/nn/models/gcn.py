"""A network of graph convolutions."""

from __future__ import annotations

from typing import Any

from distgnn.nn.conv.gcn_conv import GCNConv
from distgnn.nn.models.basic_gnn import BasicGNN


class GCN(BasicGNN):
    r"""A graph convolutional network: a stack of `GCNConv`.

    From `"Semi-supervised Classification with Graph Convolutional Networks"
    <https://arxiv.org/abs/1609.02907>`_.

    .. math::
        \mathbf{X}^{(\ell)} = \sigma(\mathrm{norm}(\mathbf{\hat{D}}^{-1/2} \mathbf{\hat{A}}
        \mathbf{\hat{D}}^{-1/2} \mathbf{X}^{(\ell - 1)} \mathbf{\Theta}_{\ell}))

    Args:
        in_channels: Size of each input sample, or -1: taken from the first input.
        hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, norm,
        norm_kwargs, jk: See `BasicGNN`.
        **kwargs: Arguments of `GCNConv`.

    Shapes: see `BasicGNN`; takes edge weights.
    """

    supports_edge_weight = True

    def init_conv(self, in_channels: int, out_channels: int, **kwargs: Any) -> GCNConv:
        """Return a `GCNConv` from `in_channels` to `out_channels`."""
        return GCNConv(in_channels, out_channels, **kwargs)
