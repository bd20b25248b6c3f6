"""A subgraph of its own for each seed.

Zeng et al., "Decoupling the depth and scope of graph neural networks", NeurIPS 2021, section 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.samplers._kernels import ShadowSampler as Kernel
from distgnn.samplers.base import SampledEdges, SampledSubgraph
from distgnn.samplers.checks import only_node_type, whole_at_least
from distgnn.samplers.khop import MAX_TABLE_BYTES
from distgnn.samplers.neighbor import NeighborSampler
from distgnn.samplers.topology import topology

if TYPE_CHECKING:
    from distgnn.samplers.base import Int64s
    from distgnn.samplers.khop import Fanouts
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph


class ShadowSampler:
    """Gives every seed the subgraph induced on the nodes that sampling from it alone reaches.

    Subgraphs of a batch are disjoint: a node that several seeds reach is there several times. All
    seeds come first, then the other nodes of the first seed's subgraph in the order of their visit,
    of the second's, and so on. A network of any depth runs on them, at a cost that its depth does
    not multiply. Which nodes are reached is drawn as in `NeighborSampler`; the edges are all those
    of the followed types between them.
    """

    any_depth = True
    """Networks of any depth run on the subgraphs."""

    def __init__(
        self,
        graph: ShardedGraph,
        fanouts: Fanouts,
        *,
        replace: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample; arguments and errors are those of `NeighborSampler`."""
        self.graph = graph
        self.seed = whole_at_least("seed", seed, 0)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        self.fanouts = NeighborSampler(graph, fanouts, in_memory=in_memory).fanouts
        self._kernel = Kernel(
            topology(graph, in_memory=in_memory),
            fanouts=[self.fanouts.get(edge_type, []) for edge_type in graph.schema.edge_types],
            replace=replace,
            max_table_bytes=MAX_TABLE_BYTES,
        )

    def sample(
        self, seeds: Int64s | dict[NodeType, Int64s], *, epoch: int, batch: int
    ) -> SampledSubgraph:
        """Return the subgraphs of `seeds`, side by side.

        Args:
            seeds: Global ids of one node type, int64 [B]; by node type, or one array where the
                graph has one node type.
            epoch: Number of the epoch, at least 0.
            batch: Number of the batch within the epoch, at least 0.

        Raises:
            ArgumentError: seeds of several types, of the wrong type, out of range, or none; an
                unknown node type.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        schema = self.graph.schema
        node_type, ids = self._one_type(seeds)
        nodes, edges = self._kernel.sample(
            ids,
            seed_type=schema.node_types.index(node_type),
            seed=self.seed,
            epoch=whole_at_least("epoch", epoch, 0),
            batch=whole_at_least("batch", batch, 0),
            num_threads=self.num_threads,
        )
        num_seeds = dict.fromkeys(schema.node_types, 0) | {node_type: len(ids)}
        by_type = dict(zip(schema.node_types, nodes, strict=True))
        return SampledSubgraph(
            nodes=by_type,
            num_nodes_per_hop={
                name: [num_seeds[name], len(found) - num_seeds[name]]
                for name, found in by_type.items()
            },
            edges={
                edge_type: SampledEdges(
                    indptr=indptr, indices=indices, position=position, num_per_hop=[len(indices)]
                )
                for edge_type, (indptr, indices, position) in zip(
                    schema.edge_types, edges, strict=True
                )
                if edge_type in self.fanouts
            },
            epoch=epoch,
            batch=batch,
        )

    def _one_type(self, seeds: Int64s | dict[NodeType, Int64s]) -> tuple[NodeType, Int64s]:
        if not isinstance(seeds, Mapping):
            seeds = {only_node_type(self.graph, None): seeds}
        given = [(name, ids) for name, ids in seeds.items() if len(ids)]
        if len(given) != 1:
            names = ", ".join(name for name, _ in given) or "no type"
            msg = f"seeds are of {names}: give the global ids of nodes of one type, one at least"
            raise ArgumentError(msg)
        name, ids = given[0]
        return only_node_type(self.graph, name), np.ascontiguousarray(ids)
