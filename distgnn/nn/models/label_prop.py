"""Label propagation."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import reorder, to_csc
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.conv.normalized import normalize
from distgnn.nn.ops import csc_of_sparse_tensor
from distgnn.nn.sparse import gather_sum

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.nn.adjacency import Adjacency


class LabelPropagation(MessagePassing):
    r"""Spread known labels along the edges, as used in https://arxiv.org/abs/2010.13993.

    First introduced in `"Learning from Labeled and Unlabeled Data with Label Propagation"
    <http://mlg.eng.cam.ac.uk/zoubin/papers/CMU-CALD-02-107.pdf>`_.

    .. math::
        \mathbf{Y}^{\prime} = \alpha \cdot \mathbf{D}^{-1/2} \mathbf{A} \mathbf{D}^{-1/2} \mathbf{Y}
        + (1 - \alpha) \mathbf{Y}^{(0)}

    No gradient is recorded.

    Args:
        num_layers: Number of propagations.
        alpha: The coefficient :math:`\alpha`.

    Shapes:
        - **input:** classes :math:`(|\mathcal{V}|)` or scores :math:`(|\mathcal{V}|, C)`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; mask, edge weights *(optional)*
        - **output:** scores :math:`(|\mathcal{V}|, C)`
    """

    fuses_csc = True

    def __init__(self, num_layers: int, alpha: float) -> None:
        super().__init__(aggr="add")
        self.num_layers = num_layers
        self.alpha = alpha

    @torch.no_grad()
    def forward(
        self,
        y: Tensor,
        edge_index: Adjacency,
        mask: Tensor | None = None,
        edge_weight: Tensor | None = None,
        post_step: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """Propagate.

        Args:
            y: Classes, int64 [N] or [N, 1] (negative: unknown), or scores, float [N, C].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            mask: Nodes whose labels are known, bool [N] or their indices; None: all.
            edge_weight: Float [E], taken as it is; None: the values of the `SparseTensor` or
                `CSC`, also as they are, or else the symmetric normalisation.
            post_step: Applied to the scores after each propagation; None: clamps to [0, 1].

        Returns:
            Scores, float [N, C].
        """
        labels = one_hot(y)
        if mask is not None:
            labels = torch.zeros_like(labels).index_put_((mask,), labels[mask])
        adjacency = propagation_weights(edge_index, edge_weight, y.size(0), labels.dtype)
        residual = (1 - self.alpha) * labels
        out = labels
        for _ in range(self.num_layers):
            out = self.propagate(adjacency, x=out, edge_weight=adjacency.weight)
            out = out.mul_(self.alpha).add_(residual)
            out = out.clamp_(0.0, 1.0) if post_step is None else post_step(out)
        return out

    def message(self, x_j: Tensor, edge_weight: Tensor | None) -> Tensor:
        """Return the source's scores, times the edge's weight."""
        return x_j if edge_weight is None else edge_weight.view(-1, 1) * x_j

    def message_and_aggregate(self, adj_t: Adjacency, x: Tensor) -> Tensor:
        """Multiply the adjacency (a `CSC` or `SparseTensor`) by the scores."""
        csc = adj_t if isinstance(adj_t, CSC) else csc_of_sparse_tensor(adj_t)
        return gather_sum(csc, x, csc.weight)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_layers={self.num_layers}, alpha={self.alpha})"


def one_hot(y: Tensor, num_classes: int | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """Return scores: classes (int64 [N] or [N, 1]) as unit rows, scores as they are.

    Args:
        y: Classes or scores; a negative class gives a row of zeros.
        num_classes: Number of classes; None: one more than the largest.
        dtype: Type of the rows; None: torch's default float.

    Raises:
        ArgumentError: A class is not below `num_classes`.
    """
    if y.dtype != torch.int64 or y.numel() != y.size(0):
        return y if y.is_floating_point() else y.to(dtype or torch.get_default_dtype())
    y = y.view(-1)
    largest = int(y.max()) if y.numel() > 0 else -1
    if num_classes is None:
        num_classes = largest + 1
    elif largest >= num_classes:
        msg = f"y names class {largest}, but there are {num_classes} classes (columns of y_soft)"
        raise ArgumentError(msg)
    rows = torch.zeros(y.numel(), num_classes, dtype=dtype, device=y.device)
    known = y >= 0
    return rows.scatter_(1, y.clamp(min=0).view(-1, 1), known.to(rows.dtype).view(-1, 1))


def propagation_weights(
    edge_index: Adjacency, edge_weight: Tensor | None, num_nodes: int, dtype: torch.dtype
) -> CSC:
    """Return the edges with the given weights, or else symmetrically normalised, as CSC."""
    csc, order = to_csc(edge_index, num_nodes, num_nodes)
    weight = csc.weight if edge_weight is None else reorder(order, edge_weight)
    if weight is None:
        # One number an edge is read in every propagation: normalise once.
        row_scale, col_scale = normalize(csc, None, dtype, loop_weight=None).scales
        if row_scale is not None and col_scale is not None:
            weight = row_scale[csc.targets()] * col_scale[csc.indices]
    return replace(csc, weight=None if weight is None else weight.to(dtype))
