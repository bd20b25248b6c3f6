"""Random partition of all nodes, anew in each epoch.

Li, Müller, Ghanem and Koltun, "Training graph neural networks with 1000 layers", ICML 2021; Li et
al., "DeeperGCN: all you need to train deeper GCNs", 2020, section 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.induced import InducedSubgraphs
from distgnn.samplers.randomness import EpochOrder

if TYPE_CHECKING:
    from distgnn.samplers.base import Int64s, SampledSubgraph
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph


class RandomPartitionSampler:
    """Cuts the nodes of each type into random parts of equal size; a batch is a part.

    Every node, and so every seed, comes once an epoch; edges between parts are left out of it. A
    batch is as large as its share of the graph whatever the depth of the network, which is what
    very deep ones need.
    """

    any_depth = True
    """Networks of any depth run on the subgraphs."""

    def __init__(
        self,
        graph: ShardedGraph,
        seeds: Int64s,
        *,
        num_parts: int,
        node_type: NodeType | None = None,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample, which may copy the in-edges into memory.

        Args:
            graph: The graph.
            seeds: Global ids of all nodes that are learned from, int64 [n], each once.
            num_parts: Batches of an epoch, from 1 to the number of nodes of the seeds' type.
            node_type: Type of the seeds; may be left out where the graph has one.
            seed: Key of the partitions, at least 0.
            num_threads: Threads that share one subgraph.
            in_memory: Whether in-edges are copied into memory; by default if they fit.

        Raises:
            ArgumentError: there are more parts than nodes, or seeds or numbers are none that is
                possible.
        """
        self._subgraphs = InducedSubgraphs(
            graph, seeds, node_type=node_type, num_threads=num_threads, in_memory=in_memory
        )
        self._num_parts = whole_at_least("num_parts", num_parts, 1)
        num_nodes = graph.num_nodes(self._subgraphs.node_type)
        if num_parts > num_nodes:
            msg = (
                f"num_parts = {num_parts} is more than the {num_nodes} nodes: parts would be empty"
            )
            raise ArgumentError(msg)
        seed = whole_at_least("seed", seed, 0)
        self._orders = {
            name: EpochOrder(graph.num_nodes(name), seed=seed) for name in graph.schema.node_types
        }

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch."""
        return self._num_parts

    def sample_batch(self, *, epoch: int, batch: int) -> SampledSubgraph:
        """Return part number `batch` of the partition of `epoch`."""
        rows = {}
        for name, order in self._orders.items():
            shuffled = order.of(epoch)
            begin, end = (len(shuffled) * part // self._num_parts for part in (batch, batch + 1))
            rows[name] = np.sort(shuffled[begin:end])
        return self._subgraphs.sample(rows, epoch=epoch, batch=batch)
