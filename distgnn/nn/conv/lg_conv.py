"""The LightGCN convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distgnn.nn.conv.features import as_pair, sorted_weight
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.conv.normalized import NormalizedAdjacency, normalize
from distgnn.nn.utils.gcn_norm import gcn_norm

if TYPE_CHECKING:
    from torch import Tensor

    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class LGConv(MessagePassing):
    r"""Light graph convolution: the symmetrically normalised sum of the neighbours, no weights.

    From `"LightGCN: Simplifying and Powering Graph Convolution Network for Recommendation"
    <https://arxiv.org/abs/2002.02126>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \sum_{j \in \mathcal{N}(i)}
        \frac{e_{j,i}}{\sqrt{\deg(i)\deg(j)}} \mathbf{x}_j

    No self-loops are added.

    Args:
        normalize: Whether the sum is normalised. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, or a pair of which the second part
          are the first rows of the first: the targets; edges :math:`(2, |\mathcal{E}|)`,
          `SparseTensor` or `CSC`; edge weights :math:`(|\mathcal{E}|)` *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`, a row per target
    """

    fuses_csc = True

    def __init__(self, normalize: bool = True, **kwargs: Any) -> None:
        kwargs.setdefault("aggr", "add")
        super().__init__(**kwargs)
        self.normalize = normalize

    def forward(
        self, x: Features, edge_index: Adjacency, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, F], or (sources, targets); see the class.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E]; None: 1, or the values of the `SparseTensor` or `CSC`.

        Returns:
            Float [number of targets, F].
        """
        x_src, x_dst = as_pair(x, edge_index)
        if self.can_fuse(x_src) and self.aggr in ("add", "sum"):
            adjacency = self._adjacency(x_src, x_dst.size(0), edge_index, edge_weight)
            return self.propagate(adjacency.csc, x=x_src, normalized=adjacency)
        if self.normalize:
            found = gcn_norm(
                edge_index, edge_weight, x_src.size(0), add_self_loops=False, flow=self.flow,
                dtype=x_src.dtype,
            )  # fmt: skip
            edge_index, edge_weight = found if isinstance(found, tuple) else (found, None)
        out = self.propagate(edge_index, x=x_src, edge_weight=edge_weight)
        return out[: x_dst.size(0)]

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

    def _adjacency(
        self, x: Tensor, num_dst: int, edge_index: Adjacency, edge_weight: Tensor | None
    ) -> NormalizedAdjacency:
        csc, order = self.sorted_edges(edge_index, x.size(0), num_dst)
        weight = sorted_weight(csc, order, edge_weight)
        if not self.normalize:
            return NormalizedAdjacency(csc, weight)
        return normalize(csc, weight, x.dtype, loop_weight=None)
