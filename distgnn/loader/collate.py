"""From a sampled subgraph to a mini-batch: features, labels and edge columns are gathered."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.csc import CSC
from distgnn.loader.minibatch import MiniBatch
from distgnn.samplers import BufferPool, EdgeRows, NodeRows

if TYPE_CHECKING:
    from distgnn.samplers import SampledEdges, SampledSubgraph
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph


class Collator:
    """Gathers what belongs to a subgraph into pooled memory; may be used from many threads."""

    def __init__(self, graph: ShardedGraph, node_type: NodeType, num_threads: int = 1) -> None:
        """Prepare for subgraphs of `graph` with seeds of `node_type`.

        Args:
            graph: The graph.
            node_type: Type of the seeds, whose labels are gathered.
            num_threads: Threads that share a gather.

        Raises:
            ArgumentError: there is no such node type.
        """
        schema = graph.schema
        pool = BufferPool()
        self.pool = pool
        self._node_type = node_type
        self._num_threads = num_threads
        self._y = NodeRows(graph, node_type, "y", pool) if schema.node(node_type).label else None
        self._x = {
            node.type: NodeRows(graph, node.type, "x", pool)
            for node in schema.nodes
            if node.features is not None
        }
        self._weight = {
            edge.type: EdgeRows(graph, edge.type, "weight", pool)
            for edge in schema.edges
            if edge.has_weight
        }
        self._edge_attr = {
            edge.type: EdgeRows(graph, edge.type, "edge_attr", pool)
            for edge in schema.edges
            if edge.features is not None
        }

    def __call__(self, subgraph: SampledSubgraph) -> MiniBatch:
        """Return the mini-batch of `subgraph`."""
        nodes, edges = subgraph.nodes, subgraph.edges
        batch_size = subgraph.num_nodes_per_hop[self._node_type][0]
        seeds = nodes[self._node_type][:batch_size]
        return MiniBatch(
            node_type=self._node_type,
            batch_size=batch_size,
            epoch=subgraph.epoch,
            index=subgraph.batch,
            x_dict={
                name: torch.from_numpy(rows.gather(nodes[name], self._num_threads))
                for name, rows in self._x.items()
            },
            y=None if self._y is None else torch.from_numpy(self._y.gather(seeds)),
            n_id_dict={name: torch.from_numpy(ids) for name, ids in nodes.items()},
            adj_dict={
                edge_type: self._adjacency(edge_type, edges[edge_type], len(nodes[edge_type[0]]))
                for edge_type in edges
            },
            edge_attr_dict={
                name: torch.from_numpy(rows.gather(edges[name].position, self._num_threads))
                for name, rows in self._edge_attr.items()
                if name in edges
            },
            num_sampled_nodes_dict=subgraph.num_nodes_per_hop,
            num_sampled_edges_dict={name: found.num_per_hop for name, found in edges.items()},
            seed_weight=None
            if subgraph.seed_weight is None
            else torch.from_numpy(subgraph.seed_weight),
        )

    def _adjacency(self, edge_type: EdgeType, edges: SampledEdges, num_src: int) -> CSC:
        weight = None
        if edge_type in self._weight:
            gathered = self._weight[edge_type].gather(edges.position, self._num_threads)
            weight = torch.from_numpy(gathered)
        if edges.weight is not None:
            importance = torch.from_numpy(edges.weight)
            weight = importance if weight is None else weight.mul_(importance)
        return CSC(torch.from_numpy(edges.indptr), torch.from_numpy(edges.indices), num_src, weight)
