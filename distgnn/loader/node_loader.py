"""Mini-batches of seed nodes, made by threads ahead of their use."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.loader.collate import Collator
from distgnn.loader.plan import BatchPlan, SeedPlan
from distgnn.loader.prefetch import Prefetch
from distgnn.loader.share import ONLY_RANK, RankShare, SeedSchedule
from distgnn.samplers import BatchSampler
from distgnn.samplers.checks import only_node_type, seeds_by_index, whole_at_least

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from distgnn.loader.minibatch import MiniBatch
    from distgnn.samplers import SampledSubgraph, Sampler
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


class NodeLoader:
    """Mini-batches of seeds of one node type: given ones, each once an epoch, or a sampler's own.

    Batch k of epoch e is a function of the graph, the sampler, the seeds (as a set) and the two
    seeds of the generators: not of the partitioning, of threads or of where an epoch was entered.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        sampler: Sampler | BatchSampler,
        seeds: Int64s | None = None,
        *,
        node_type: NodeType | None = None,
        batch_size: int = 1,
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
            sampler: Draws neighbourhoods of seeds in that graph, or chooses the seeds of its
                batches itself: it then knows all seeds, their order and their number in a batch.
            seeds: Global ids, int64 [n], each once, in any order; for a `Sampler` only.
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
            ArgumentError: seeds of the wrong type, out of range or given twice, or none; seeds for
                a sampler that chooses them; an unknown node type; a number that is too small.
        """
        self.node_type = only_node_type(graph, node_type)
        self._prefetch = Prefetch(num_threads=num_threads, num_ahead=prefetch, timeout_s=timeout_s)
        self._collate = Collator(graph, self.node_type)
        if isinstance(sampler, BatchSampler):
            if seeds is not None:
                msg = f"{type(sampler).__name__} chooses its seeds itself: give them to the sampler"
                raise ArgumentError(msg)
            self._plan: BatchPlan | SeedPlan = BatchPlan(sampler, share)
            return
        ordered = seeds_by_index(graph, self.node_type, seeds)
        schedule = SeedSchedule(
            seeds=ordered if num_groups == 1 else np.sort(ordered),
            batch_size=whole_at_least("batch_size", batch_size, 1),
            shuffle=shuffle,
            seed=whole_at_least("seed", seed, 0),
            share=share,
            num_groups=num_groups,
        )
        self._plan = SeedPlan(sampler, schedule, self.node_type)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._plan)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[MiniBatch]:
        """Return the batches of an epoch from number `start` on, in order.

        Dropping the iterator, or closing it, ends its threads.

        Raises:
            ArgumentError: `epoch` is negative, or `start` is not a batch of the epoch or its end.
            LoaderTimeoutError: a batch took longer than `timeout_s` (while iterating).
        """
        draw = self._plan.epoch(whole_at_least("epoch", epoch, 0))
        return self._prefetch.epoch(
            lambda index: self._make(draw, epoch, index), len(self), epoch=epoch, start=start
        )

    def _make(
        self, draw: Callable[[int], tuple[SampledSubgraph, bool]], epoch: int, index: int
    ) -> MiniBatch:
        try:
            subgraph, is_padding = draw(index)
            batch = self._collate(subgraph)
        except Exception as error:
            error.add_note(f"while making batch {index} of epoch {epoch}")
            raise
        return replace(batch, is_padding=True) if is_padding else batch
