"""Pooling of all nodes of a graph to one row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.nn.aggr.basic import MaxAggregation, MeanAggregation, SumAggregation

if TYPE_CHECKING:
    from torch import Tensor

    from distgnn.nn.aggr.base import Aggregation


def global_add_pool(x: Tensor, batch: Tensor | None, size: int | None = None) -> Tensor:
    r"""Sum node features over each graph: :math:`\mathbf{r}_g = \sum_{n \in g} \mathbf{x}_n`.

    Args:
        x: Node features, float [..., N, F].
        batch: The graph of each node, int64 [N]; None: all nodes are one graph.
        size: Number of graphs G; None: one more than the largest of `batch`.

    Returns:
        float [..., G, F], a graph without nodes has 0. Without `batch`, one row ([1, F]), or none
        ([..., F]) if `x` has more than two dimensions.
    """
    return _pool(SumAggregation(), x, batch, size)


def global_mean_pool(x: Tensor, batch: Tensor | None, size: int | None = None) -> Tensor:
    r"""Average node features over each graph, as `global_add_pool` sums them.

    :math:`\mathbf{r}_g = \frac{1}{N_g} \sum_{n \in g} \mathbf{x}_n`.

    Args:
        x: Node features, float [..., N, F].
        batch: The graph of each node, int64 [N]; None: all nodes are one graph.
        size: Number of graphs G; None: one more than the largest of `batch`.

    Returns:
        As `global_add_pool`.
    """
    return _pool(MeanAggregation(), x, batch, size)


def global_max_pool(x: Tensor, batch: Tensor | None, size: int | None = None) -> Tensor:
    r"""Take the maximum of each channel over each graph, as `global_add_pool` sums them.

    :math:`\mathbf{r}_g = \max_{n \in g} \mathbf{x}_n`.

    Args:
        x: Node features, float [..., N, F].
        batch: The graph of each node, int64 [N]; None: all nodes are one graph.
        size: Number of graphs G; None: one more than the largest of `batch`.

    Returns:
        As `global_add_pool`.
    """
    return _pool(MaxAggregation(), x, batch, size)


def _pool(aggr: Aggregation, x: Tensor, batch: Tensor | None, size: int | None) -> Tensor:
    dim = -1 if x.dim() == 1 else -2
    out = aggr(x, batch, dim_size=size if batch is not None else 1, dim=dim)
    return out.squeeze(dim) if batch is None and x.dim() > 2 else out
