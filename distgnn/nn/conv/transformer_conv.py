"""The convolution with a transformer's attention."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor

from distgnn.nn.adjacency import reorder
from distgnn.nn.conv.features import check_edge_attr, count_edges, num_targets, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.ops import is_sparse_tensor
from distgnn.nn.sparse import edge_dot, edge_softmax, gather_sum, own_rows
from distgnn.nn.utils.softmax import softmax

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class TransformerConv(MessagePassing):
    r"""Attention of a transformer over the neighbours.

    From `"Masked Label Prediction: Unified Message Passing Model for Semi-Supervised
    Classification" <https://arxiv.org/abs/2009.03509>`_.

    .. math::
        \mathbf{x}^{\prime}_i &= \mathbf{W}_1 \mathbf{x}_i + \sum_{j \in \mathcal{N}(i)}
        \alpha_{i,j} (\mathbf{W}_2 \mathbf{x}_j + \mathbf{W}_6 \mathbf{e}_{ij})

        \alpha_{i,j} &= \mathrm{softmax}_j \left( \frac{(\mathbf{W}_3 \mathbf{x}_i)^{\top}
        (\mathbf{W}_4 \mathbf{x}_j + \mathbf{W}_6 \mathbf{e}_{ij})}{\sqrt{d}} \right)

    With `beta`, :math:`\mathbf{W}_1 \mathbf{x}_i` and the sum :math:`\mathbf{m}_i` are mixed by the
    gate :math:`\beta_i = \sigma(\mathbf{w}_5^{\top} [\mathbf{m}_i, \mathbf{W}_1 \mathbf{x}_i,
    \mathbf{m}_i - \mathbf{W}_1 \mathbf{x}_i])`.

    Args:
        in_channels: Size of each input sample, -1 (taken from the first input), or sizes of
            sources and targets.
        out_channels: Size of the output of a head.
        heads: Number of heads. Default 1.
        concat: Whether heads are concatenated rather than averaged. Default True.
        beta: Whether the gate is used; needs `root_weight`. Default False.
        dropout: Probability with which an attention weight is dropped. Default 0.
        edge_dim: Size of an edge's features; None: there are none. Default None.
        bias: If False, no biases are learned. Default True.
        root_weight: If False, the target's own features are not added. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`; edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge features
          :math:`(|\mathcal{E}|, D)` *(optional)*
        - **output:** :math:`(|\mathcal{V_t}|, H F_{out})`, or :math:`(|\mathcal{V_t}|, F_{out})`
          without `concat`; with ``return_attention_weights`` also the edges and their attention
          :math:`(|\mathcal{E}|, H)`
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        heads: int = 1,
        concat: bool = True,
        beta: bool = False,
        dropout: float = 0.0,
        edge_dim: int | None = None,
        bias: bool = True,
        root_weight: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("aggr", "add")
        super().__init__(node_dim=0, **kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.heads = heads
        self.concat = concat
        self.beta = beta and root_weight
        self.dropout = dropout
        self.edge_dim = edge_dim
        self.root_weight = root_weight
        src, dst = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        self.lin_key = Linear(src, heads * out_channels, bias=bias)
        self.lin_query = Linear(dst, heads * out_channels, bias=bias)
        self.lin_value = Linear(src, heads * out_channels, bias=bias)
        if edge_dim is not None:
            self.lin_edge = Linear(edge_dim, heads * out_channels, bias=False)
        size = heads * out_channels if concat else out_channels
        self.lin_skip = Linear(dst, size, bias=bias)
        if self.beta:
            self.lin_beta = Linear(3 * size, 1, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        for module in self.children():
            if isinstance(module, Linear):
                module.reset_parameters()

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
            edge_index: int64 [2, E], `SparseTensor` (its values stand in for `edge_attr`) or `CSC`.
            edge_attr: Float [E, edge_dim].
            return_attention_weights: Also return (edge_index, attention [E, heads]), or the
                `SparseTensor` with the attention as values.

        Returns:
            Float [number of targets, heads * out_channels], or [.., out_channels]; or a pair.

        Raises:
            ArgumentError: Edge features are missing, or are given without `edge_dim`.
        """
        x_src, x_dst = split(x, edge_index)
        root = x_src if x_dst is None else x_dst
        query, key, value = self.lin_query(root), self.lin_key(x_src), self.lin_value(x_src)
        edges = self._edge_features(edge_index, edge_attr)
        if self.can_fuse(x_src) and return_attention_weights is None:
            csc, order = self.sorted_edges(
                edge_index, x_src.size(0), num_targets(root, edge_index, None)
            )
            edges = reorder(order, edges)
            alpha = edge_softmax(csc, self._scores(query, key, edges, csc))
            alpha = F.dropout(alpha, self.dropout, self.training)
            out, weights = self.propagate(csc, x=value, alpha=alpha, edges=edges), None
        else:
            shape = (-1, self.heads, self.out_channels)
            query, key, value = (v.view(shape) for v in (query, key, value))
            edges = None if edges is None else edges.view(shape)
            weights = self.edge_updater(edge_index, query=query, key=(key, query), edges=edges)
            out = self.propagate(edge_index, x=(value, query), alpha=weights, edges=edges)
        out = self._with_root(self._joined(out), root)
        if return_attention_weights is None:
            return out
        if is_sparse_tensor(edge_index):
            return out, edge_index.set_value(weights, layout="coo")
        return out, (edge_index, weights)

    def edge_update(
        self,
        query_i: Tensor,
        key_j: Tensor,
        edges: Tensor | None,
        index: Tensor,
        ptr: Tensor | None,
        dim_size: int | None,
    ) -> Tensor:
        """Return the attention of each edge before dropout, [E, heads]."""
        if edges is not None:
            key_j = key_j + edges
        scores = (query_i * key_j).sum(-1) / math.sqrt(self.out_channels)
        return softmax(scores, index, ptr, dim_size)

    def message(self, x_j: Tensor, alpha: Tensor, edges: Tensor | None) -> Tensor:
        """Return the value of the source and edge, times the attention."""
        alpha = F.dropout(alpha, self.dropout, self.training)
        return (x_j if edges is None else x_j + edges) * alpha.unsqueeze(-1)

    def message_and_aggregate(
        self, edge_index: CSC, x: Tensor, alpha: Tensor, edges: Tensor | None
    ) -> Tensor:
        """Return the sum of the values, weighted by the attention."""
        out = gather_sum(edge_index, x, alpha)
        return out if edges is None else out + gather_sum(own_rows(edge_index), edges, alpha)

    def _edge_features(self, edge_index: Adjacency, edge_attr: Tensor | None) -> Tensor | None:
        if edge_attr is None and is_sparse_tensor(edge_index):
            edge_attr = edge_index.storage.value()
        if self.edge_dim is None:
            return None
        edge_attr = check_edge_attr(edge_attr, count_edges(edge_index), self.edge_dim)
        mapped: Tensor = self.lin_edge(edge_attr)
        return mapped

    def _scores(self, query: Tensor, key: Tensor, edges: Tensor | None, csc: CSC) -> Tensor:
        scores = edge_dot(csc, query, key, self.heads)
        if edges is not None:
            scores = scores + edge_dot(own_rows(csc), query, edges, self.heads)
        return scores / math.sqrt(self.out_channels)

    def _joined(self, out: Tensor) -> Tensor:
        if self.concat:
            return out.view(-1, self.heads * self.out_channels)
        return out.view(-1, self.heads, self.out_channels).mean(dim=1)

    def _with_root(self, out: Tensor, root: Tensor) -> Tensor:
        if not self.root_weight:
            return out
        own = self.lin_skip(root)
        if not self.beta:
            return out + own
        gate = self.lin_beta(torch.cat([out, own, out - own], dim=-1)).sigmoid()
        return gate * own + (1 - gate) * out

    def __repr__(self) -> str:
        name, sizes = type(self).__name__, f"{self.in_channels}, {self.out_channels}"
        return f"{name}({sizes}, heads={self.heads})"
