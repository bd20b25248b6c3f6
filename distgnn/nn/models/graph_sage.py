"""A network of GraphSAGE convolutions."""

from __future__ import annotations

from typing import Any

from distgnn.nn.conv.sage_conv import SAGEConv
from distgnn.nn.models.basic_gnn import BasicGNN


class GraphSAGE(BasicGNN):
    r"""GraphSAGE: a stack of `SAGEConv`.

    From `"Inductive Representation Learning on Large Graphs" <https://arxiv.org/abs/1706.02216>`_.

    .. math::
        \mathbf{x}_i^{(\ell)} = \sigma(\mathrm{norm}(\mathbf{W}_1 \mathbf{x}_i^{(\ell - 1)} +
        \mathbf{W}_2 \cdot \mathrm{mean}_{j \in \mathcal{N}(i)} \mathbf{x}_j^{(\ell - 1)}))

    Args:
        in_channels: Size of each input sample, or -1: taken from the first input; or sizes of
            sources and targets.
        hidden_channels, num_layers, out_channels, dropout, act, act_first, act_kwargs, norm,
        norm_kwargs, jk: See `BasicGNN`.
        **kwargs: Arguments of `SAGEConv`.

    Shapes: see `BasicGNN`.
    """

    def init_conv(
        self, in_channels: int | tuple[int, int], out_channels: int, **kwargs: Any
    ) -> SAGEConv:
        """Return a `SAGEConv` from `in_channels` to `out_channels`."""
        return SAGEConv(in_channels, out_channels, **kwargs)
