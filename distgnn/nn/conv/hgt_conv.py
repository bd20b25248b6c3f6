"""The convolution of the heterogeneous graph transformer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.csc import CSC, group_by
from distgnn.exceptions import ArgumentError
from distgnn.nn import inits
from distgnn.nn.adjacency import check_range
from distgnn.nn.conv.arguments import edges_of
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import HeteroDictLinear
from distgnn.nn.sparse import edge_dot, edge_softmax, gather_sum
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distgnn.nn.adjacency import Adjacency
    from distgnn.schema import EdgeType, NodeType


class HGTConv(MessagePassing):
    r"""Heterogeneous graph transformer: attention with maps per node type and edge type.

    From `"Heterogeneous Graph Transformer" <https://arxiv.org/abs/2003.01332>`_. Keys, queries and
    values are maps of the node type; keys and values pass a further map of the edge type r, and
    :math:`\mu_r` weighs it. For the in-edges of a target, of all edge types together:

    .. math::
        \alpha_{j,i} = \mathrm{softmax}_j \left( \frac{\mu_r}{\sqrt{d}} \mathbf{q}_i^{\top}
        \mathbf{W}^{ATT}_r \mathbf{k}_j \right), \quad
        \mathbf{h}_i = \mathrm{Lin}_{\tau(i)} \left( \mathrm{GELU} \sum_j \alpha_{j,i}
        \mathbf{W}^{MSG}_r \mathbf{v}_j \right)

    and, where sizes allow for it, the output is :math:`\beta_{\tau(i)} \mathbf{h}_i + (1 -
    \beta_{\tau(i)}) \mathbf{x}_i` with a learned gate.

    Args:
        in_channels: Size of each input sample (-1: from the first input), or the sizes by node
            type.
        out_channels: Size of each output sample, a multiple of `heads`.
        metadata: Node types and edge types of the graph.
        heads: Number of heads. Default 1.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** dictionaries of node features :math:`(|\mathcal{V}_t|, F_t)` by node type, and
          of edges :math:`(2, |\mathcal{E}_r|)` (`SparseTensor`, `CSC`) by edge type
        - **output:** a dictionary of :math:`(|\mathcal{V}_t|, F_{out})` by node type with in-edges

    Raises:
        ArgumentError: `heads` does not divide `out_channels`.
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int | Mapping[NodeType, int],
        out_channels: int,
        metadata: tuple[Sequence[NodeType], Sequence[EdgeType]],
        heads: int = 1,
        **kwargs: Any,
    ) -> None:
        super().__init__(aggr="add", node_dim=0, **kwargs)
        if out_channels % heads:
            msg = f"heads={heads} does not divide out_channels={out_channels}"
            raise ArgumentError(msg)
        node_types, edge_types = metadata
        if isinstance(in_channels, int):
            in_channels = dict.fromkeys(node_types, in_channels)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.heads = heads
        self.node_types = list(node_types)
        self.edge_types = list(edge_types)
        self.dst_node_types = {target for _, _, target in edge_types}
        self.kqv_lin = HeteroDictLinear(in_channels, 3 * out_channels)
        self.out_lin = HeteroDictLinear(out_channels, out_channels, types=self.node_types)
        size = out_channels // heads
        self.k_rel = _EdgeTypeMaps(heads, len(self.edge_types), size)
        self.v_rel = _EdgeTypeMaps(heads, len(self.edge_types), size)
        self.skip = nn.ParameterDict({t: nn.Parameter(torch.empty(1)) for t in node_types})
        self.p_rel = nn.ParameterDict(
            {edge_key(t): nn.Parameter(torch.empty(1, heads)) for t in self.edge_types}
        )
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        for module in (self.kqv_lin, self.out_lin, self.k_rel, self.v_rel):
            module.reset_parameters()
        for parameter in (*self.skip.values(), *self.p_rel.values()):
            inits.ones(parameter)

    def forward(
        self, x_dict: Mapping[NodeType, Tensor], edge_index_dict: Mapping[EdgeType, Adjacency]
    ) -> dict[NodeType, Tensor | None]:
        """Convolve.

        Args:
            x_dict: Node features by type, float [N_t, in_channels].
            edge_index_dict: Edges by type: int64 [2, E], `SparseTensor` or `CSC`.

        Returns:
            Float [number of targets, out_channels] by node type.
        """
        keys, queries, values = {}, {}, {}
        for node_type, kqv in self.kqv_lin(x_dict).items():
            keys[node_type], queries[node_type], values[node_type] = kqv.chunk(3, dim=-1)
        arriving: dict[NodeType, list[tuple[int, Adjacency]]] = {}
        for number, edge_type in enumerate(self.edge_types):
            if edge_type in edge_index_dict and edge_type[0] in keys and edge_type[2] in queries:
                arriving.setdefault(edge_type[2], []).append((number, edge_index_dict[edge_type]))
        out: dict[NodeType, Tensor | None] = {}
        for node_type in filter(arriving.get, self.node_types):
            out[node_type] = self._attend(arriving[node_type], keys, queries[node_type], values)
        mapped = self.out_lin({t: F.gelu(h) for t, h in out.items() if h is not None})
        for node_type, h in mapped.items():
            x = x_dict[node_type][: h.size(0)]
            if h.size(-1) == x.size(-1):
                gate = self.skip[node_type].sigmoid()
                h = gate * h + (1 - gate) * x
            out[node_type] = h
        return out

    def message(self, x_j: Tensor, alpha: Tensor) -> Tensor:
        """Return the value of each edge's source, times the attention."""
        return (x_j.view(-1, self.heads, x_j.size(1) // self.heads) * alpha.unsqueeze(-1)).flatten(
            1
        )

    def message_and_aggregate(self, edge_index: CSC, x: Tensor, alpha: Tensor) -> Tensor:
        """Return the sum of the values, weighted by the attention."""
        return gather_sum(edge_index, x, alpha)

    def _attend(
        self,
        edges: list[tuple[int, Adjacency]],
        keys: Mapping[NodeType, Tensor],
        query: Tensor,
        values: Mapping[NodeType, Tensor],
    ) -> Tensor:
        """Attend to the sources of all edge types that arrive at one node type."""
        all_keys, all_values, sources, targets, start = [], [], [], [], 0
        num_dst = query.size(0)
        for number, edge_index in edges:
            edge_type = self.edge_types[number]
            key, value = keys[edge_type[0]], values[edge_type[0]]
            if isinstance(edge_index, CSC):
                num_dst = edge_index.num_dst
            prior = self.p_rel[edge_key(edge_type)].repeat_interleave(key.size(1) // self.heads, 1)
            all_keys.append(self.k_rel(key, number) * prior)
            all_values.append(self.v_rel(value, number))
            ends = edges_of(edge_index).ends
            check_range(ends[0], key.size(0), f"sources of {edge_type}")
            check_range(ends[1], num_dst, f"targets of {edge_type}")
            sources.append(ends[0] + start)
            targets.append(ends[1])
            start += key.size(0)
        source, target = torch.cat(sources), torch.cat(targets)
        indptr, order = group_by(target, num_dst)
        csc = CSC(indptr.long(), source[order], start)
        scores = edge_dot(csc, query[:num_dst], torch.cat(all_keys), self.heads)
        alpha = edge_softmax(csc, scores / math.sqrt(self.out_channels // self.heads))
        return self.propagate(csc, x=torch.cat(all_values), alpha=alpha)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(-1, {self.out_channels}, heads={self.heads})"


class _EdgeTypeMaps(nn.Module):
    """A square map per head and edge type, stored head by head as in checkpoints."""

    def __init__(self, heads: int, num_edge_types: int, size: int) -> None:
        super().__init__()
        self.heads = heads
        self.num_edge_types = num_edge_types
        self.weight = nn.Parameter(torch.empty(heads * num_edge_types, size, size))

    def reset_parameters(self) -> None:
        """Draw the maps anew."""
        inits.kaiming_uniform(self.weight, self.weight.size(1), math.sqrt(5))

    def forward(self, x: Tensor, number: int) -> Tensor:
        """Map float [N, heads * size] by the maps of edge type `number`."""
        weight = self.weight[number :: self.num_edge_types]
        blocks = x.view(-1, self.heads, weight.size(1))
        return torch.einsum("nhi,hio->nho", blocks, weight).flatten(1)
