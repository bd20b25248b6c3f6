"""Neighbour sampling in proportion to edge weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.samplers.khop import KHopSampler
from distgnn.samplers.rule import DrawRule

if TYPE_CHECKING:
    from distgnn.samplers.khop import Fanouts
    from distgnn.shards import ShardedGraph


class WeightedSampler(KHopSampler):
    """Draws in-neighbours hop by hop, in proportion to the weights of their edges.

    Without replacement edges are drawn one after the other, each with a probability proportional to
    its weight among those that are left. An edge of weight 0 is never drawn; a node all of whose
    in-edges weigh 0 gets none. Edge types without weights are drawn from uniformly. The kernel is
    described in `csrc/draw_weighted.h`; its tables take 8 bytes an edge.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        fanouts: Fanouts,
        *,
        replace: bool = False,
        disjoint: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample: checks all weights and makes the tables.

        Args:
            graph: The graph; one edge type at least that is followed has weights.
            fanouts: For each hop, seeds' in-edges first, how many in-edges are drawn for a node, at
                least 1, or -1 for all; or a mapping with as many hops for each edge type.
            replace: Whether an edge may be drawn more than once for a node.
            disjoint: Whether each seed gets a tree of its own, which shares no node with another's.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the draws of one batch (see `KHopSampler`).
            in_memory: Whether in-edges are copied into memory (see `KHopSampler`).

        Raises:
            ArgumentError: a fanout, edge type or number is none that is possible, no edge type has
                weights, or one is negative or not finite.
            ShardCorruptError: the arrays to be copied point outside the graph.
        """
        super().__init__(
            graph,
            fanouts,
            DrawRule(pick="weighted", replace=replace),
            disjoint=disjoint,
            seed=seed,
            num_threads=num_threads,
            in_memory=in_memory,
        )
