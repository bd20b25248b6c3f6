"""A network of principal neighbourhood aggregation."""

from __future__ import annotations

from typing import Any

from distgnn.nn.conv.pna_conv import PNAConv
from distgnn.nn.models.basic_gnn import BasicGNN


class PNA(BasicGNN):
    r"""Principal neighbourhood aggregation: a stack of `PNAConv`.

    From `"Principal Neighbourhood Aggregation for Graph Nets" <https://arxiv.org/abs/2004.05718>`_.

    .. math::
        \mathbf{x}_i^{(\ell)} = \sigma(\mathrm{norm}(\gamma_{\ell}(\mathbf{x}_i^{(\ell - 1)},
        \bigoplus_{j \in \mathcal{N}(i)} h_{\ell}(\mathbf{x}_i^{(\ell - 1)},
        \mathbf{x}_j^{(\ell - 1)}))))

    Args:
        in_channels: Size of each input sample.
        hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, norm,
        norm_kwargs, jk: See `BasicGNN`.
        **kwargs: Arguments of `PNAConv`; `aggregators`, `scalers` and `deg` are needed.

    Shapes: see `BasicGNN`; takes edge attributes.
    """

    supports_edge_attr = True

    def init_conv(self, in_channels: int, out_channels: int, **kwargs: Any) -> PNAConv:
        """Return a `PNAConv` from `in_channels` to `out_channels`."""
        return PNAConv(in_channels, out_channels, **kwargs)
