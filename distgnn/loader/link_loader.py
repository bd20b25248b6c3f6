"""Mini-batches of links with negatives, made by threads ahead of their use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from distgnn.exceptions import ArgumentError
from distgnn.loader.collate import Collator
from distgnn.loader.link_batch import LinkBatch, with_links
from distgnn.loader.prefetch import Prefetch
from distgnn.loader.share import ONLY_RANK, RankShare, SeedSchedule
from distgnn.loader.target_edges import without_targets
from distgnn.samplers.checks import whole_at_least
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from distgnn.loader.links import Links
    from distgnn.samplers import NegativeSampler
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Ends:
    """The nodes of one type at the ends of a batch's links, each once, by first appearance."""

    nodes: Int64s
    times: Int64s | None
    local: Int64s
    """int64 [number of ends]: for each end its place among `nodes`."""


class LinkLoader:
    """Mini-batches of links of one edge type, each link once an epoch.

    Batch k of epoch e is a function of the graph, the sampler, the links and the seeds of the
    generators: not of the partitioning, of threads or of where an epoch was entered. Negatives
    depend on the epoch and on their link alone (those drawn in the batch also on the batch).
    """

    def __init__(
        self,
        graph: ShardedGraph,
        sampler: Any,
        links: Links,
        *,
        negatives: NegativeSampler | None = None,
        remove_targets: bool = False,
        reverse_type: EdgeType | None = None,
        temporal: bool = False,
        batch_size: int,
        shuffle: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        prefetch: int = 4,
        timeout_s: float = 600.0,
        share: RankShare = ONLY_RANK,
    ) -> None:
        """Prepare to load; threads start with an epoch and end with it.

        Args:
            graph: The graph whose edges are messages: the one that the sampler draws from.
            sampler: Draws neighbourhoods in that graph.
            links: What to predict; see `Links`.
            negatives: Draws negatives for them; by default there are none.
            remove_targets: Whether the batch's own links are taken out of its messages, with all
                edges parallel to them, so that no model sees what it is asked for.
            reverse_type: The edge type that holds each link the other way round, which is then
                taken out as well; the links' own type where each is stored both ways.
            temporal: Whether ends are sampled as of the time of their link (by a sampler that takes
                times, such as `TemporalSampler`).
            batch_size: Links of a batch (over all ranks); the last of an epoch may be smaller.
            shuffle: Whether each epoch has its own random order of links; otherwise they come in
                the order of their numbers.
            seed: Key of that order, at least 0.
            num_threads: Threads that make batches, each its own; 0 makes them when they are asked
                for, in the caller's thread.
            prefetch: Batches that may be in the making or ready before they are asked for.
            timeout_s: How long a batch may take before `LoaderTimeoutError`.
            share: The rank whose part of every batch is loaded; by default the only one.

        Raises:
            ArgumentError: a reverse type between other node types, links without times, negatives
                of another edge type, a number that is too small.
        """
        self.links = links
        self.batch_size = whole_at_least("batch_size", batch_size, 1)
        _check_together(links, negatives, reverse_type, temporal=temporal)
        self._sampler = sampler
        self._negatives = negatives
        self._removed = _removed_types(links.edge_type, reverse_type) if remove_targets else []
        self._temporal = temporal
        self._prefetch = Prefetch(num_threads=num_threads, num_ahead=prefetch, timeout_s=timeout_s)
        self._schedule = SeedSchedule(
            seeds=np.arange(len(links)),
            batch_size=self.batch_size,
            shuffle=shuffle,
            seed=whole_at_least("seed", seed, 0),
            share=share,
        )
        self._collate = Collator(graph, links.edge_type[2])

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        return len(self._schedule)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[LinkBatch]:
        """Return the batches of an epoch from number `start` on, in order.

        Dropping the iterator, or closing it, ends its threads.

        Raises:
            ArgumentError: `epoch` is negative, or `start` is not a batch of the epoch or its end.
            LoaderTimeoutError: a batch took longer than `timeout_s` (while iterating).
            NoNegativesError: a link has no negative (while iterating).
        """
        order = self._schedule.order(whole_at_least("epoch", epoch, 0))
        return self._prefetch.epoch(
            lambda index: self._make(order, epoch, index), len(self), epoch=epoch, start=start
        )

    def _make(self, order: Int64s, epoch: int, index: int) -> LinkBatch:
        places, is_padding = self._schedule.pick(order, index)
        try:
            return self._batch(self.links.take(places), epoch, index, is_padding=is_padding)
        except Exception as error:
            error.add_note(f"while making batch {index} of epoch {epoch} ({len(places)} links)")
            raise

    def _batch(self, links: Links, epoch: int, index: int, *, is_padding: bool) -> LinkBatch:
        neg_src, neg_dst = self._draw_negatives(links, epoch)
        ends, (src, dst, neg_src_local, neg_dst_local) = self._ends(links, neg_src, neg_dst)
        times: dict[str, Any] = {}
        if self._temporal:
            times["times"] = {node_type: found.times for node_type, found in ends.items()}
        subgraph = self._sampler.sample(
            {node_type: found.nodes for node_type, found in ends.items()},
            epoch=epoch, batch=index, **times,
        )  # fmt: skip
        for edge_type, is_reverse in self._removed:
            pairs = (links.dst, links.src) if is_reverse else (links.src, links.dst)
            subgraph = without_targets(subgraph, edge_type, *pairs)
        return with_links(
            self._collate(subgraph),
            y=None,
            batch_size=len(links),
            is_padding=is_padding,
            edge_type=links.edge_type,
            src=torch.from_numpy(src),
            dst=torch.from_numpy(dst),
            neg_src=torch.from_numpy(neg_src_local.reshape(neg_src.shape)),
            neg_dst=torch.from_numpy(neg_dst_local.reshape(neg_dst.shape)),
            number=torch.from_numpy(links.number),
            time=None if links.time is None else torch.from_numpy(links.time),
        )

    def _draw_negatives(self, links: Links, epoch: int) -> tuple[Int64s, Int64s]:
        if self._negatives is None:
            none = np.empty((len(links), 0), np.int64)
            return none, none
        return self._negatives.sample(
            links.src, links.dst, epoch=epoch, numbers=links.number,
            times=links.time if self._negatives.temporal else None,
        )  # fmt: skip

    def _ends(
        self, links: Links, neg_src: Int64s, neg_dst: Int64s
    ) -> tuple[dict[NodeType, _Ends], list[Int64s]]:
        """Return the seeds of each node type, and the local ids of the four groups of ends."""
        src_type, _, dst_type = links.edge_type
        groups = [
            (src_type, links.src, 1),
            (dst_type, links.dst, 1),
            (src_type, neg_src.ravel(), neg_src.shape[1]),
            (dst_type, neg_dst.ravel(), neg_dst.shape[1]),
        ]
        seeds, local = {}, [np.empty(0, np.int64)] * 4
        for node_type in dict.fromkeys([src_type, dst_type]):
            mine = [i for i in range(4) if groups[i][0] == node_type]
            nodes = np.concatenate([groups[i][1] for i in mine])
            times = None
            if self._temporal and links.time is not None:
                times = np.concatenate([links.time.repeat(groups[i][2]) for i in mine])
            seeds[node_type] = found = _each_once(nodes, times)
            bounds = np.cumsum([len(groups[i][1]) for i in mine])[:-1]
            for i, ids in zip(mine, np.split(found.local, bounds), strict=True):
                local[i] = ids
        return seeds, local


def _each_once(nodes: Int64s, times: Int64s | None) -> _Ends:
    """Return nodes (with their times) without repetition, in the order of first appearance."""
    keys = nodes if times is None else np.stack([nodes, times], axis=1)
    _, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    chosen = first[order]
    return _Ends(
        nodes=nodes[chosen],
        times=None if times is None else times[chosen],
        local=rank[inverse.reshape(-1)],
    )


def _removed_types(
    edge_type: EdgeType, reverse_type: EdgeType | None
) -> list[tuple[EdgeType, bool]]:
    """Return the edge types that lose targets, and whether they hold them the other way round."""
    reverse = [] if reverse_type is None else [(reverse_type, True)]
    return [(edge_type, False), *reverse]


def _check_together(
    links: Links,
    negatives: NegativeSampler | None,
    reverse_type: EdgeType | None,
    *,
    temporal: bool,
) -> None:
    src_type, _, dst_type = links.edge_type
    if reverse_type is not None and (reverse_type[0], reverse_type[2]) != (dst_type, src_type):
        msg = (
            f"{edge_key(reverse_type)!r} is no reverse of {edge_key(links.edge_type)!r}: it leads "
            f"from {reverse_type[0]!r} to {reverse_type[2]!r}"
        )
        raise ArgumentError(msg)
    if negatives is not None and negatives.edge_type != links.edge_type:
        msg = (
            f"negatives are drawn for {edge_key(negatives.edge_type)!r}, but links are of type "
            f"{edge_key(links.edge_type)!r}"
        )
        raise ArgumentError(msg)
    if links.time is None and (temporal or (negatives is not None and negatives.temporal)):
        msg = (
            f"links of type {edge_key(links.edge_type)!r} have no time: name the time column of "
            "their table, or leave temporal out"
        )
        raise ArgumentError(msg)
