"""Pairs of nodes without an edge, drawn at random to learn links against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers._kernels import NegativeSampler as Kernel
from distgnn.samplers.adjacency import adjacency, one_edge_type
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.walk import walk_key
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from distgnn.samplers.base import Int64s
    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph

NegativeKind = Literal["uniform", "per_source", "degree", "in_batch"]

DEGREE_POWER = 0.75
"""Power of the in-degree that ``"degree"`` draws by (Mikolov et al., "Distributed representations
of words and phrases", NeurIPS 2013)."""


class NegativeSampler:
    """Draws negatives for positive edges of one type.

    The kinds:

    * ``"uniform"``: both ends are any nodes.
    * ``"per_source"``: the positive's source, and any destination.
    * ``"degree"``: the positive's source, and a destination in proportion to its in-degree to the
      power of 0.75: popular nodes come more often.
    * ``"in_batch"``: the positive's source, and the destination of another positive of the batch;
      where the batch has none that may be drawn, any destination.

    Known positives are excluded exactly: no negative is an edge of the graph, nor a node with
    itself. Draws that are turned down are repeated; after 64 of them all candidates are looked at.

    With `temporal` a positive has a time, and its negatives are drawn as if at that time: only
    destinations that exist by then (where nodes have a time), and only edges up to then are known.

    Negative j of a positive depends on (seed, epoch, the number of the positive, j) alone (in the
    batch also on the batch).
    """

    def __init__(
        self,
        graph: ShardedGraph,
        edge_type: EdgeType | None = None,
        *,
        kind: NegativeKind = "per_source",
        num_negatives: int = 1,
        exclude_positives: bool = True,
        temporal: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to draw.

        Args:
            graph: The graph with all edges that are known, those to be predicted too.
            edge_type: The type of the positives; may be left out where the graph has one.
            kind: How negatives are drawn.
            num_negatives: Negatives of each positive.
            exclude_positives: Whether edges, and nodes with themselves, are never drawn.
            temporal: Whether positives have a time.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the draws.
            in_memory: Whether in-edges are copied; see `NeighborSampler`.

        Raises:
            ArgumentError: an argument is none that is possible.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        self.graph = graph
        self.edge_type = one_edge_type(graph, edge_type)
        if kind not in get_args(NegativeKind):
            msg = f"there are no negatives of kind {kind!r}{nearest(kind, get_args(NegativeKind))}"
            raise ArgumentError(msg)
        self.kind = kind
        self.num_negatives = whole_at_least("num_negatives", num_negatives, 1)
        self.temporal = temporal
        self.seed = whole_at_least("seed", seed, 0)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        incoming = adjacency(graph, self.edge_type, "in", in_memory=in_memory)
        node_times, edge_times = self._times() if temporal else ([], [])
        self._key = incoming.key
        self._kernel = Kernel(
            incoming,
            kind=kind,
            num_negatives=self.num_negatives,
            exclude=exclude_positives,
            power=DEGREE_POWER,
            node_times=node_times,
            edge_times=edge_times,
        )

    def sample(
        self,
        src: Int64s,
        dst: Int64s,
        *,
        epoch: int,
        numbers: Int64s | None = None,
        times: Int64s | None = None,
    ) -> tuple[Int64s, Int64s]:
        """Return the negatives of a batch of positives.

        Args:
            src: Sources of the positives, global ids, int64 [B].
            dst: Their destinations, global ids, int64 [B].
            epoch: Number of the epoch, at least 0; other epochs give other negatives.
            numbers: What tells the positives of an epoch apart, such as their rows in the raw edge
                table, int64 [B]; by default their places in this batch.
            times: Their times, int64 [B]; needed with `temporal`, and only then.

        Returns:
            Sources and destinations of the negatives, global ids, int64 [B, num_negatives] each.

        Raises:
            ArgumentError: ends of the wrong type or out of range; times are missing or too many.
            NoNegativesError: a positive has none, e.g. in a complete graph.
        """
        if self.temporal != (times is not None):
            what = "needs" if self.temporal else "takes no"
            msg = f"a sampler with temporal = {self.temporal} {what} times of the positives"
            raise ArgumentError(msg)
        found: tuple[Int64s, Int64s] = self._kernel.sample(
            src,
            dst,
            numbers=np.arange(len(src)) if numbers is None else numbers,
            times=times,
            key=walk_key(self.seed, epoch, [self._key]),
            num_threads=self.num_threads,
        )
        return found

    def _times(self) -> tuple[list[Any], list[Any]]:
        """Return the times of destinations and of edges, of each part; none where there are none.

        Raises:
            ArgumentError: neither has a time, or pairs are to be drawn.
        """
        schema, parts = self.graph.schema, range(self.graph.num_parts)
        has_edge_time = schema.edge(self.edge_type).has_time
        destination = self.edge_type[2]
        has_node_time = schema.node(destination).has_time
        if self.kind == "uniform":
            msg = "temporal negatives belong to a positive: use kind 'per_source' or 'degree'"
            raise ArgumentError(msg)
        if not has_edge_time and not has_node_time:
            msg = (
                f"temporal negatives need times, but neither {edge_key(self.edge_type)!r} nor "
                f"{destination!r} has a time column"
            )
            raise ArgumentError(msg)
        nodes = [self.graph.nodes(destination, part).time for part in parts]
        edges = [self.graph.edges(self.edge_type, part).time for part in parts]
        return nodes if has_node_time else [], edges if has_edge_time else []
