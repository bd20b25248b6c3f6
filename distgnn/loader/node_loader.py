"""Mini-batches of seed nodes, made by threads ahead of their use."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import ArgumentError, LoaderTimeoutError
from distgnn.loader.collate import Collator
from distgnn.loader.seed_order import shuffled
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
    ) -> None:
        """Prepare to load; threads start with an epoch and end with it.

        Args:
            graph: The graph.
            sampler: Draws neighbourhoods in that graph.
            seeds: Global ids, int64 [n], each once, in any order.
            node_type: Their type; may be left out where the graph has one.
            batch_size: Seeds of a batch; the last one of an epoch may be smaller.
            shuffle: Whether each epoch has its own random order of seeds. Otherwise they come in
                the order of their rows in the raw table.
            seed: Key of the order of seeds, at least 0.
            num_threads: Threads that make batches, each its own; 0 makes them when they are asked
                for, in the caller's thread.
            prefetch: Batches that may be in the making or ready before they are asked for; at least
                as many as threads are used.
            timeout_s: How long a batch may take before `LoaderTimeoutError`.

        Raises:
            ArgumentError: seeds of the wrong type, out of range or given twice, or none; an unknown
                node type; a number that is too small.
        """
        self.node_type = _node_type(graph, node_type)
        self.batch_size = whole_at_least("batch_size", batch_size, 1)
        self._seed = whole_at_least("seed", seed, 0)
        self._num_threads = whole_at_least("num_threads", num_threads, 0)
        self._num_ahead = max(whole_at_least("prefetch", prefetch, 0), self._num_threads)
        self._timeout_s = timeout_s
        self._shuffle = shuffle
        self._sampler = sampler
        self._seeds = _by_index(graph, self.node_type, seeds)
        self._collate = Collator(graph, self.node_type)

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return -(-len(self._seeds) // self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[MiniBatch]:
        """Return the batches of an epoch from number `start` on, in order.

        Dropping the iterator, or closing it, ends its threads.

        Raises:
            ArgumentError: `epoch` is negative, or `start` is not a batch of the epoch or its end.
            LoaderTimeoutError: a batch took longer than `timeout_s` (while iterating).
        """
        whole_at_least("epoch", epoch, 0)
        if whole_at_least("start", start, 0) > len(self):
            msg = f"start = {start} is beyond the {len(self)} batches of an epoch"
            raise ArgumentError(msg)
        seeds = self._seeds
        if self._shuffle:
            seeds = seeds[shuffled(len(seeds), seed=self._seed, epoch=epoch)]
        if self._num_threads == 0:
            return (self._make(seeds, epoch, index) for index in range(start, len(self)))
        return self._prefetched(seeds, epoch, start)

    def _make(self, seeds: Int64s, epoch: int, index: int) -> MiniBatch:
        chosen = seeds[index * self.batch_size : (index + 1) * self.batch_size]
        try:
            subgraph = self._sampler.sample({self.node_type: chosen}, epoch=epoch, batch=index)
            return self._collate(subgraph)
        except Exception as error:
            error.add_note(f"while making batch {index} of epoch {epoch} ({len(chosen)} seeds)")
            raise

    def _prefetched(self, seeds: Int64s, epoch: int, start: int) -> Iterator[MiniBatch]:
        pending: deque[Future[MiniBatch]] = deque()
        executor = ThreadPoolExecutor(self._num_threads, thread_name_prefix="distgnn-loader")
        upcoming = iter(range(start, len(self)))
        patience_s = self._timeout_s
        try:
            for index in range(start, len(self)):
                # One more than are kept ahead: the one that is about to be handed out.
                while (
                    len(pending) <= self._num_ahead and (ahead := next(upcoming, None)) is not None
                ):
                    pending.append(executor.submit(self._make, seeds, epoch, ahead))
                self._await(pending[0], epoch, index)
                # No name for the batch here: its memory is free when the consumer lets go of it.
                yield pending.popleft().result()
        except LoaderTimeoutError:
            patience_s = 0
            raise
        finally:
            for future in pending:
                future.cancel()
            # Threads end with the batch that they are at, unless one hangs.
            _, running = wait(pending, timeout=patience_s)
            executor.shutdown(wait=not running)

    def _await(self, future: Future[MiniBatch], epoch: int, index: int) -> None:
        try:
            future.result(self._timeout_s)
        except TimeoutError as error:
            if future.done():
                raise
            msg = (
                f"batch {index} of epoch {epoch} was not ready after {self._timeout_s:g} s: the "
                "disk that holds the graph may hang, or memory is short and the machine swaps; "
                "raise `timeout_s` if batches are that large"
            )
            raise LoaderTimeoutError(msg) from error


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
