"""Cluster batches: densely connected node sets, several of them a batch.

Chiang et al., "Cluster-GCN: an efficient algorithm for training deep and large graph convolutional
networks", KDD 2019, section 3.2 (stochastic multiple partitions).
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.induced import InducedSubgraphs
from distgnn.samplers.randomness import EpochOrder

if TYPE_CHECKING:
    from distgnn.samplers.base import Int64s, SampledSubgraph
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph


class ClusterSampler:
    """Draws clusters without replacement; a batch is the subgraph induced on a few of them.

    Every node, and so every seed, comes once an epoch; edges between clusters of a batch are kept.
    Clusters are the parts of the shards (`distgnn partition --parts 100 --method metis` makes a
    hundred), or given by a column of the node tables; in the latter case batches do not depend on
    the partitioning.
    """

    any_depth = True
    """Networks of any depth run on the subgraphs."""

    def __init__(
        self,
        graph: ShardedGraph,
        seeds: Int64s,
        *,
        clusters_per_batch: int = 1,
        column: str | None = None,
        node_type: NodeType | None = None,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample, which may copy the in-edges into memory.

        Args:
            graph: The graph.
            seeds: Global ids of all nodes that are learned from, int64 [n], each once.
            clusters_per_batch: Clusters that make a batch; the last one of an epoch may have fewer.
            column: Integer column of the user's in every node table that says which cluster a node
                is in (any numbers; nodes of several types may share one); by default clusters are
                the graph's parts.
            node_type: Type of the seeds; may be left out where the graph has one.
            seed: Key of the order of clusters, at least 0.
            num_threads: Threads that share one subgraph.
            in_memory: Whether in-edges are copied into memory; by default if they fit.

        Raises:
            ArgumentError: a node table has no such column, or it holds something else than whole
                numbers; seeds or numbers are none that is possible.
        """
        self._subgraphs = InducedSubgraphs(
            graph, seeds, node_type=node_type, num_threads=num_threads, in_memory=in_memory
        )
        self._per_batch = whole_at_least("clusters_per_batch", clusters_per_batch, 1)
        labels = {
            name: _parts(graph, name) if column is None else _column(graph, name, column)
            for name in graph.schema.node_types
        }
        known = np.unique(np.concatenate(list(labels.values())))
        self.num_clusters = len(known)
        self._members = {name: _members(found, known) for name, found in labels.items()}
        self._order = EpochOrder(self.num_clusters, seed=whole_at_least("seed", seed, 0))

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch."""
        return -(-self.num_clusters // self._per_batch)

    def sample_batch(self, *, epoch: int, batch: int) -> SampledSubgraph:
        """Return the subgraph of the clusters of batch number `batch`."""
        chosen = self._order.of(epoch)[batch * self._per_batch : (batch + 1) * self._per_batch]
        rows = {
            name: np.sort(np.concatenate([members[cluster] for cluster in chosen]))
            for name, members in self._members.items()
        }
        return self._subgraphs.sample(rows, epoch=epoch, batch=batch)


def _parts(graph: ShardedGraph, node_type: NodeType) -> Int64s:
    """Return the part of every raw row, int64 [N]."""
    bounds = graph.offsets(node_type)
    owner = np.repeat(np.arange(graph.num_parts), np.diff(bounds))
    found: Int64s = owner[graph.global_id_of_index(node_type)]
    return found


def _column(graph: ShardedGraph, node_type: NodeType, name: str) -> Int64s:
    """Return the user's column `name` of every raw row, int64 [N]."""
    known = graph.schema.node(node_type).columns
    if name not in known:
        hint = nearest(name, known)
        msg = f"column = {name!r}: nodes of type {node_type!r} have no such column{hint}"
        raise ArgumentError(msg)
    values = graph.arrow_column(node_type, name)
    if not pa.types.is_integer(values.type) or values.null_count:
        msg = (
            f"column = {name!r}: nodes of type {node_type!r} hold {values.type} with "
            f"{values.null_count} nulls there; give every node the number of its cluster"
        )
        raise ArgumentError(msg)
    found: Int64s = values.to_numpy().astype(np.int64)[graph.global_id_of_index(node_type)]
    return found


def _members(labels: Int64s, known: Int64s) -> list[Int64s]:
    """Return the raw rows of each cluster of `known`, rising."""
    order = np.argsort(labels, kind="stable")
    bounds = np.searchsorted(labels[order], np.append(known, known[-1] + 1))
    return [order[begin:end] for begin, end in pairwise(bounds)]
