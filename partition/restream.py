"""Re-streaming: LDG again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from distgnn.partition.partitioner import Cost
from distgnn.partition.rows import AdjacencyStream
from distgnn.partition.streaming import place_all

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency
    from distgnn.partition.rows import NeighbourStream

NUM_PASSES = 10
"""The paper's cuts hardly fall after ten."""


class RestreamPartitioner:
    """Ten passes of LDG, each of which knows where the pass before placed every node.

    Nishimura and Ugander, "Restreaming graph partitioning: simple versatile algorithms for advanced
    balancing", KDD 2013 (ReLDG). A smaller cut than one pass, in the same memory.
    """

    needs_edges: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(ns_per_edge=250, bytes_per_node=12)

    def assign(
        self, adjacency: Adjacency, num_parts: int, weights: npt.NDArray[np.int64], seed: int
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `Partitioner.assign`); capacities as for LDG."""
        return self.assign_stream(AdjacencyStream(adjacency, seed), num_parts, weights)

    def assign_stream(
        self, stream: NeighbourStream, num_parts: int, weights: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `StreamPartitioner.assign_stream`)."""
        return place_all(stream, num_parts, weights, "ldg", num_passes=NUM_PASSES)
