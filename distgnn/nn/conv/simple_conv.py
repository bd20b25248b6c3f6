"""Aggregation without parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.conv.features import num_targets, sorted_weight, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.ops import is_sparse_tensor, torch_sparse
from distgnn.nn.sparse import gather
from distgnn.nn.utils.loop import add_self_loops

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features
    from distgnn.nn.conv.message_passing import Aggr

COMBINATIONS = ("sum", "cat", "self_loop")


class SimpleConv(MessagePassing):
    r"""Aggregate the neighbours' features, without any parameters.

    .. math::
        \mathbf{x}^{\prime}_i = \bigoplus_{j \in \mathcal{N}(i)} e_{ji} \mathbf{x}_j

    Args:
        aggr: Aggregation by name, module, or a list of them (concatenated). Default ``"sum"``.
        combine_root: What is done with the target's own features: added (``"sum"``), put behind
            the aggregate (``"cat"``), aggregated with the neighbours (``"self_loop"``) or left out
            (None). Default None.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)` or
          :math:`((|\mathcal{V_s}|, F), (|\mathcal{V_t}|, *))`; edges :math:`(2, |\mathcal{E}|)`,
          `SparseTensor` or `CSC`; edge weights :math:`(|\mathcal{E}|)` *(optional)*
        - **output:** :math:`(|\mathcal{V_t}|, F)`, or :math:`(|\mathcal{V_t}|, 2 F)` with
          ``combine_root="cat"``

    Raises:
        ArgumentError: `combine_root` is unknown.
    """

    fuses_csc = True

    def __init__(
        self,
        aggr: Aggr = "sum",
        combine_root: Literal["sum", "cat", "self_loop"] | None = None,
        **kwargs: Any,
    ) -> None:
        if combine_root is not None and combine_root not in COMBINATIONS:
            msg = f"combine_root={combine_root!r} is unknown{nearest(combine_root, COMBINATIONS)}"
            raise ArgumentError(msg)
        super().__init__(aggr, **kwargs)
        self.combine_root = combine_root

    def forward(
        self,
        x: Features,
        edge_index: Adjacency,
        edge_weight: Tensor | None = None,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, F], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E]; None: 1, or the values of the `SparseTensor` or `CSC`.
            size: Numbers of sources and targets, where features of targets are not given.

        Returns:
            Float [number of targets, F], or [number of targets, 2 F].

        Raises:
            ArgumentError: Sources and targets differ, and self-loops are asked for.
        """
        x_src, x_dst = split(x, edge_index)
        if self.combine_root == "self_loop":
            if not isinstance(x, Tensor):
                msg = "combine_root='self_loop' needs one kind of nodes, but x is a pair"
                raise ArgumentError(msg)
            edge_index, edge_weight = _with_loops(edge_index, edge_weight, x.size(0))
        if self.can_fuse(x_src):
            count = num_targets(x_dst, edge_index, size)
            csc, order = self.sorted_edges(edge_index, x_src.size(0), count)
            out = self.propagate(csc, x=x_src, edge_weight=sorted_weight(csc, order, edge_weight))
        else:
            out = self.propagate(edge_index, x=(x_src, x_dst), edge_weight=edge_weight, size=size)
        if self.combine_root == "sum" and x_dst is not None:
            return out + x_dst
        if self.combine_root == "cat" and x_dst is not None:
            return torch.cat([x_dst, out], dim=-1)
        return out

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Return the source's features, times the edge's weight."""
        return x_j if edge_weight is None else edge_weight.view(-1, 1) * x_j

    def message_and_aggregate(
        self, edge_index: CSC, x: Tensor, edge_weight: Tensor | None
    ) -> Tensor:
        """Return the aggregate of the sources' (weighted) features."""
        return gather(edge_index, x, self.aggr, edge_weight)


def _with_loops(
    edge_index: Adjacency, edge_weight: Tensor | None, num_nodes: int
) -> tuple[Adjacency, Tensor | None]:
    """Add a self-loop of weight 1 to every target."""
    if is_sparse_tensor(edge_index):
        return torch_sparse().set_diag(edge_index), edge_weight
    if isinstance(edge_index, CSC):
        weight = edge_index.weight if edge_weight is None else edge_weight
        return _csc_with_loops(edge_index, weight)
    return add_self_loops(edge_index, edge_weight, 1.0, num_nodes)


def _csc_with_loops(csc: CSC, weight: Tensor | None) -> tuple[CSC, Tensor | None]:
    """Add a self-loop behind the in-edges of every target."""
    nodes = torch.arange(csc.num_dst, device=csc.indices.device)
    indptr = csc.indptr + torch.arange(csc.num_dst + 1, device=csc.indices.device)
    place = torch.arange(csc.num_edges, device=csc.indices.device) + csc.targets()
    indices = csc.indices.new_empty(csc.num_edges + csc.num_dst)
    indices = indices.index_copy(0, place, csc.indices).index_copy(0, indptr[1:] - 1, nodes)
    if weight is not None:
        ones = weight.new_ones(csc.num_edges + csc.num_dst)
        weight = ones.index_copy(0, place, weight.view(-1))
    return CSC(indptr, indices, csc.num_src, None), weight
