"""Layer-neighbour sampling: as few sources as possible for a given variance.

Balin and Catalyurek, "Layer-neighbor sampling: defusing neighborhood explosion in GNNs", NeurIPS
2023, LABOR-0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from distgnn.samplers.khop import KHopSampler
from distgnn.samplers.rule import DrawRule

if TYPE_CHECKING:
    from distgnn.samplers.khop import Fanouts
    from distgnn.shards import ShardedGraph


class LaborSampler(KHopSampler):
    """Draws in-neighbours by a random number of the source that all nodes of a batch share.

    An edge into a node of in-degree d is drawn if the number of its source, uniform in [0, 1), is
    below fanout / d: the node gets as many as the fanout on average, each as likely, and nodes with
    common neighbours draw the same ones, so a batch holds fewer of them. The number depends on
    (seed, epoch, batch, the source's row in the raw table); it is the same at every hop.

    Edges get an importance weight of d / fanout, at least 1: one over the probability with which
    they are drawn, so that weighted sums over drawn edges have the expectation of sums over all.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        fanouts: Fanouts,
        *,
        disjoint: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample.

        Args:
            graph: The graph.
            fanouts: For each hop, seeds' in-edges first, how many in-edges are drawn for a node on
                average, at least 1, or -1 for all; or a mapping with as many hops for each edge
                type.
            disjoint: Whether each seed gets a tree of its own, which shares no node with another's.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the draws of one batch (see `KHopSampler`).
            in_memory: Whether in-edges are copied into memory (see `KHopSampler`).

        Raises:
            ArgumentError: a fanout, edge type or number is none that is possible.
            ShardCorruptError: the arrays to be copied point outside the graph.
        """
        super().__init__(
            graph,
            fanouts,
            DrawRule(pick="labor"),
            disjoint=disjoint,
            seed=seed,
            num_threads=num_threads,
            in_memory=in_memory,
        )
