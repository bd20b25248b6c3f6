"""The attention over edges of attentive fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn import inits
from distgnn.nn.adjacency import reorder
from distgnn.nn.conv.features import as_pair, check_edge_attr, check_width, count_edges
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.sparse import edge_softmax, gather_sum
from distgnn.nn.utils.softmax import softmax

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features

SLOPE = 0.01
"""Of the leaky ReLU, as in the paper's implementation."""


class GATEConv(MessagePassing):
    r"""Graph attention whose scores see the edges' features, as in the first AttentiveFP layer.

    From `"Pushing the Boundaries of Molecular Representation for Drug Discovery with the Graph
    Attention Mechanism" <https://pubs.acs.org/doi/10.1021/acs.jmedchem.9b00959>`_.

    .. math::
        s_{j,i} &= \mathrm{leaky}(\mathbf{a}_l^{\top} \mathrm{leaky}(\mathbf{W}_1 [\mathbf{x}_j,
        \mathbf{e}_{j,i}]) + \mathbf{a}_r^{\top} \mathbf{x}_i)

        \mathbf{x}^{\prime}_i &= \sum_{j \in \mathcal{N}(i)} \mathrm{softmax}_j(s_{j,i})
        \mathbf{W}_2 \mathbf{x}_j + \mathbf{b}

    Args:
        in_channels: Size of each input sample.
        out_channels: Size of each output sample; equal to `in_channels`, or what is sent cannot
            be mapped.
        edge_dim: Size of an edge's features.
        dropout: Probability with which an attention weight is dropped. Default 0.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`; edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge features
          :math:`(|\mathcal{E}|, D)`
        - **output:** :math:`(|\mathcal{V}|, F_{out})`
    """

    fuses_csc = True

    def __init__(
        self, in_channels: int, out_channels: int, edge_dim: int, dropout: float = 0.0
    ) -> None:
        super().__init__(aggr="add", node_dim=0)
        self.dropout = dropout
        self.att_l = nn.Parameter(torch.empty(1, out_channels))
        self.att_r = nn.Parameter(torch.empty(1, in_channels))
        self.lin1 = Linear(
            in_channels + edge_dim, out_channels, bias=False, weight_initializer="glorot"
        )
        self.lin2 = Linear(out_channels, out_channels, bias=False, weight_initializer="glorot")
        self.bias = nn.Parameter(torch.empty(out_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        inits.glorot(self.att_l)
        inits.glorot(self.att_r)
        self.lin1.reset_parameters()
        self.lin2.reset_parameters()
        inits.zeros(self.bias)

    def forward(self, x: Features, edge_index: Adjacency, edge_attr: Tensor) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels]; or (sources, targets), the targets being the
                first sources.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_attr: Float [E, edge_dim].

        Returns:
            Float [number of targets, out_channels].
        """
        x_src, x_dst = as_pair(x, edge_index)
        in_channels = self.att_r.size(1)
        check_width(x_src, in_channels)
        edge_dim = self.lin1.in_channels - in_channels
        edge_attr = check_edge_attr(edge_attr, count_edges(edge_index), edge_dim)
        if self.can_fuse(x_src):
            csc, order = self.sorted_edges(edge_index, x_src.size(0), x_dst.size(0))
            scores = self._scores(x_src, x_dst, reorder(order, edge_attr), csc)
            alpha = edge_softmax(csc, scores.unsqueeze(1))
            alpha = F.dropout(alpha, self.dropout, self.training)
            return self.propagate(csc, x=self.lin2(x_src), alpha=alpha) + self.bias
        alpha = self.edge_updater(edge_index, x=(x_src, x_dst), edge_attr=edge_attr)
        return self.propagate(edge_index, x=(self.lin2(x_src), x_dst), alpha=alpha) + self.bias

    def edge_update(
        self,
        x_j: Tensor,
        x_i: Tensor,
        edge_attr: Tensor,
        index: Tensor,
        ptr: Tensor | None,
        dim_size: int | None,
    ) -> Tensor:
        """Return the attention weight of each edge, [E]."""
        left = F.leaky_relu(self.lin1(torch.cat([x_j, edge_attr], dim=-1)), SLOPE)
        scores = F.leaky_relu((left * self.att_l).sum(-1) + (x_i * self.att_r).sum(-1), SLOPE)
        alpha = softmax(scores, index, ptr, dim_size)
        return F.dropout(alpha, self.dropout, self.training)

    def message(self, x_j: Tensor, alpha: Tensor) -> Tensor:
        """Return the mapped source, times the attention."""
        return x_j * alpha.view(-1, 1)

    def message_and_aggregate(self, edge_index: CSC, x: Tensor, alpha: Tensor) -> Tensor:
        """Return the sum of the mapped sources, weighted by the attention."""
        return gather_sum(edge_index, x, alpha)

    def _scores(self, x_src: Tensor, x_dst: Tensor, edge_attr: Tensor | None, csc: CSC) -> Tensor:
        """Return the scores of sorted edges, [E]; sources are mapped once, not per edge."""
        weight = self.lin1.weight
        of_source, of_edge = weight[:, : x_src.size(1)], weight[:, x_src.size(1) :]
        left = F.linear(x_src, of_source).index_select(0, csc.indices)
        if edge_attr is not None:
            left = left + F.linear(edge_attr, of_edge)
        left = (F.leaky_relu(left, SLOPE) * self.att_l).sum(-1)
        right = (x_dst * self.att_r).sum(-1)
        return F.leaky_relu(left + right.index_select(0, csc.targets()), SLOPE)
