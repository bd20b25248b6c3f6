"""The graph attention convolution whose attention depends on the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn import inits
from distgnn.nn.conv.attention import (
    Loops,
    add_loops,
    add_own,
    edge_features,
    loop_features,
    returned,
    sorted_edge_features,
)
from distgnn.nn.conv.features import split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.row_linear import add_bias
from distgnn.nn.sparse import edge_softmax, edge_softmax_with_loops, gather_sum
from distgnn.nn.utils.softmax import softmax

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class GATv2Conv(MessagePassing):
    r"""Graph attention whose ranking of neighbours depends on the target.

    From `"How Attentive are Graph Attention Networks?" <https://arxiv.org/abs/2105.14491>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \sum_{j \in \mathcal{N}(i) \cup \{ i \}}
        \alpha_{i,j} \mathbf{\Theta}_{s} \mathbf{x}_j

    .. math::
        \alpha_{i,j} = \mathrm{softmax}_j \left( \mathbf{a}^{\top} \mathrm{LeakyReLU} \left(
        \mathbf{\Theta}_{s} \mathbf{x}_j + \mathbf{\Theta}_{t} \mathbf{x}_i +
        \mathbf{\Theta}_{e} \mathbf{e}_{j,i} \right) \right)

    Args:
        in_channels: Size of each input sample, -1 (taken from the first input), or sizes of
            sources and targets.
        out_channels: Size of each output sample per head.
        heads: Number of attentions. Default 1.
        concat: Whether heads are concatenated rather than averaged. Default True.
        negative_slope: Slope of the LeakyReLU. Default 0.2.
        dropout: Probability with which attention coefficients are dropped. Default 0.
        add_self_loops: Replace self-loops by one per node. Default True.
        edge_dim: Size of edge features. Default None: there are none.
        fill_value: Edge features of new self-loops: a number, a tensor, or a reduction
            (``"mean"``, ``"sum"``, ``"max"`` ...) of those of the node's in-edges. Default
            ``"mean"``.
        bias: If False, no biases are learned. Default True.
        share_weights: Whether sources and targets share one linear map. Default False.
        residual: Whether a linear map of the target is added. Default False.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge features
          :math:`(|\mathcal{E}|, D)` *(optional)*
        - **output:** :math:`(|\mathcal{V_t}|, H F_{out})`, or :math:`(|\mathcal{V_t}|, F_{out})`
          without `concat`
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        heads: int = 1,
        concat: bool = True,
        negative_slope: float = 0.2,
        dropout: float = 0.0,
        add_self_loops: bool = True,
        edge_dim: int | None = None,
        fill_value: float | Tensor | str = "mean",
        bias: bool = True,
        share_weights: bool = False,
        residual: bool = False,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("aggr", "add")
        super().__init__(node_dim=0, **kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.heads = heads
        self.concat = concat
        self.negative_slope = negative_slope
        self.dropout = dropout
        self.add_self_loops = add_self_loops
        self.edge_dim = edge_dim
        self.fill_value = fill_value
        self.share_weights = share_weights
        self.residual = residual
        sizes = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        size = heads * out_channels
        self.lin_l = Linear(sizes[0], size, bias=bias, weight_initializer="glorot")
        self.lin_r = self.lin_l
        if not share_weights:
            self.lin_r = Linear(sizes[1], size, bias=bias, weight_initializer="glorot")
        self.att = nn.Parameter(torch.empty(1, heads, out_channels))
        self.lin_edge: Linear | None = None
        if edge_dim is not None:
            self.lin_edge = Linear(edge_dim, size, bias=False, weight_initializer="glorot")
        out_size = size if concat else out_channels
        self.res: Linear | None = None
        if residual:
            self.res = Linear(sizes[1], out_size, bias=False, weight_initializer="glorot")
        self.bias = nn.Parameter(torch.empty(out_size)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        for lin in (self.lin_l, self.lin_r, self.lin_edge, self.res):
            if lin is not None:
                lin.reset_parameters()
        inits.glorot(self.att)
        inits.zeros(self.bias)

    def forward(
        self,
        x: Features,
        edge_index: Adjacency,
        edge_attr: Tensor | None = None,
        return_attention_weights: bool | None = None,
    ) -> Any:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_attr: Float [E, edge_dim]; None: with `edge_dim`, the values of the `SparseTensor`
                or `CSC`.
            return_attention_weights: If a bool, also return (edges, attention [E', heads]), or
                a `SparseTensor` of attention if one was given.

        Returns:
            Float [number of targets, heads * out_channels] ([..., out_channels] without concat).
        """
        x_src, x_dst = split(x, edge_index)
        x_dst = x_src if x_dst is None else x_dst
        left = self.lin_l(x_src)
        if self.share_weights and isinstance(x, Tensor):
            right = left[: x_dst.size(0)]
        else:
            right = self.lin_r(x_dst)
        if self.can_fuse(x_src) and return_attention_weights is None:
            csc, order = self.sorted_edges(edge_index, x_src.size(0), x_dst.size(0))
            edge_attr = sorted_edge_features(csc, order, edge_attr, self.lin_edge)
            out, alpha = self.propagate(csc, x=left, right=right, edge_attr=edge_attr), None
        else:
            size = (x_src.size(0), x_dst.size(0))
            if self.add_self_loops:
                edge_index, edge_attr = add_loops(
                    edge_index, edge_attr, self.fill_value, size, self.edge_dim
                )
            pair = tuple(rows.view(-1, self.heads, self.out_channels) for rows in (left, right))
            alpha = self.edge_updater(edge_index, x=pair, edge_attr=edge_attr, size=size)
            out = self.propagate(edge_index, x=pair, alpha=alpha, size=size)
        out = self._finish(out.view(-1, self.heads, self.out_channels), x_dst)
        if isinstance(return_attention_weights, bool):
            return out, returned(edge_index, alpha)
        return out

    def message_and_aggregate(
        self, edge_index: CSC, x: Tensor, right: Tensor, edge_attr: Tensor | None
    ) -> Tensor:
        """Return the sum of the sources' features, weighted by attention."""
        csc = edge_index
        edges = x.index_select(0, csc.indices) + right.index_select(0, csc.targets())
        if edge_attr is not None and self.lin_edge is not None:
            edges = edges + self.lin_edge(edge_attr)
        alpha = self._scores(edges)
        if not self.add_self_loops:
            alpha = F.dropout(edge_softmax(csc, alpha), self.dropout, self.training)
            return gather_sum(csc, x, alpha)
        loops = Loops(csc)
        own_edges = loops.of(x) + right
        if edge_attr is not None and self.lin_edge is not None:
            filled = loop_features(csc, edge_attr, self.fill_value, loops)
            own_edges = own_edges + self.lin_edge(filled)
        alpha, own = edge_softmax_with_loops(csc, *loops.mask(alpha, self._scores(own_edges)))
        out = gather_sum(csc, x, F.dropout(alpha, self.dropout, self.training))
        own = F.dropout(own, self.dropout, self.training)
        return add_own(out, x, own, loops.num_loops)

    def _scores(self, edges: Tensor) -> Tensor:
        """Return the scores of sums of both ends, [n, heads * out_channels]: [n, heads]."""
        edges = F.leaky_relu(edges, self.negative_slope)
        edges = edges.view(-1, self.heads, self.out_channels)
        return torch.einsum("nhc,hc->nh", edges, self.att.squeeze(0))

    def edge_update(
        self,
        x_j: Tensor,
        x_i: Tensor,
        edge_attr: Tensor | None,
        index: Tensor,
        ptr: Tensor | None,
        dim_size: int | None,
    ) -> Tensor:
        """Return the attention of each edge, [E, heads]."""
        edges = (x_i + x_j).flatten(1)
        edge_attr = edge_features(edge_attr, self.lin_edge, index.numel())
        if edge_attr is not None and self.lin_edge is not None:
            edges = edges + self.lin_edge(edge_attr)
        alpha = softmax(self._scores(edges), index, ptr, dim_size)
        return F.dropout(alpha, p=self.dropout, training=self.training)

    def message(self, x_j: Tensor, alpha: Tensor) -> Tensor:
        """Return the source's features times the attention, [E, heads, out_channels]."""
        return alpha.unsqueeze(-1) * x_j

    def _finish(self, out: Tensor, x_dst: Tensor) -> Tensor:
        out = out.flatten(1) if self.concat else out.mean(dim=1)
        if self.res is not None:
            out = out + self.res(x_dst)
        return add_bias(out, self.bias)

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}"
        return f"{type(self).__name__}({sizes}, heads={self.heads})"
