"""Uniform neighbour sampling over several hops.

Hamilton, Ying and Leskovec, "Inductive representation learning on large graphs", NeurIPS 2017,
algorithm 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.samplers.khop import KHopSampler
from distgnn.samplers.rule import DrawRule

if TYPE_CHECKING:
    from distgnn.samplers.khop import Fanouts
    from distgnn.shards import ShardedGraph


class NeighborSampler(KHopSampler):
    """Draws in-neighbours hop by hop, each as likely; see `KHopSampler`."""

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
        """Prepare to sample.

        Args:
            graph: The graph.
            fanouts: For each hop, seeds' in-edges first, how many in-edges are drawn for a node, at
                least 1, or -1 for all; or a mapping with as many hops for each edge type.
            replace: Whether an edge may be drawn more than once for a node. A node with in-edges
                then always gets as many as the fanout.
            disjoint: Whether each seed gets a tree of its own, which shares no node with another's.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the draws of one batch (see `KHopSampler`).
            in_memory: Whether in-edges are copied into memory (see `KHopSampler`).

        Raises:
            ArgumentError: a fanout, edge type or number is none that is possible.
            ShardCorruptError: the arrays to be copied point outside the graph.
        """
        self.replace = replace
        super().__init__(
            graph,
            fanouts,
            DrawRule(replace=replace),
            disjoint=disjoint,
            seed=seed,
            num_threads=num_threads,
            in_memory=in_memory,
        )
