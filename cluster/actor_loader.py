"""Mini-batches made by sampling actors, as the training loop takes them."""

from __future__ import annotations

import ctypes
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from distgnn.cluster.actor_stream import ActorStream
from distgnn.cluster.batch_maker import within
from distgnn.cluster.messages import EncodedRows, Traffic, num_bytes
from distgnn.cluster.wire import place
from distgnn.csc import CSC
from distgnn.loader import MiniBatch
from distgnn.loader.prefetch import Prefetch
from distgnn.loader.share import ONLY_RANK, RankShare, SeedSchedule
from distgnn.samplers import BufferPool, NodeRows
from distgnn.samplers.checks import whole_at_least

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt
    from torch import Tensor

    from distgnn.cluster.messages import BatchEdges, SamplingRule, WireBatch
    from distgnn.cluster.sampler_group import Samplers
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


@dataclass(slots=True)
class LoaderStats:
    """What the batches of a loader took, since it was made."""

    num_batches: int = 0
    wait_s: float = 0.0
    """Seconds that the consumer waited for batches."""
    num_batch_bytes: int = 0
    """Of the arrays of batches, from actor to trainer."""
    num_restarts: int = 0
    """Times that an actor died or hung, and its batches were asked for again."""
    traffic: Traffic = field(default_factory=Traffic)
    """Between actors."""

    @property
    def cache_hit_rate(self) -> float:
        """Share of remote feature rows that were in an actor's cache; nan without any."""
        lookups = self.traffic.num_cache_lookups
        return self.traffic.num_cache_hits / lookups if lookups else float("nan")


class ActorLoader:
    """The batches of one rank, made by sampling actors: those that `NodeLoader` would give.

    An actor that dies or hangs is started again, and the batches that are missing are made again:
    they are the same ones, since a batch depends on nothing but its seeds and number.
    """

    def __init__(
        self,
        samplers: Samplers,
        graph: ShardedGraph,
        rule: SamplingRule,
        seeds: Int64s,
        *,
        node_type: NodeType,
        batch_size: int,
        name: str = "train",
        shuffle: bool = False,
        seed: int = 0,
        share: RankShare = ONLY_RANK,
        num_groups: int = 1,
        prefetch: int = 4,
    ) -> None:
        """Prepare to load; actors are asked when an epoch begins.

        Args:
            samplers: The actors.
            graph: The graph, with the parts open that are on this machine, or none. Their features
                are read here; all others come with the batches.
            rule: What is drawn.
            seeds: Global ids, int64 [n], each once, in the order of their rows in the raw table.
            node_type: Their type.
            batch_size: Seeds of a step over all ranks; the last one of an epoch may be smaller.
            name: What the batches are for; loaders in use at the same time have different names.
            shuffle: Whether each epoch has its own random order of seeds.
            seed: Key of that order, at least 0.
            share: The rank whose part of every step is loaded.
            num_groups: Groups of neighbouring parts whose seeds are shuffled by themselves.
            prefetch: Batches that are ready or under way, for each actor.

        Raises:
            ArgumentError: a number is too small.
        """
        self.node_type = graph.schema.node(node_type).type
        self._graph = graph
        self._rule = rule
        self._name = f"{name}-{share.rank}"
        self._actors = samplers.of_rank(share.rank, share.num_ranks)
        self._num_ahead = whole_at_least("prefetch", prefetch, 1)
        self._schedule = SeedSchedule(
            seeds=seeds if num_groups == 1 else np.sort(seeds),
            batch_size=whole_at_least("batch_size", batch_size, 1),
            shuffle=shuffle,
            seed=whole_at_least("seed", seed, 0),
            share=share,
            num_groups=num_groups,
        )
        pool = BufferPool()
        self._rows = {
            node.type: NodeRows(graph, node.type, "x", pool)
            for node in graph.schema.nodes
            if node.features is not None and graph.parts
        }
        self.stats = LoaderStats()

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._schedule)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[MiniBatch]:
        """Return the batches of an epoch from number `start` on, in order.

        Dropping the iterator, or closing it, tells the actors to stop.

        Raises:
            ArgumentError: `epoch` is negative, or `start` is not a batch of the epoch or its end.
            ClusterTimeoutError: an actor did not come back in time (while iterating).
            DistgnnError: an actor could not make a batch (while iterating).
        """
        order = self._schedule.order(whole_at_least("epoch", epoch, 0))
        # The thread that takes batches in waits as long as it must: the streams have deadlines.
        ahead = Prefetch(num_threads=1, num_ahead=1, timeout_s=_NO_TIMEOUT_S)
        streams = self._streams(order, epoch, start)
        batches = ahead.epoch(
            lambda index: self._take(streams, index, start), len(self), epoch=epoch, start=start
        )
        return self._watched(batches, order, streams)

    def _streams(self, order: Int64s, epoch: int, start: int) -> list[ActorStream]:
        """Return a stream for each actor; batches go to the actors in turn."""
        num_actors = len(self._actors)
        return [
            ActorStream(
                actor,
                self._rule,
                stream=f"{self._name}-{number}",
                node_type=self.node_type,
                epoch=epoch,
                seeds={
                    step: self._schedule.pick(order, step)[0]
                    for step in range(start + number, len(self), num_actors)
                },
                open_parts=self._graph.parts,
                num_ahead=self._num_ahead,
            )
            for number, actor in enumerate(self._actors)
        ]

    def _take(self, streams: list[ActorStream], index: int, start: int) -> MiniBatch:
        batch = streams[(index - start) % len(streams)].take(index)
        self.stats.num_batch_bytes += num_bytes(batch)
        self.stats.traffic.add(batch.traffic)
        return self._assembled(batch)

    def _watched(
        self, batches: Iterator[MiniBatch], order: Int64s, streams: list[ActorStream]
    ) -> Iterator[MiniBatch]:
        try:
            while True:
                asked = time.perf_counter()
                batch = next(batches, None)
                self.stats.wait_s += time.perf_counter() - asked
                if batch is None:
                    return
                self.stats.num_batches += 1
                self.stats.num_restarts += sum(stream.take_restarts() for stream in streams)
                is_padding = self._schedule.pick(order, batch.index)[1]
                yield replace(batch, is_padding=True) if is_padding else batch
                del batch
        finally:
            for stream in streams:
                stream.close()
            close = getattr(batches, "close", None)
            if close is not None:
                close()

    def _assembled(self, batch: WireBatch) -> MiniBatch:
        return MiniBatch(
            node_type=self.node_type,
            batch_size=batch.batch_size,
            epoch=batch.epoch,
            index=batch.index,
            x_dict={name: tensor(self._features(batch, name)) for name in batch.x},
            y=None if batch.y is None else tensor(batch.y),
            n_id_dict={name: tensor(ids) for name, ids in batch.nodes.items()},
            adj_dict={
                edge_type: _adjacency(edges, len(batch.nodes[edge_type[0]]))
                for edge_type, edges in batch.edges.items()
            },
            edge_attr_dict={
                name: tensor(edges.edge_attr)
                for name, edges in batch.edges.items()
                if edges.edge_attr is not None
            },
            num_sampled_nodes_dict=batch.num_nodes_per_hop,
            num_sampled_edges_dict={name: edges.num_per_hop for name, edges in batch.edges.items()},
            seed_weight=None if batch.seed_weight is None else tensor(batch.seed_weight),
        )

    def _features(self, batch: WireBatch, node_type: NodeType) -> npt.NDArray[np.float32]:
        """Return the features of a batch's nodes: those that came with it, and those read here."""
        ids, shipped = batch.nodes[node_type], batch.x[node_type]
        if len(shipped) == len(ids):
            return shipped
        if not len(shipped):
            rows: npt.NDArray[np.float32] = self._rows[node_type].gather(ids)
            return rows
        here = within(self._graph.offsets(node_type), self._graph.parts, ids)
        x = np.empty((len(ids), shipped.shape[1]), np.float32)
        place(x, np.flatnonzero(~here), EncodedRows(shipped, "float32"))
        mine = EncodedRows(self._rows[node_type].gather(ids[here]), "float32")
        place(x, np.flatnonzero(here), mine)
        return x


_NO_TIMEOUT_S = 1e6
"""Eleven days."""


def tensor(array: npt.NDArray[Any]) -> Tensor:
    """Return a tensor over the memory of an array, without a copy.

    Arrays of Ray's object store are read-only, because several processes may map them. A batch has
    one reader, so its tensors may be written like those of any loader.
    """
    if array.flags.writeable or array.nbytes == 0:
        return torch.from_numpy(array if array.flags.writeable else array.copy())
    memory: Any = (ctypes.c_char * array.nbytes).from_address(array.ctypes.data)
    memory.owner = array  # the view refers to `memory`, and so keeps the array mapped
    writable: npt.NDArray[Any] = np.frombuffer(memory, array.dtype).reshape(array.shape)
    return torch.from_numpy(writable)


def _adjacency(edges: BatchEdges, num_src: int) -> CSC:
    weight = None if edges.weight is None else tensor(edges.weight)
    return CSC(tensor(edges.indptr), tensor(edges.indices), num_src, weight)
