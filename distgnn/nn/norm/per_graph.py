"""Means over the nodes of each graph, spread back to the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.nn.utils.scatter import count_groups, scatter

if TYPE_CHECKING:
    from torch import Tensor


def graph_mean(x: Tensor, batch: Tensor | None, batch_size: int | None = None) -> Tensor:
    """Return the mean over each graph's nodes, for every node.

    Args:
        x: Node features, float [N, F].
        batch: The graph of each node, int64 [N]; None: all nodes are one graph.
        batch_size: Number of graphs; None: one more than the largest of `batch`.

    Returns:
        float [N, F], or [1, F] without `batch`: in both cases it broadcasts against `x`.
    """
    if batch is None:
        return x.sum(dim=0, keepdim=True) / max(x.size(0), 1)
    size = count_groups(batch, batch_size)
    return scatter(x, batch, 0, size, "mean").index_select(0, batch)
