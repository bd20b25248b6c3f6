"""Graph U-Net."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import check_edge_index
from distgnn.nn.conv.arguments import edges_of
from distgnn.nn.conv.gcn_conv import GCNConv
from distgnn.nn.pool.topk_pooling import TopKPooling
from distgnn.nn.reset import reset
from distgnn.nn.resolver import activation_resolver

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.nn.adjacency import Adjacency


class GraphUNet(nn.Module):
    r"""Graph U-Net: pooling down, unpooling up, with skip connections.

    From `"Graph U-Nets" <https://arxiv.org/abs/1905.05178>`_. On the way down, the adjacency is
    squared and the graph pooled by `TopKPooling`,

    .. math::
        \mathbf{A}^{(d)} = \mathrm{pool}((\mathbf{A}^{(d-1)} + \mathbf{I})^2), \quad
        \mathbf{X}^{(d)} = \sigma(\mathrm{GCN}(\mathrm{pool}(\mathbf{X}^{(d-1)}), \mathbf{A}^{(d)}))

    On the way up, nodes return to their places (zeros elsewhere) and are added to, or put beside,
    those of the same depth before another convolution.

    Args:
        in_channels: Size of each input sample.
        hidden_channels: Size of each hidden sample.
        out_channels: Size of each output sample.
        depth: Number of poolings.
        pool_ratios: Share (or, an int, number) of nodes kept; a list gives one per depth. Default
            0.5.
        sum_res: Whether skip connections are added rather than concatenated. Default True.
        act: Activation, callable or by name. Default `torch.nn.functional.relu`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F_{out})`

    Raises:
        ArgumentError: The depth is less than 1, or there is not one ratio per depth.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        depth: int,
        pool_ratios: float | list[float] = 0.5,
        sum_res: bool = True,
        act: str | Callable[[Tensor], Tensor] = F.relu,
    ) -> None:
        super().__init__()
        ratios = (
            list(pool_ratios) if isinstance(pool_ratios, list | tuple) else [pool_ratios] * depth
        )
        if depth < 1 or len(ratios) != depth:
            msg = f"depth={depth} must be 1 or more, with one of pool_ratios={pool_ratios} each"
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.out_channels = out_channels
        self.depth = depth
        self.pool_ratios = ratios
        self.act = activation_resolver(act)
        self.sum_res = sum_res
        self.pools = nn.ModuleList(TopKPooling(hidden_channels, ratio) for ratio in ratios)
        self.down_convs = nn.ModuleList(
            GCNConv(size, hidden_channels, improved=True)
            for size in [in_channels, *[hidden_channels] * depth]
        )
        size = hidden_channels if sum_res else 2 * hidden_channels
        self.up_convs = nn.ModuleList(
            GCNConv(size, size_out, improved=True)
            for size_out in [*[hidden_channels] * (depth - 1), out_channels]
        )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for part in [*self.down_convs, *self.pools, *self.up_convs]:
            reset(part)

    def forward(self, x: Tensor, edge_index: Adjacency, batch: Tensor | None = None) -> Tensor:
        """Go down and up.

        Args:
            x: Node features, float [N, in_channels].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`; edges weigh 1.
            batch: The graph of each node, int64 [N].

        Returns:
            Float [N, out_channels].
        """
        check_edge_index(edge_index)
        edges = (
            edge_index if isinstance(edge_index, Tensor) else torch.stack(edges_of(edge_index).ends)
        )
        if batch is None:
            batch = torch.zeros(x.size(0), dtype=torch.int64, device=x.device)
        weight = x.new_ones(edges.size(1))
        x = self.act(self.down_convs[0](x, edges, weight))
        levels = [(x, edges, weight)]
        kept = []
        for pool, conv in zip(self.pools, list(self.down_convs)[1:], strict=True):
            x, perm = _keep(pool, x, batch)
            edges, weight = square_adjacency(edges, weight, levels[-1][0].size(0), perm)
            x, batch = self.act(conv(x, edges, weight)), batch[perm]
            kept.append(perm)
            levels.append((x, edges, weight))
        levels.pop()
        for i, conv in enumerate(self.up_convs):
            skip, edges, weight = levels.pop()
            up = torch.zeros_like(skip).index_copy(0, kept.pop(), x)
            x = conv(skip + up if self.sum_res else torch.cat([skip, up], dim=-1), edges, weight)
            if i < self.depth - 1:
                x = self.act(x)
        return x

    def augment_adj(
        self, edge_index: Tensor, edge_weight: Tensor, num_nodes: int
    ) -> tuple[Tensor, Tensor]:
        """Join nodes two steps apart: square the adjacency with self-loops, then drop these.

        Args:
            edge_index: int64 [2, E].
            edge_weight: Float [E].
            num_nodes: Number of nodes.

        Returns:
            Edges int64 [2, E'], each once, and their weights float [E'].
        """
        nodes = torch.arange(num_nodes, device=edge_index.device)
        return square_adjacency(edge_index, edge_weight, num_nodes, nodes)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.in_channels}, {self.hidden_channels}, "
            f"{self.out_channels}, depth={self.depth}, pool_ratios={self.pool_ratios})"
        )


def _keep(pool: Any, x: Tensor, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return the kept nodes' features, times their scores, and which nodes these are."""
    selected = pool.select(x, batch)
    return x[selected.node_index] * selected.weight.view(-1, 1), selected.node_index


def square_adjacency(
    edge_index: Tensor, edge_weight: Tensor, num_nodes: int, kept: Tensor
) -> tuple[Tensor, Tensor]:
    """Join nodes two steps apart, as `GraphUNet.augment_adj`, and return the edges within `kept`.

    Nodes that are not kept are passed through, but what ends at them is never computed.

    Args:
        edge_index: int64 [2, E].
        edge_weight: Float [E].
        num_nodes: Number of nodes.
        kept: Nodes to keep, int64 [k].

    Returns:
        Edges int64 [2, E'], numbered by the position in `kept`, and their weights float [E'].
    """
    others = edge_index[0] != edge_index[1]
    loops = torch.arange(num_nodes, device=edge_index.device).expand(2, -1)
    source, target = torch.cat([edge_index[:, others], loops], dim=1)
    weight = torch.cat([edge_weight[others], edge_weight.new_ones(num_nodes)])
    position = torch.full((num_nodes,), -1, device=edge_index.device)
    position[kept] = torch.arange(kept.numel(), device=edge_index.device)
    first, second = position[source], position[target]
    starts, ends = first >= 0, second >= 0
    left = _matrix(first[starts], target[starts], weight[starts], (kept.numel(), num_nodes))
    right = _matrix(source[ends], second[ends], weight[ends], (num_nodes, kept.numel()))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        squared = torch.sparse.mm(left, right).coalesce()
    edge_index, edge_weight = squared.indices(), squared.values()
    others = edge_index[0] != edge_index[1]
    return edge_index[:, others], edge_weight[others]


def _matrix(row: Tensor, col: Tensor, value: Tensor, size: tuple[int, int]) -> Tensor:
    return torch.sparse_coo_tensor(torch.stack([row, col]), value, size, check_invariants=False)
