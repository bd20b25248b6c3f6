"""A batch put together hop by hop, for edges that are drawn elsewhere (see `samplers.hop`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distgnn.samplers._kernels import Numbering
from distgnn.samplers.base import SampledEdges, SampledSubgraph

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distgnn.samplers.base import Int64s
    from distgnn.samplers.hop import DrawnEdges
    from distgnn.schema import EdgeType, GraphSchema, NodeType


class HopAssembler:
    """Numbers the nodes of one batch and lays its edges out, as `NeighborSampler` does.

    For each hop: draw in-edges for the `frontier` of each followed edge type's destinations, `add`
    them in the order of `edge_types`, and `end_hop`. Then take the `subgraph`.
    """

    def __init__(
        self,
        schema: GraphSchema,
        edge_types: Iterable[EdgeType],
        seeds: Mapping[NodeType, Int64s],
        *,
        epoch: int,
        batch: int,
    ) -> None:
        """Begin with the seeds.

        Args:
            schema: The graph's types.
            edge_types: Those that are followed; the order in which they are given does not matter.
            seeds: Global ids by node type, int64 [B], each once.
            epoch: Number of the epoch.
            batch: Number of the batch.
        """
        followed = set(edge_types)
        self.edge_types = [name for name in schema.edge_types if name in followed]
        """The edge types that are followed, in the order in which they are added at each hop."""
        self._epoch, self._batch = epoch, batch
        self._numbering = {name: Numbering() for name in schema.node_types}
        for name, ids in seeds.items():
            self._numbering[name].label(ids)
        self._per_hop = {name: [len(found)] for name, found in self._numbering.items()}
        self._begin = dict.fromkeys(self._numbering, 0)
        self._frontiers = {name: found.nodes() for name, found in self._numbering.items()}
        self._drawn: dict[EdgeType, list[DrawnEdges]] = {name: [] for name in self.edge_types}
        self._labels: dict[EdgeType, list[Int64s]] = {name: [] for name in self.edge_types}

    def frontier(self, node_type: NodeType) -> Int64s:
        """Return the nodes of a type that this hop expands: global ids, int64 [n]."""
        return self._frontiers[node_type]

    def add(self, edge_type: EdgeType, drawn: DrawnEdges) -> None:
        """Add what was drawn at this hop for the frontier of the edge type's destinations."""
        self._drawn[edge_type].append(drawn)
        self._labels[edge_type].append(self._numbering[edge_type[0]].label(drawn.sources))

    def end_hop(self) -> None:
        """End a hop: the nodes that it found are the next frontier."""
        for name, numbering in self._numbering.items():
            self._begin[name] += len(self._frontiers[name])
            self._frontiers[name] = numbering.nodes(self._begin[name])
            self._per_hop[name].append(len(self._frontiers[name]))

    def subgraph(self) -> SampledSubgraph:
        """Return the batch."""
        return SampledSubgraph(
            nodes={name: numbering.nodes() for name, numbering in self._numbering.items()},
            num_nodes_per_hop={name: list(counts) for name, counts in self._per_hop.items()},
            edges={name: self._edges(name) for name in self.edge_types},
            epoch=self._epoch,
            batch=self._batch,
        )

    def _edges(self, edge_type: EdgeType) -> SampledEdges:
        drawn = self._drawn[edge_type]
        num_picks = np.concatenate([hop.num_picks for hop in drawn])
        weights = [hop.weight for hop in drawn if hop.weight is not None]
        return SampledEdges(
            indptr=np.concatenate([[0], np.cumsum(num_picks)]),
            indices=np.concatenate(self._labels[edge_type]),
            position=np.concatenate([hop.position for hop in drawn]),
            num_per_hop=[len(hop.sources) for hop in drawn],
            weight=np.concatenate(weights) if weights else None,
        )
