"""The graph convolution of Kipf and Welling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import inits
from distgnn.nn.conv.features import aggregate_first, as_pair, sorted_weight
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.conv.normalized import NormalizedAdjacency, normalize
from distgnn.nn.linear import Linear
from distgnn.nn.ops import is_sparse_tensor
from distgnn.nn.row_linear import add_bias
from distgnn.nn.utils.gcn_norm import gcn_norm

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class GCNConv(MessagePassing):
    r"""Graph convolution: a linear map of the normalised sum over neighbours and self.

    From `"Semi-supervised Classification with Graph Convolutional Networks"
    <https://arxiv.org/abs/1609.02907>`_.

    .. math::
        \mathbf{X}^{\prime} = \mathbf{\hat{D}}^{-1/2} \mathbf{\hat{A}} \mathbf{\hat{D}}^{-1/2}
        \mathbf{X} \mathbf{\Theta}

    :math:`\mathbf{\hat{A}} = \mathbf{A} + \mathbf{I}`, :math:`\mathbf{\hat{D}}` the sum of its
    weights per target. It multiplies by the adjacency or by the weights first, whichever is
    cheaper.

    Args:
        in_channels: Size of each input sample, or -1: taken from the first input.
        out_channels: Size of each output sample.
        improved: New self-loops weigh 2 instead of 1, where there are edge weights (or, for a
            `SparseTensor`, always). Default False.
        cached: Keep the normalised adjacency of the first call: for a graph that never changes.
            Default False.
        add_self_loops: Give every node a self-loop; one that exists keeps its weight. Default
            None: if `normalize`.
        normalize: Whether the adjacency is normalised. Default True.
        bias: If False, no bias is learned. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, or a pair of which the second
          part are the first rows of the first: the targets; edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge weights :math:`(|\mathcal{E}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F_{out})`, a row per target

    Raises:
        ArgumentError: `add_self_loops` is asked for without `normalize`.
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        improved: bool = False,
        cached: bool = False,
        add_self_loops: bool | None = None,
        normalize: bool = True,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("aggr", "add")
        super().__init__(**kwargs)
        if add_self_loops is None:
            add_self_loops = normalize
        if add_self_loops and not normalize:
            msg = (
                "add_self_loops=True needs normalize=True: without normalisation no self-loops are "
                "added; add them to edge_index, or leave add_self_loops out"
            )
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.improved = improved
        self.cached = cached
        self.add_self_loops = add_self_loops
        self.normalize = normalize
        self._cached_adjacency: NormalizedAdjacency | None = None
        self._cached_edges: Any = None
        self.lin = Linear(in_channels, out_channels, bias=False, weight_initializer="glorot")
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew and forget the cached adjacency."""
        super().reset_parameters()
        self.lin.reset_parameters()
        inits.zeros(self.bias)
        self._cached_adjacency = None
        self._cached_edges = None

    def forward(
        self, x: Features, edge_index: Adjacency, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or (sources, targets); see the class.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E]; None: 1, or the values of the `SparseTensor` or `CSC`.

        Returns:
            Float [number of targets, out_channels].
        """
        x_src, x_dst = as_pair(x, edge_index)
        if self.can_fuse(x_src) and self.aggr in ("add", "sum"):
            adjacency = self._normalized(x_src, x_dst.size(0), edge_index, edge_weight)
            csc, size = adjacency.csc, x_src.size(1)
            if aggregate_first(csc, size, self.out_channels):
                out = self.lin(self.propagate(csc, x=x_src, normalized=adjacency))
            else:
                out = self.propagate(csc, x=self.lin(x_src), normalized=adjacency)
        else:
            edge_index, edge_weight = self._weighted(x_src, edge_index, edge_weight)
            out = self.propagate(edge_index, x=self.lin(x_src), edge_weight=edge_weight)
            out = out[: x_dst.size(0)]
        return add_bias(out, self.bias)

    def degree_scale(self, csc: CSC) -> Tensor | None:
        """Return the degree^-1/2 of each target that this layer normalises by, float32 [num_dst].

        None where it does not normalise. Rows of a larger graph have it for every source
        (`CSC.src_scale`).
        """
        if not self.normalize:
            return None
        x = torch.empty(csc.num_src, 0, device=csc.indices.device)
        return self._normalized(x, csc.num_dst, csc, None).scales[0]

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Return the source's features, times the edge's weight."""
        return x_j if edge_weight is None else edge_weight.view(-1, 1) * x_j

    def message_and_aggregate(
        self,
        edge_index: CSC,  # noqa: ARG002 -- it is in `normalized`
        x: Tensor,
        normalized: NormalizedAdjacency,
    ) -> Tensor:
        """Multiply the normalised adjacency by `x`."""
        return normalized.multiply(x)

    def _normalized(
        self, x: Tensor, num_dst: int, edge_index: Adjacency, edge_weight: Tensor | None
    ) -> NormalizedAdjacency:
        if self._cached_adjacency is not None:
            return self._cached_adjacency
        csc, order = self.sorted_edges(edge_index, x.size(0), num_dst)
        weight = sorted_weight(csc, order, edge_weight)
        if self.normalize:
            of_matrix = is_sparse_tensor(edge_index)
            loops = 2.0 if self.improved and (of_matrix or weight is not None) else 1.0
            adjacency = normalize(
                csc,
                weight,
                x.dtype,
                loop_weight=loops if self.add_self_loops else None,
                keep_loops=not of_matrix,
            )
        else:
            adjacency = NormalizedAdjacency(csc, weight)
        if self.cached:
            self._cached_adjacency = adjacency
        return adjacency

    def _weighted(
        self, x: Tensor, edge_index: Adjacency, edge_weight: Tensor | None
    ) -> tuple[Adjacency, Tensor | None]:
        """Return the edges and weights in the plain form, self-loops added."""
        if not self.normalize:
            return edge_index, edge_weight
        if self._cached_edges is None:
            found = gcn_norm(
                edge_index, edge_weight, x.size(0), self.improved, self.add_self_loops, self.flow,
                x.dtype,
            )  # fmt: skip
            found = found if isinstance(found, tuple) else (found, None)
            if not self.cached:
                return found
            self._cached_edges = found
        return self._cached_edges
