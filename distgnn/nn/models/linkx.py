"""LINKX: separate embeddings of adjacency and features."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.nn import inits
from distgnn.nn.adjacency import reorder
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.models.mlp import MLP
from distgnn.nn.reset import reset
from distgnn.nn.sparse import gather_sum

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency


class SparseLinear(MessagePassing):
    r"""Linear map of the rows of the adjacency: :math:`\mathbf{A}^{\top} \mathbf{W} + \mathbf{b}`.

    Each target sums the rows of :math:`\mathbf{W}` of its in-neighbours, weighted by the edges.

    Args:
        in_channels: Number of nodes.
        out_channels: Size of each output sample.
        bias: If False, no bias is learned. Default True.

    Shapes:
        - **input:** edges :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge weights
          :math:`(|\mathcal{E}|)` *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F_{out})`
    """

    fuses_csc = True

    def __init__(self, in_channels: int, out_channels: int, bias: bool = True) -> None:
        super().__init__(aggr="add")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.weight = nn.Parameter(torch.empty(in_channels, out_channels))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        inits.kaiming_uniform(self.weight, fan=self.in_channels, a=math.sqrt(5))
        inits.uniform(self.in_channels, self.bias)

    def forward(self, edge_index: Adjacency, edge_weight: Tensor | None = None) -> Tensor:
        """Map the adjacency: float [number of targets, out_channels]."""
        if self.can_fuse(self.weight):
            size = self.in_channels
            num_dst = size if isinstance(edge_index, Tensor) else _num_targets(edge_index)
            csc, order = self.sorted_edges(edge_index, size, num_dst)
            weight = csc.weight if edge_weight is None else reorder(order, edge_weight)
            out = self.propagate(csc, x=self.weight, edge_weight=weight)
        else:
            out = self.propagate(edge_index, x=self.weight, edge_weight=edge_weight)
        return out if self.bias is None else out + self.bias

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Return the source's row of the weights, times the edge's weight."""
        return x_j if edge_weight is None else edge_weight.view(-1, 1) * x_j

    def message_and_aggregate(
        self, edge_index: CSC, x: Tensor, edge_weight: Tensor | None
    ) -> Tensor:
        """Multiply the adjacency by the weights."""
        return gather_sum(edge_index, x, edge_weight)


class LINKX(nn.Module):
    r"""LINKX, for graphs whose neighbours differ (https://arxiv.org/abs/2110.14446).

    .. math::
        \mathbf{H}_{\mathbf{A}} &= \mathrm{MLP}_{\mathbf{A}}(\mathbf{A})

        \mathbf{H}_{\mathbf{X}} &= \mathrm{MLP}_{\mathbf{X}}(\mathbf{X})

        \mathbf{Y} &= \mathrm{MLP}_{f} \left( \sigma \left( \mathbf{W}
        [\mathbf{H}_{\mathbf{A}}, \mathbf{H}_{\mathbf{X}}] + \mathbf{H}_{\mathbf{A}}
        + \mathbf{H}_{\mathbf{X}} \right) \right)

    Args:
        num_nodes: Number of nodes of the graph.
        in_channels: Size of each input sample, or -1: taken from the first input.
        hidden_channels: Size of each hidden sample.
        out_channels: Size of each output sample.
        num_layers: Number of layers of :math:`\mathrm{MLP}_{f}`.
        num_edge_layers: Number of layers of :math:`\mathrm{MLP}_{\mathbf{A}}`. Default 1.
        num_node_layers: Number of layers of :math:`\mathrm{MLP}_{\mathbf{X}}`. Default 1.
        dropout: Dropout probability of the hidden layers of :math:`\mathrm{MLP}_{f}`. Default 0.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or None, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge weights
          :math:`(|\mathcal{E}|)` *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F_{out})`
    """

    def __init__(
        self,
        num_nodes: int,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_layers: int,
        num_edge_layers: int = 1,
        num_node_layers: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.num_nodes = num_nodes
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_edge_layers = num_edge_layers
        hidden = [hidden_channels]
        self.edge_lin = SparseLinear(num_nodes, hidden_channels)
        if num_edge_layers > 1:
            self.edge_norm = nn.BatchNorm1d(hidden_channels)
            self.edge_mlp = MLP(hidden * num_edge_layers, dropout=0.0, act_first=True)
        self.node_mlp = MLP([in_channels, *hidden * num_node_layers], dropout=0.0, act_first=True)
        self.cat_lin1 = nn.Linear(hidden_channels, hidden_channels)
        self.cat_lin2 = nn.Linear(hidden_channels, hidden_channels)
        self.final_mlp = MLP([*hidden * num_layers, out_channels], dropout=dropout, act_first=True)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for part in self.children():
            reset(part)

    def forward(
        self, x: Tensor | None, edge_index: Adjacency, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Predict.

        Args:
            x: Node features, float [N, in_channels], or None.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E]; None: 1, or the values of the `SparseTensor` or `CSC`.

        Returns:
            Float [N, out_channels].
        """
        out = self.edge_lin(edge_index, edge_weight)
        if self.num_edge_layers > 1:
            out = self.edge_mlp(self.edge_norm(out.relu()))
        out = out + self.cat_lin1(out)
        if x is not None:
            h = self.node_mlp(x)
            out = out + h + self.cat_lin2(h)
        return self.final_mlp(out.relu())

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(num_nodes={self.num_nodes}, in_channels={self.in_channels}, "
            f"out_channels={self.out_channels})"
        )


def _num_targets(edge_index: Any) -> int:
    num_dst: int = getattr(edge_index, "num_dst", None) or edge_index.size(0)
    return num_dst
