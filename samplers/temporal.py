"""Neighbour sampling in the past of each seed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from distgnn.exceptions import ArgumentError
from distgnn.samplers.khop import KHopSampler
from distgnn.samplers.rule import DrawRule

if TYPE_CHECKING:
    from distgnn.samplers.khop import Fanouts
    from distgnn.samplers.rule import TimesOf
    from distgnn.shards import ShardedGraph


class TemporalSampler(KHopSampler):
    """Draws in-neighbours hop by hop, none from after the time of the seed.

    Every seed has a time, its own or one given to `sample`, and a tree of its own, all of which is
    drawn as of that time. An edge may be drawn if it is before that time, and if its source is:
    whichever of the two carry times. What carries none is always there.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        fanouts: Fanouts,
        *,
        pick: Literal["uniform", "latest"] = "uniform",
        times: TimesOf = "all",
        up_to: bool = False,
        replace: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample: checks that times are sorted.

        Args:
            graph: The graph; its in-edges are sorted by time, which makes the past of a node a
                binary search. Times of nodes are looked up for each in-neighbour.
            fanouts: For each hop, seeds' in-edges first, how many in-edges are drawn for a node, at
                least 1, or -1 for all; or a mapping with as many hops for each edge type.
            pick: Which of the past edges are drawn: any, each as likely, or the latest.
            times: Whose times count: those of ``edges``, of (source) ``nodes``, or ``all``.
            up_to: Whether an edge of the very time of the seed may be drawn.
            replace: Whether an edge may be drawn more than once for a node.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the draws of one batch (see `KHopSampler`).
            in_memory: Whether in-edges are copied into memory (see `KHopSampler`).

        Raises:
            ArgumentError: a fanout, edge type or number is none that is possible, or nothing that
                is followed carries a time.
            ShardCorruptError: times of in-edges are not sorted.
        """
        if pick not in ("uniform", "latest"):
            msg = f"pick = {pick!r}: it must be 'uniform' or 'latest'"
            raise ArgumentError(msg)
        if times not in ("edges", "nodes", "all"):
            msg = f"times = {times!r}: it must be 'edges', 'nodes' or 'all'"
            raise ArgumentError(msg)
        if replace and pick == "latest":
            msg = "replace goes with pick = 'uniform': the latest edges are drawn once each"
            raise ArgumentError(msg)
        super().__init__(
            graph,
            fanouts,
            DrawRule(pick=pick, replace=replace, times=times, up_to=up_to),
            disjoint=True,
            seed=seed,
            num_threads=num_threads,
            in_memory=in_memory,
        )
