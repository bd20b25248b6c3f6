"""Induced subgraphs of node sets, with the seeds among the nodes first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distgnn.samplers._kernels import Inducer
from distgnn.samplers.base import SampledEdges, SampledSubgraph
from distgnn.samplers.checks import only_node_type, seeds_by_index, whole_at_least
from distgnn.samplers.khop import MAX_TABLE_BYTES
from distgnn.samplers.topology import topology

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from distgnn.samplers.base import Int64s
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph


class InducedSubgraphs:
    """Makes subgraphs that hold every edge between their nodes; shared by several samplers.

    Nodes are given by their raw rows and ordered by them, seeds first, so that a subgraph does not
    depend on parts; the in-edges of a node are in shard order.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        seeds: Int64s,
        *,
        node_type: NodeType | None = None,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare, which may copy the in-edges into memory (see `distgnn.samplers.topology`).

        Args:
            graph: The graph.
            seeds: Global ids of all nodes that are learned from, int64 [n], each once.
            node_type: Their type; may be left out where the graph has one.
            num_threads: Threads that share one subgraph.
            in_memory: Whether in-edges are copied into memory; by default if they fit.

        Raises:
            ArgumentError: seeds of the wrong type, out of range or given twice, or none; an unknown
                node type.
        """
        self.graph = graph
        self.node_type = only_node_type(graph, node_type)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        self.kernel = Inducer(topology(graph, in_memory=in_memory), max_table_bytes=MAX_TABLE_BYTES)
        ordered = seeds_by_index(graph, self.node_type, seeds)
        self.num_seeds = len(ordered)
        self.is_seed: npt.NDArray[np.bool_] = np.zeros(graph.num_nodes(self.node_type), np.bool_)
        """bool [N]: whether the node of a raw row is a seed."""
        self.is_seed[graph.index_of(self.node_type, ordered)] = True

    def sample(self, rows: Mapping[NodeType, Int64s], *, epoch: int, batch: int) -> SampledSubgraph:
        """Return the subgraph induced on nodes.

        Args:
            rows: Raw rows by node type, int64 [k], rising; types that are left out have none.
            epoch: Number of the epoch.
            batch: Number of the batch.
        """
        schema = self.graph.schema
        nodes, counts = {}, {}
        for name in schema.node_types:
            mine = rows.get(name, np.empty(0, np.int64))
            num_seeds = 0
            if name == self.node_type:
                is_seed = self.is_seed[mine]
                mine = np.concatenate([mine[is_seed], mine[~is_seed]])
                num_seeds = int(is_seed.sum())
            nodes[name] = self.graph.global_id_of_index(name)[mine]
            counts[name] = [num_seeds, len(mine) - num_seeds]
        arrays = self.kernel.induce(list(nodes.values()), num_threads=self.num_threads)
        return SampledSubgraph(
            nodes=nodes,
            num_nodes_per_hop=counts,
            edges={
                edge_type: SampledEdges(
                    indptr=indptr, indices=indices, position=position, num_per_hop=[len(indices)]
                )
                for edge_type, (indptr, indices, position) in zip(
                    schema.edge_types, arrays, strict=True
                )
            },
            epoch=epoch,
            batch=batch,
        )
