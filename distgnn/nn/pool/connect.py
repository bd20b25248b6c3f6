"""The edges of a pooled graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from distgnn.nn.pool.select import SelectOutput


@dataclass
class ConnectOutput:
    """The pooled graph's edges."""

    edge_index: Tensor
    """int64 [2, E]."""
    edge_attr: Tensor | None = None
    """Edge features, [E, *]."""
    batch: Tensor | None = None
    """The graph of each cluster, int64 [num_clusters]."""


class Connect(nn.Module):
    """Base of connections: say how clusters are joined by edges."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""

    def forward(
        self,
        select_output: SelectOutput,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
    ) -> ConnectOutput:
        """Return the pooled graph's edges.

        Args:
            select_output: Which node goes to which cluster.
            edge_index: int64 [2, E].
            edge_attr: Edge features, [E, *].
            batch: The graph of each node, int64 [N].
        """
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class FilterEdges(Connect):
    """Keep the edges between nodes that are kept (https://arxiv.org/abs/1905.05178).

    Each cluster must be one node.

    Shapes:
        - **input:** a `SelectOutput`, edge_index :math:`(2, |E|)`
        - **output:** a `ConnectOutput`

    Raises:
        ArgumentError: (In forward) a cluster has several nodes or none.
    """

    def forward(
        self,
        select_output: SelectOutput,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
    ) -> ConnectOutput:
        """Return the edges whose two ends are kept, renumbered by cluster."""
        if select_output.num_clusters != select_output.cluster_index.numel():
            msg = (
                f"FilterEdges needs clusters of one node each, but {select_output.num_clusters} "
                f"clusters have {select_output.cluster_index.numel()} nodes"
            )
            raise ArgumentError(msg)
        edge_index, edge_attr = filter_edges(edge_index, edge_attr, select_output)
        kept: Any = None if batch is None else batch[select_output.node_index]
        return ConnectOutput(edge_index, edge_attr, kept)


def filter_edges(
    edge_index: Tensor, edge_attr: Tensor | None, selected: SelectOutput
) -> tuple[Tensor, Tensor | None]:
    """Return the edges (and their attributes) within `selected`, renumbered by cluster."""
    cluster = edge_index.new_full((selected.num_nodes,), -1)
    cluster[selected.node_index] = selected.cluster_index
    renumbered = cluster.index_select(0, edge_index.reshape(-1)).view(2, -1)
    # A bitwise or is negative if either end is -1, left out.
    kept = ((renumbered[0] | renumbered[1]) >= 0).nonzero().view(-1)
    edge_attr = None if edge_attr is None else edge_attr.index_select(0, kept)
    return renumbered.index_select(1, kept), edge_attr
