"""Mini-batches of seed nodes, made by threads ahead of their use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.loader.collate import Collator
from distgnn.loader.prefetch import Prefetch
from distgnn.loader.share import ONLY_RANK, RankShare, SeedSchedule
from distgnn.samplers.checks import whole_at_least

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from distgnn.loader.minibatch import MiniBatch
    from distgnn.samplers import Sampler
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


class NodeLoader:
    """Mini-batches of seeds of one node type, each seed once an epoch.

    Batch k of epoch e is a function of the graph, the sampler, the seeds (as a set) and the two
    seeds of the generators: not of the partitioning, of threads or of where an epoch was entered.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        sampler: Sampler,
        seeds: Int64s,
        *,
        node_type: NodeType | None = None,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        prefetch: int = 4,
        timeout_s: float = 600.0,
        share: RankShare = ONLY_RANK,
        num_groups: int = 1,
    ) -> None:
        """Prepare to load; threads start with an epoch and end with it.

        Args:
            graph: The graph.
            sampler: Draws neighbourhoods in that graph.
            seeds: Global ids, int64 [n], each once, in any order.
            node_type: Their type; may be left out where the graph has one.
            batch_size: Seeds of a batch (over all ranks); the last one of an epoch may be smaller.
            shuffle: Whether each epoch has its own random order of seeds. Otherwise they come in
                the order of their rows in the raw table.
            seed: Key of the order of seeds, at least 0.
            num_threads: Threads that make batches, each its own; 0 makes them when they are asked
                for, in the caller's thread.
            prefetch: Batches that may be in the making or ready before they are asked for; at least
                as many as threads are used.
            timeout_s: How long a batch may take before `LoaderTimeoutError`.
            share: The rank whose part of every batch is loaded; by default the only one.
            num_groups: Groups of neighbouring parts whose seeds are shuffled by themselves, so that
                as many ranks keep to their own parts; a divisor of `batch_size`. 1: all together.

        Raises:
            ArgumentError: seeds of the wrong type, out of range or given twice, or none; an unknown
                node type; a number that is too small.
        """
        self.node_type = _node_type(graph, node_type)
        self.batch_size = whole_at_least("batch_size", batch_size, 1)
        self._prefetch = Prefetch(num_threads=num_threads, num_ahead=prefetch, timeout_s=timeout_s)
        self._sampler = sampler
        ordered = _by_index(graph, self.node_type, seeds)
        self._schedule = SeedSchedule(
            seeds=ordered if num_groups == 1 else np.sort(ordered),
            batch_size=self.batch_size,
            shuffle=shuffle,
            seed=whole_at_least("seed", seed, 0),
            share=share,
            num_groups=num_groups,
        )
        self._collate = Collator(graph, self.node_type)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._schedule)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[MiniBatch]:
        """Return the batches of an epoch from number `start` on, in order.

        Dropping the iterator, or closing it, ends its threads.

        Raises:
            ArgumentError: `epoch` is negative, or `start` is not a batch of the epoch or its end.
            LoaderTimeoutError: a batch took longer than `timeout_s` (while iterating).
        """
        order = self._schedule.order(whole_at_least("epoch", epoch, 0))
        return self._prefetch.epoch(
            lambda index: self._make(order, epoch, index), len(self), epoch=epoch, start=start
        )

    def _make(self, order: Int64s, epoch: int, index: int) -> MiniBatch:
        chosen, is_padding = self._schedule.pick(order, index)
        try:
            subgraph = self._sampler.sample({self.node_type: chosen}, epoch=epoch, batch=index)
            batch = self._collate(subgraph)
        except Exception as error:
            error.add_note(f"while making batch {index} of epoch {epoch} ({len(chosen)} seeds)")
            raise
        return replace(batch, is_padding=True) if is_padding else batch


def _node_type(graph: ShardedGraph, node_type: NodeType | None) -> NodeType:
    names = graph.schema.node_types
    if node_type is None:
        if len(names) == 1:
            return names[0]
        msg = f"the graph has node types {', '.join(names)}: say which the seeds are (node_type)"
        raise ArgumentError(msg)
    return graph.schema.node(node_type).type


def _by_index(graph: ShardedGraph, node_type: NodeType, seeds: Any) -> Int64s:
    """Return the seeds in the order of their raw rows, checked."""
    if not isinstance(seeds, np.ndarray) or seeds.dtype != np.int64 or seeds.ndim != 1:
        is_array = isinstance(seeds, np.ndarray)
        found = f"{seeds.dtype} {seeds.shape}" if is_array else type(seeds).__name__
        msg = f"seeds must be a numpy array of global ids, int64 [n], got {found}"
        raise ArgumentError(msg)
    if len(seeds) == 0:
        msg = f"there are no seeds of node type {node_type!r}: is its split empty?"
        raise ArgumentError(msg)
    index = graph.index_of(node_type, seeds)
    order = np.argsort(index, kind="stable")
    twice = np.flatnonzero(index[order[1:]] == index[order[:-1]])
    if len(twice):
        msg = f"seeds hold node {seeds[order[twice[0]]]} more than once: give each once"
        raise ArgumentError(msg)
    ordered: Int64s = seeds[order]
    return ordered
