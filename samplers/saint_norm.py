"""GraphSAINT's weights of edges and losses, estimated by counting.

Zeng et al., "GraphSAINT", ICLR 2020, section 3.2: alpha(u, v) = p(u, v) / p(v) divides the message
of an edge, lambda(v) proportional to p(v) the loss of a node.
"""

from __future__ import annotations

import dataclasses
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from distgnn.samplers.base import Int64s, SampledSubgraph
    from distgnn.schema import EdgeType

_LOG = logging.getLogger(__name__)

PRESAMPLING = (1 << 64) - 1
"""The epoch of subgraphs that are drawn for counting: none that a training could reach."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SaintNorm:
    """How often nodes and edges were drawn; what never was counts as drawn once."""

    num_subgraphs: int
    num_drawn: int
    """Nodes of all subgraphs together."""
    node_count: npt.NDArray[np.int32]
    """int32 [N] by raw row."""
    edge_count: npt.NDArray[np.int32]
    """int32 [E] by position."""

    def weighted(
        self, subgraph: SampledSubgraph, edge_type: EdgeType, rows: Int64s, *, num_seeds: int
    ) -> SampledSubgraph:
        """Return `subgraph` with the weights of its edges and seeds.

        Args:
            subgraph: A drawn subgraph.
            edge_type: The only edge type.
            rows: Raw rows of its nodes, int64 [N].
            num_seeds: Seeds of the whole graph.
        """
        edges = subgraph.edges[edge_type]
        drawn = np.maximum(self.node_count[rows], 1).astype(np.float32)
        weight = np.repeat(drawn, np.diff(edges.indptr))
        weight /= np.maximum(self.edge_count[edges.position], 1)
        batch_size = subgraph.num_nodes_per_hop[edge_type[2]][0]
        factor = np.float32(batch_size * self.num_subgraphs / num_seeds)
        return dataclasses.replace(
            subgraph,
            edges={edge_type: dataclasses.replace(edges, weight=weight)},
            seed_weight=factor / drawn[:batch_size],
        )


def estimate(
    draw: Callable[[int], tuple[Int64s, SampledSubgraph]],
    *,
    num_nodes: int,
    num_edges: int,
    edge_type: EdgeType,
    coverage: int,
) -> SaintNorm:
    """Return the counts of as many subgraphs as hold `coverage` times the nodes of the graph.

    Args:
        draw: Gives the raw rows and the subgraph of a number.
        num_nodes: Nodes of the graph.
        num_edges: Edges of the graph.
        edge_type: Their type.
        coverage: How often a node is drawn on average.
    """
    node_count = np.zeros(num_nodes, np.int32)
    edge_count = np.zeros(num_edges, np.int32)
    num_subgraphs = num_drawn = 0
    while num_drawn < coverage * num_nodes:
        rows, subgraph = draw(num_subgraphs)
        node_count[rows] += 1
        edge_count[subgraph.edges[edge_type].position] += 1
        num_subgraphs += 1
        num_drawn += len(rows)
    never = int((node_count == 0).sum())
    _LOG.info("%d subgraphs drawn to estimate weights; %d nodes in none", num_subgraphs, never)
    return SaintNorm(
        num_subgraphs=num_subgraphs,
        num_drawn=num_drawn,
        node_count=node_count,
        edge_count=edge_count,
    )
