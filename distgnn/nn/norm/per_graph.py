"""Means over the nodes of each graph, and values of graphs spread to their nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.scatter import count_groups, scatter

if TYPE_CHECKING:
    from torch import Tensor, nn


def graph_mean(x: Tensor, batch: Tensor | None, batch_size: int | None = None) -> Tensor:
    """Return the mean over each graph's nodes.

    Args:
        x: Node features, float [N, F].
        batch: The graph of each node, int64 [N]; None: all nodes are one graph.
        batch_size: Number of graphs B; None: one more than the largest of `batch`.

    Returns:
        float [B, F], or [1, F] without `batch`.
    """
    if batch is None:
        return x.sum(dim=0, keepdim=True) / max(x.size(0), 1)
    return scatter(x, batch, 0, count_groups(batch, batch_size), "mean")


def to_nodes(values: Tensor, batch: Tensor | None) -> Tensor:
    """Return the value of each node's graph, [N, F]; without `batch`, the `values` [1, F]."""
    return values if batch is None else values.index_select(0, batch)


def check_input(norm: nn.Module, x: Tensor, in_channels: int, batch: Tensor | None) -> None:
    """Check the shapes of what a norm is given.

    Raises:
        ArgumentError: `x` is not [N, in_channels], or `batch` not [N].
    """
    if x.size(-1) != in_channels:
        msg = f"x has shape {list(x.shape)}, but {norm!r} was built for [N, {in_channels}]"
        raise ArgumentError(msg)
    if batch is not None and batch.shape != x.shape[:1]:
        msg = f"batch has shape {list(batch.shape)}, expected [{x.size(0)}]: the graph of each node"
        raise ArgumentError(msg)
