"""Selection of the nodes that a pooling keeps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import inits
from distgnn.nn.resolver import activation_resolver
from distgnn.nn.utils.degree import degree
from distgnn.nn.utils.scatter import scatter
from distgnn.nn.utils.softmax import softmax

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERANCE = 1e-7
"""The best node of a graph is kept even if its score is below the minimum, up to this rounding."""


@dataclass
class SelectOutput:
    """Which node goes to which cluster (supernode); nodes left out belong to none."""

    node_index: Tensor
    """int64 [n]: the nodes that are kept."""
    num_nodes: int
    """Number of nodes before pooling."""
    cluster_index: Tensor
    """int64 [n]: the cluster of each of `node_index`."""
    num_clusters: int
    """Number of clusters, the nodes after pooling."""
    weight: Tensor | None = None
    """float [n]: how much each of `node_index` contributes to its cluster."""

    def __post_init__(self) -> None:
        for name in ("node_index", "cluster_index"):
            if getattr(self, name).dim() != 1:
                msg = f"{name} has shape {list(getattr(self, name).shape)}, expected one dimension"
                raise ArgumentError(msg)
        lengths = {self.node_index.numel(), self.cluster_index.numel()}
        if self.weight is not None:
            lengths.add(self.weight.numel())
        if len(lengths) > 1:
            msg = (
                f"node_index ({self.node_index.numel()}), cluster_index "
                f"({self.cluster_index.numel()}) and weight must have the same length"
            )
            raise ArgumentError(msg)


class Select(nn.Module):
    """Base of selections: map nodes to the nodes of the pooled graph."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""

    def forward(self, *args: Any, **kwargs: Any) -> SelectOutput:
        """Return which node goes to which cluster."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class SelectTopK(Select):
    r"""Keep the nodes of each graph that score highest (https://arxiv.org/abs/1905.05178).

    Without `min_score`, :math:`\mathbf{y} = \sigma(\mathbf{X} \mathbf{p} / \lVert \mathbf{p}
    \rVert)`, and the :math:`\lceil \mathrm{ratio} \cdot N \rceil` (or `ratio` itself, if it is an
    int) highest are kept, in falling order. With it (https://arxiv.org/abs/1905.02850),
    :math:`\mathbf{y} = \mathrm{softmax}(\mathbf{X} \mathbf{p})` over each graph, and nodes above
    `min_score` are kept, at least the best one.

    Args:
        in_channels: Size of each input sample.
        ratio: A float is the share of nodes to keep, an int their number. Default 0.5.
        min_score: Score above which nodes are kept; overrides `ratio`. Default None.
        act: The activation :math:`\sigma`, by name or callable. Default ``"tanh"``.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** a `SelectOutput`

    Raises:
        ArgumentError: `ratio` is not positive, or a float above 1.
    """

    def __init__(
        self,
        in_channels: int,
        ratio: float = 0.5,
        min_score: float | None = None,
        act: str | Callable[[Tensor], Tensor] = "tanh",
    ) -> None:
        super().__init__()
        if min_score is None and (ratio <= 0 or (not isinstance(ratio, int) and ratio > 1)):
            msg = f"ratio={ratio!r} must be a share in (0, 1] (float) or a number of nodes (int)"
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.ratio = ratio
        self.min_score = min_score
        self.act = activation_resolver(act)
        self.weight = nn.Parameter(torch.empty(1, in_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the projection anew."""
        inits.uniform(self.in_channels, self.weight)

    def forward(self, x: Tensor, batch: Tensor | None = None) -> SelectOutput:
        """Score and select nodes.

        Args:
            x: Node features, float [N, F].
            batch: The graph of each node, int64 [N].

        Returns:
            The kept nodes, each a cluster of its own, and their scores as weights.
        """
        if batch is None:
            batch = torch.zeros(x.size(0), dtype=torch.int64, device=x.device)
        x = x.view(-1, 1) if x.dim() == 1 else x
        if x.size(-1) != self.in_channels:
            msg = f"x has shape {list(x.shape)}, but {self!r} was built for [N, {self.in_channels}]"
            raise ArgumentError(msg)
        score = (x * self.weight).sum(dim=-1)
        if self.min_score is None:
            score = self.act(score / self.weight.norm(p=2, dim=-1))
            kept = top_nodes(score, self.ratio, batch)
        else:
            score = softmax(score, batch)
            kept = nodes_above(score, self.min_score, batch)
        clusters = torch.arange(kept.numel(), device=x.device)
        return SelectOutput(kept, x.size(0), clusters, kept.numel(), score[kept])

    def __repr__(self) -> str:
        rule = f"ratio={self.ratio}" if self.min_score is None else f"min_score={self.min_score}"
        return f"{type(self).__name__}({self.in_channels}, {rule})"


def top_nodes(score: Tensor, ratio: float, batch: Tensor) -> Tensor:
    """Return the highest scoring nodes, int64, graph by graph in falling order of score.

    Args:
        score: float [N].
        ratio: A float is the share of each graph's nodes to keep (rounded up), an int their number.
        batch: The graph of each node, int64 [N].
    """
    num_nodes = degree(batch, dtype=torch.int64)
    if isinstance(ratio, int):
        num_kept = num_nodes.clamp(max=ratio)
    else:
        num_kept = (ratio * num_nodes.to(score.dtype)).ceil().to(torch.int64)
    by_score = score.detach().argsort(descending=True, stable=True)
    order = by_score[batch[by_score].argsort(stable=True)]
    graph = batch[order]
    start = num_nodes.cumsum(0) - num_nodes
    rank = torch.arange(order.numel(), device=order.device) - start[graph]
    return order[rank < num_kept[graph]]


def nodes_above(score: Tensor, min_score: float, batch: Tensor) -> Tensor:
    """Return the nodes that score above `min_score`, and the best of each graph, int64 in order.

    Args:
        score: float [N].
        min_score: Nodes with a score up to this are left out.
        batch: The graph of each node, int64 [N].
    """
    best = scatter(score.detach(), batch, reduce="max")
    limit = (best - TOLERANCE).clamp(max=min_score)
    return (score > limit[batch]).nonzero().flatten()
