"""The relational graph convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.csc import CSC, group_by
from distgnn.exceptions import ArgumentError
from distgnn.nn import inits
from distgnn.nn.adjacency import check_range, infer_sizes
from distgnn.nn.conv.arguments import edges_of
from distgnn.nn.conv.features import check_width
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.sparse import gather

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

Inputs = Tensor | tuple[Tensor | None, Tensor] | None


class RGCNConv(MessagePassing):
    r"""Graph convolution with a linear map of its own for each relation.

    From `"Modeling Relational Data with Graph Convolutional Networks"
    <https://arxiv.org/abs/1703.06103>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \mathbf{\Theta}_{root} \mathbf{x}_i + \sum_{r \in \mathcal{R}}
        \mathrm{mean}_{j \in \mathcal{N}_r(i)} \mathbf{\Theta}_r \mathbf{x}_j

    With `num_bases`, :math:`\mathbf{\Theta}_r = \sum_b a_{rb} \mathbf{B}_b`; with `num_blocks`, it
    is block-diagonal.

    Args:
        in_channels: Size of each input sample, or sizes of sources and targets; for input by node
            number, the number of nodes.
        out_channels: Size of each output sample.
        num_relations: Number of relations.
        num_bases: Number of bases that relations share; None: no sharing. Default None.
        num_blocks: Number of blocks of each map; None: full maps. Default None.
        aggr: Aggregation within a relation, by name. Default ``"mean"``.
        root_weight: If False, the target's own features are not added. Default True.
        is_sorted: Accepted for compatibility: edges are sorted here in any case. Default False.
        bias: If False, no bias is learned. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, node numbers
          :math:`(|\mathcal{V}|)`, None (all nodes, by number) or a pair; edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; relations :math:`(|\mathcal{E}|)`
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`

    Raises:
        ArgumentError: Both bases and blocks are asked for, or blocks do not divide the sizes.
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        num_relations: int,
        num_bases: int | None = None,
        num_blocks: int | None = None,
        aggr: str = "mean",
        root_weight: bool = True,
        is_sorted: bool = False,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(aggr=aggr, node_dim=0, **kwargs)
        src, dst = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        if num_bases is not None and num_blocks is not None:
            msg = f"num_bases={num_bases} and num_blocks={num_blocks} exclude one another: give one"
            raise ArgumentError(msg)
        if num_blocks is not None and (src % num_blocks or out_channels % num_blocks):
            msg = (
                f"num_blocks={num_blocks} does not divide in_channels={src} and "
                f"out_channels={out_channels}"
            )
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.in_channels_l = src
        self.out_channels = out_channels
        self.num_relations = num_relations
        self.num_bases = num_bases
        self.num_blocks = num_blocks
        self.is_sorted = is_sorted
        if num_bases is not None:
            self.weight = nn.Parameter(torch.empty(num_bases, src, out_channels))
            self.comp = nn.Parameter(torch.empty(num_relations, num_bases))
        elif num_blocks is not None:
            blocks = (num_blocks, src // num_blocks, out_channels // num_blocks)
            self.weight = nn.Parameter(torch.empty(num_relations, *blocks))
        else:
            self.weight = nn.Parameter(torch.empty(num_relations, src, out_channels))
        self.root = nn.Parameter(torch.empty(dst, out_channels)) if root_weight else None
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self._mask_of_relation: Tensor | None = None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        inits.glorot(self.weight)
        if self.num_bases is not None:
            inits.glorot(self.comp)
        inits.glorot(self.root)
        inits.zeros(self.bias)

    def forward(self, x: Inputs, edge_index: Adjacency, edge_type: Tensor | None = None) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels]; node numbers, int64 [N]; None: all nodes; or
                a pair, of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` (its values are the relations) or `CSC`.
            edge_type: Relation of each edge, int64 [E], from 0.

        Returns:
            Float [number of targets, out_channels].

        Raises:
            ArgumentError: Relations are missing or of the wrong shape, or blocks meet node numbers.
        """
        x_src, x_dst = self._inputs(x, edge_index)
        edges = edges_of(edge_index)
        given = edges.values if edge_type is None else edge_type
        relation = _check_relations(given, edges.ends[0].numel())
        num_src, num_dst = x_src.size(0), x_dst.size(0)
        if x_src.is_floating_point():
            check_width(x_src, self.in_channels_l)
        weight = self._weight()
        out = weight.new_zeros(num_dst, self.out_channels)
        for number, (csc, rows) in enumerate(self._by_relation(edges, relation, num_src, num_dst)):
            if torch.compiler.is_compiling() or csc.num_edges:  # a number unknown while tracing
                out = out + self._relation(csc, rows, x_src, weight[number])
        if self.root is not None:
            floating = x_dst.is_floating_point()
            out = out + (x_dst @ self.root if floating else self.root.index_select(0, x_dst))
        return out if self.bias is None else out + self.bias

    def message(self, x_j: Tensor) -> Tensor:
        """Return the source's features."""
        return x_j

    def message_and_aggregate(self, edge_index: CSC, x: Tensor) -> Tensor:
        """Return the aggregate of the sources' features."""
        return gather(edge_index, x, self.aggr)

    def explain_message(self, inputs: Tensor, dim_size: int | None) -> Tensor:
        """Multiply the messages of one relation by the mask's entries of its edges."""
        mask, self._edge_mask = self._edge_mask, self._mask_of_relation
        try:
            return super().explain_message(inputs, dim_size)
        finally:
            self._edge_mask = mask

    def _relation(self, csc: CSC, rows: Tensor, x: Tensor, weight: Tensor) -> Tensor:
        """Return what one relation adds, [num_dst, out_channels]."""
        self._mask_of_relation = None if self._edge_mask is None else self._edge_mask[rows]
        if not x.is_floating_point():
            if self.num_blocks is not None:
                msg = "num_blocks needs features: node numbers only go with full maps or bases"
                raise ArgumentError(msg)
            return self.propagate(csc, x=weight.index_select(0, x))
        out = self.propagate(csc, x=x)
        if self.num_blocks is None:
            return out @ weight
        blocks = out.view(-1, weight.size(0), weight.size(1))
        return torch.einsum("nbi,bio->nbo", blocks, weight).reshape(out.size(0), -1)

    def _by_relation(
        self, edges: Any, relation: Tensor, num_src: int, num_dst: int
    ) -> list[tuple[CSC, Tensor]]:
        """Return the edges of each relation as CSC, and which of the given edges they are."""
        source, target = edges.ends if self.flow == "source_to_target" else edges.ends[::-1]
        check_range(target, num_dst, "targets")
        check_range(relation, self.num_relations, "relations")
        indptr, order = group_by(relation * num_dst + target, self.num_relations * num_dst)
        limits = indptr[::num_dst].tolist() if num_dst else [0] * (self.num_relations + 1)
        found = []
        for number in range(self.num_relations):
            rows = order[limits[number] : limits[number + 1]]
            own = indptr[number * num_dst : (number + 1) * num_dst + 1] - limits[number]
            found.append((CSC(own.long(), source[rows], num_src), rows))
        return found

    def _inputs(self, x: Inputs, edge_index: Adjacency) -> tuple[Tensor, Tensor]:
        x_src = x[0] if isinstance(x, tuple) else x
        if x_src is None:
            x_src = torch.arange(self.in_channels_l, device=self.weight.device)
        if isinstance(x, tuple):
            return x_src, x[1]
        if isinstance(edge_index, Tensor):
            return x_src, x_src
        return x_src, x_src[: infer_sizes(edge_index, (None, None))[1]]

    def _weight(self) -> Tensor:
        if self.num_bases is None:
            return self.weight
        shared = self.comp @ self.weight.flatten(1)
        return shared.view(self.num_relations, self.in_channels_l, self.out_channels)

    def __repr__(self) -> str:
        name, sizes = type(self).__name__, f"{self.in_channels}, {self.out_channels}"
        return f"{name}({sizes}, num_relations={self.num_relations})"


def _check_relations(relation: Tensor | None, num_edges: int) -> Tensor:
    """Return the relation of each edge if there is one for each."""
    if relation is None or relation.shape != (num_edges,) or relation.is_floating_point():
        found = None if relation is None else f"{relation.dtype} {list(relation.shape)}"
        msg = f"edge_type is {found}, expected int64 [{num_edges}]: the relation of each edge"
        raise ArgumentError(msg)
    return relation
