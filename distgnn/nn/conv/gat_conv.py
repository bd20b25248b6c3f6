"""The graph attention convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
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
from distgnn.nn.conv.features import num_targets, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.row_linear import add_bias
from distgnn.nn.sparse import edge_softmax, edge_softmax_with_loops, gather_sum
from distgnn.nn.utils.softmax import softmax

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class GATConv(MessagePassing):
    r"""Graph attention: neighbours weighted by a softmax of scores of both ends.

    From `"Graph Attention Networks" <https://arxiv.org/abs/1710.10903>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \sum_{j \in \mathcal{N}(i) \cup \{ i \}}
        \alpha_{i,j} \mathbf{\Theta}_t \mathbf{x}_j

    .. math::
        \alpha_{i,j} = \mathrm{softmax}_j \left( \mathrm{LeakyReLU} \left(
        \mathbf{a}^{\top}_{s} \mathbf{\Theta}_{s}\mathbf{x}_j +
        \mathbf{a}^{\top}_{t} \mathbf{\Theta}_{t}\mathbf{x}_i +
        \mathbf{a}^{\top}_{e} \mathbf{\Theta}_{e} \mathbf{e}_{j,i} \right) \right)

    Scores are computed from the inputs by :math:`\mathbf{\Theta}^{\top} \mathbf{a}`, a product that
    is small.

    Args:
        in_channels: Size of each input sample, -1 (taken from the first input), or sizes of
            sources and targets, which then have maps of their own.
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
        bias: If False, no bias is learned. Default True.
        residual: Whether a linear map of the target is added. Default False.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`, the latter possibly None;
          edges :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge features
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
        self.residual = residual
        self.lin: Linear | None = None
        self.lin_src: Linear | None = None
        self.lin_dst: Linear | None = None
        size = heads * out_channels
        if isinstance(in_channels, int):
            self.lin = Linear(in_channels, size, bias=False, weight_initializer="glorot")
        else:
            self.lin_src = Linear(in_channels[0], size, False, weight_initializer="glorot")
            self.lin_dst = Linear(in_channels[1], size, False, weight_initializer="glorot")
        self.att_src = nn.Parameter(torch.empty(1, heads, out_channels))
        self.att_dst = nn.Parameter(torch.empty(1, heads, out_channels))
        self.lin_edge: Linear | None = None
        self.att_edge: nn.Parameter | None = None
        if edge_dim is not None:
            self.lin_edge = Linear(edge_dim, size, bias=False, weight_initializer="glorot")
            self.att_edge = nn.Parameter(torch.empty(1, heads, out_channels))
        out_size = size if concat else out_channels
        self.res: Linear | None = None
        if residual:
            target_size = in_channels if isinstance(in_channels, int) else in_channels[1]
            self.res = Linear(target_size, out_size, bias=False, weight_initializer="glorot")
        self.bias = nn.Parameter(torch.empty(out_size)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        for lin in (self.lin, self.lin_src, self.lin_dst, self.lin_edge, self.res):
            if lin is not None:
                lin.reset_parameters()
        for attention in (self.att_src, self.att_dst, self.att_edge):
            inits.glorot(attention)
        inits.zeros(self.bias)

    def forward(
        self,
        x: Features,
        edge_index: Adjacency,
        edge_attr: Tensor | None = None,
        size: tuple[int, int] | None = None,
        return_attention_weights: bool | None = None,
    ) -> Any:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_attr: Float [E, edge_dim]; None: with `edge_dim`, the values of the `SparseTensor`
                or `CSC`.
            size: Numbers of sources and targets, where features of targets are not given.
            return_attention_weights: If a bool, also return (edges, attention [E', heads]), or
                a `SparseTensor` of attention if one was given.

        Returns:
            Float [number of targets, heads * out_channels] ([..., out_channels] without concat).
        """
        x_src, x_dst = split(x, edge_index)
        features = self._project(x_src)
        scores = self._scores(x_src, x_dst)
        if self.can_fuse(x_src) and return_attention_weights is None:
            num_dst = num_targets(x_dst, edge_index, size)
            csc, order = self.sorted_edges(edge_index, x_src.size(0), num_dst)
            edge_attr = sorted_edge_features(csc, order, edge_attr, self.lin_edge)
            out, alpha = self.propagate(csc, x=features, scores=scores, edge_attr=edge_attr), None
        else:
            shape = (-1, self.heads, self.out_channels)
            edge_index, edge_attr, size = self._prepare(x_src, x_dst, edge_index, edge_attr, size)
            alpha = self.edge_updater(edge_index, alpha=scores, edge_attr=edge_attr, size=size)
            views = (features.view(shape), None)
            out = self.propagate(edge_index, x=views, alpha=alpha, size=size)
        out = self._finish(out.view(-1, self.heads, self.out_channels), x_dst)
        if isinstance(return_attention_weights, bool):
            return out, returned(edge_index, alpha)
        return out

    def _project(self, x: Tensor) -> Tensor:
        lin = self.lin_src if self.lin is None else self.lin
        if lin is None or x.dim() != 2:
            msg = f"x has shape {list(x.shape)}, expected [N, in_channels]"
            raise ArgumentError(msg)
        return lin(x)

    def _scores(self, x_src: Tensor, x_dst: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the attention of sources and of targets, each float [.., heads]."""
        source = self.lin_src if self.lin is None else self.lin
        target = self.lin_dst if self.lin is None else self.lin
        alpha_src = F.linear(x_src, self._attention(source, self.att_src))
        if x_dst is None or target is None:
            return alpha_src, None
        target.prepare(x_dst)
        return alpha_src, F.linear(x_dst, self._attention(target, self.att_dst))

    def _attention(self, lin: Linear | None, attention: Tensor | None) -> Tensor:
        """Return the map from features to scores, [heads, size of features]."""
        if lin is None or attention is None:
            msg = "there is no map of these features"
            raise ArgumentError(msg)
        weight = lin.weight.view(self.heads, self.out_channels, -1)
        return (weight * attention.view(self.heads, self.out_channels, 1)).sum(dim=1)

    def message_and_aggregate(
        self,
        edge_index: CSC,
        x: Tensor,
        scores: tuple[Tensor, Tensor | None],
        edge_attr: Tensor | None,
    ) -> Tensor:
        """Return the sum of the sources' features, weighted by attention."""
        loops = Loops(edge_index) if self.add_self_loops else None
        alpha, own = self._fused_attention(edge_index, scores, edge_attr, loops)
        out = gather_sum(edge_index, x, F.dropout(alpha, self.dropout, self.training))
        if own is None or loops is None:
            return out
        own = F.dropout(own, self.dropout, self.training)
        return add_own(out, x, own, loops.num_loops)

    def _fused_attention(
        self,
        csc: CSC,
        scores: tuple[Tensor, Tensor | None],
        edge_attr: Tensor | None,
        loops: Loops | None,
    ) -> tuple[Tensor, Tensor | None]:
        alpha_src, alpha_dst = scores
        targets = csc.targets()
        alpha = alpha_src.index_select(0, csc.indices)
        own = None if loops is None else loops.of(alpha_src)
        if alpha_dst is not None:
            alpha = alpha + alpha_dst.index_select(0, targets)
            own = None if own is None else own + alpha_dst
        if edge_attr is not None and self.lin_edge is not None:
            attention = self._attention(self.lin_edge, self.att_edge)
            alpha = alpha + F.linear(edge_attr, attention)
            if own is not None and loops is not None:
                filled = loop_features(csc, edge_attr, self.fill_value, loops)
                own = own + F.linear(filled, attention)
        alpha = F.leaky_relu(alpha, self.negative_slope)
        if own is None or loops is None:
            return edge_softmax(csc, alpha), None
        own = F.leaky_relu(own, self.negative_slope)
        return edge_softmax_with_loops(csc, *loops.mask(alpha, own))

    def _prepare(
        self,
        x_src: Tensor,
        x_dst: Tensor | None,
        edge_index: Adjacency,
        edge_attr: Tensor | None,
        size: tuple[int, int] | None,
    ) -> tuple[Adjacency, Tensor | None, tuple[int, int]]:
        num_dst = num_targets(x_dst, edge_index, size)
        size = (x_src.size(0), num_dst)
        if not self.add_self_loops:
            return edge_index, edge_attr, size
        edge_index, edge_attr = add_loops(
            edge_index, edge_attr, self.fill_value, size, self.edge_dim
        )
        return edge_index, edge_attr, size

    def edge_update(
        self,
        alpha_j: Tensor,
        alpha_i: Tensor | None,
        edge_attr: Tensor | None,
        index: Tensor,
        ptr: Tensor | None,
        dim_size: int | None,
    ) -> Tensor:
        """Return the attention of each edge, [E, heads]."""
        alpha = alpha_j if alpha_i is None else alpha_j + alpha_i
        edge_attr = edge_features(edge_attr, self.lin_edge, index.numel())
        if edge_attr is not None and self.lin_edge is not None:
            alpha = alpha + F.linear(edge_attr, self._attention(self.lin_edge, self.att_edge))
        alpha = F.leaky_relu(alpha, self.negative_slope)
        alpha = softmax(alpha, index, ptr, dim_size)
        return F.dropout(alpha, p=self.dropout, training=self.training)

    def message(self, x_j: Tensor, alpha: Tensor) -> Tensor:
        """Return the source's features times the attention, [E, heads, out_channels]."""
        return alpha.unsqueeze(-1) * x_j

    def _finish(self, out: Tensor, x_dst: Tensor | None) -> Tensor:
        out = out.flatten(1) if self.concat else out.mean(dim=1)
        if self.res is not None and x_dst is not None:
            out = out + self.res(x_dst)
        return add_bias(out, self.bias)

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.out_channels}"
        return f"{type(self).__name__}({sizes}, heads={self.heads})"
