"""A network of graph attention convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distgnn.exceptions import ArgumentError
from distgnn.nn.conv.gat_conv import GATConv
from distgnn.nn.conv.gatv2_conv import GATv2Conv
from distgnn.nn.models.basic_gnn import BasicGNN

if TYPE_CHECKING:
    from collections.abc import Callable


class GAT(BasicGNN):
    r"""A graph attention network: a stack of `GATConv` or `GATv2Conv`.

    From `"Graph Attention Networks" <https://arxiv.org/abs/1710.10903>`_ or `"How Attentive are
    Graph Attention Networks?" <https://arxiv.org/abs/2105.14491>`_.

    .. math::
        \mathbf{x}_i^{(\ell)} = \sigma(\mathrm{norm}(\sum_{j \in \mathcal{N}(i) \cup \{ i \}}
        \alpha^{(\ell)}_{i,j} \mathbf{\Theta}_{\ell} \mathbf{x}_j^{(\ell - 1)}))

    Heads share `hidden_channels` among them; the layer to `out_channels` (without `jk`) averages
    heads of that size. `dropout` is that of the attention coefficients as well.

    Args:
        in_channels: Size of each input sample, or -1: taken from the first input; or sizes of
            sources and targets.
        hidden_channels, num_layers, out_channels: See `BasicGNN`.
        v2: Whether to use `GATv2Conv`. Default False.
        dropout, act, act_first, act_kwargs, norm, norm_kwargs, jk: See `BasicGNN`.
        **kwargs: Arguments of `GATConv` or `GATv2Conv`.

    Shapes: see `BasicGNN`; takes edge attributes.

    Raises:
        ArgumentError: `hidden_channels` is not divisible by the number of heads.
    """

    supports_edge_attr = True

    def init_conv(
        self, in_channels: int | tuple[int, int], out_channels: int, **kwargs: Any
    ) -> GATConv | GATv2Conv:
        """Return a convolution from `in_channels` to `out_channels`."""
        v2, heads = kwargs.pop("v2", False), kwargs.pop("heads", 1)
        concat = kwargs.pop("concat", True) and not self._is_conv_to_out
        if concat and out_channels % heads != 0:
            msg = f"hidden_channels={out_channels} is not divisible by heads={heads}"
            raise ArgumentError(msg)
        conv: Callable[..., GATConv | GATv2Conv] = GATv2Conv if v2 else GATConv
        return conv(
            in_channels,
            out_channels // heads if concat else out_channels,
            heads=heads,
            concat=concat,
            dropout=self.dropout.p,
            **kwargs,
        )
