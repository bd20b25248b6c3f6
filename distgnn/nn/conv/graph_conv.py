"""The graph convolution of Morris et al."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distgnn.nn.conv.features import num_targets, sorted_weight, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.sparse import gather

if TYPE_CHECKING:
    from torch import Tensor

    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features
    from distgnn.nn.conv.message_passing import Aggr


class GraphConv(MessagePassing):
    r"""Linear maps of a node's features and of the weighted aggregate of its neighbours'.

    From `"Weisfeiler and Leman Go Neural: Higher-order Graph Neural Networks"
    <https://arxiv.org/abs/1810.02244>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \mathbf{W}_1 \mathbf{x}_i + \mathbf{W}_2
        \sum_{j \in \mathcal{N}(i)} e_{j,i} \mathbf{x}_j

    Args:
        in_channels: Size of each input sample, -1 (taken from the first input), or sizes of
            sources and targets.
        out_channels: Size of each output sample.
        aggr: Aggregation by name or module. Default ``"add"``.
        bias: If False, no bias is learned. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`, the latter possibly None;
          edges :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge weights
          :math:`(|\mathcal{E}|)` *(optional)*
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        aggr: Aggr = "add",
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(aggr, **kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        sizes = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        self.lin_rel = Linear(sizes[0], out_channels, bias=bias)
        self.lin_root = Linear(sizes[1], out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        self.lin_rel.reset_parameters()
        self.lin_root.reset_parameters()

    def forward(
        self,
        x: Features,
        edge_index: Adjacency,
        edge_weight: Tensor | None = None,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E]; None: 1, or the values of the `SparseTensor` or `CSC`.
            size: Numbers of sources and targets, where features of targets are not given.

        Returns:
            Float [number of targets, out_channels].
        """
        x_src, x_dst = split(x, edge_index)
        if self.can_fuse(x_src):
            count = num_targets(x_dst, edge_index, size)
            csc, order = self.sorted_edges(edge_index, x_src.size(0), count)
            out = self.propagate(csc, x=x_src, edge_weight=sorted_weight(csc, order, edge_weight))
        else:
            out = self.propagate(edge_index, x=(x_src, x_dst), edge_weight=edge_weight, size=size)
        out = self.lin_rel(out)
        return out if x_dst is None else out + self.lin_root(x_dst)

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Return the source's features, times the edge's weight."""
        return x_j if edge_weight is None else edge_weight.view(-1, 1) * x_j

    def message_and_aggregate(
        self, edge_index: CSC, x: Tensor, edge_weight: Tensor | None
    ) -> Tensor:
        """Return the aggregate of the sources' (weighted) features."""
        return gather(edge_index, x, self.aggr, edge_weight)
