"""A network of graph isomorphism convolutions."""

from __future__ import annotations

from typing import Any

from distgnn.nn.conv.gin_conv import GINConv
from distgnn.nn.models.basic_gnn import BasicGNN
from distgnn.nn.models.mlp import MLP


class GIN(BasicGNN):
    r"""A graph isomorphism network: a stack of `GINConv`, each with an MLP of two layers.

    From `"How Powerful are Graph Neural Networks?" <https://arxiv.org/abs/1810.00826>`_.

    .. math::
        \mathbf{x}_i^{(\ell)} = \sigma(\mathrm{norm}(\mathrm{MLP}_{\ell}((1 + \epsilon_{\ell})
        \mathbf{x}_i^{(\ell - 1)} + \sum_{j \in \mathcal{N}(i)} \mathbf{x}_j^{(\ell - 1)})))

    A norm given by name is that of the MLPs as well.

    Args:
        in_channels: Size of each input sample.
        hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, norm,
        norm_kwargs, jk: See `BasicGNN`.
        **kwargs: Arguments of `GINConv`.

    Shapes: see `BasicGNN`.
    """

    def init_conv(self, in_channels: int, out_channels: int, **kwargs: Any) -> GINConv:
        """Return a `GINConv` from `in_channels` to `out_channels`."""
        network = MLP(
            [in_channels, out_channels, out_channels],
            act=self.act,
            act_first=self.act_first,
            norm=self.norm,
            norm_kwargs=self.norm_kwargs,
        )
        return GINConv(network, **kwargs)
