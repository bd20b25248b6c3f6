"""A network of edge convolutions."""

from __future__ import annotations

from typing import Any

from distgnn.nn.conv.edge_conv import EdgeConv
from distgnn.nn.models.basic_gnn import BasicGNN
from distgnn.nn.models.mlp import MLP


class EdgeCNN(BasicGNN):
    r"""A stack of `EdgeConv`, each with an MLP of two layers.

    From `"Dynamic Graph CNN for Learning on Point Clouds" <https://arxiv.org/abs/1801.07829>`_.

    .. math::
        \mathbf{x}_i^{(\ell)} = \sigma(\mathrm{norm}(\max_{j \in \mathcal{N}(i)}
        \mathrm{MLP}_{\ell}(\mathbf{x}_i^{(\ell - 1)} \, \Vert \,
        \mathbf{x}_j^{(\ell - 1)} - \mathbf{x}_i^{(\ell - 1)})))

    A norm given by name is that of the MLPs as well.

    Args:
        in_channels: Size of each input sample.
        hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, norm,
        norm_kwargs, jk: See `BasicGNN`.
        **kwargs: Arguments of `EdgeConv`.

    Shapes: see `BasicGNN`.
    """

    def init_conv(self, in_channels: int, out_channels: int, **kwargs: Any) -> EdgeConv:
        """Return an `EdgeConv` from `in_channels` to `out_channels`."""
        network = MLP(
            [2 * in_channels, out_channels, out_channels],
            act=self.act,
            act_first=self.act_first,
            norm=self.norm,
            norm_kwargs=self.norm_kwargs,
        )
        return EdgeConv(network, **kwargs)
