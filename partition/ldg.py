"""Linear deterministic greedy (LDG), a streaming partitioner."""

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


class LdgPartitioner:
    r"""One pass over the nodes; each goes where most of its neighbours are, if there is room.

    Stanton and Kliot, "Streaming graph partitioning for large distributed graphs", KDD 2012: node v
    goes to the part p with the largest :math:`|N(v) \cap p| (1 - w(p) / C)`. The capacity C is
    1.03 equal shares; under several constraints the fullest one counts. Ties go to the least loaded
    part.
    """

    needs_edges: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(ns_per_edge=25, bytes_per_node=12)

    def assign(
        self, adjacency: Adjacency, num_parts: int, weights: npt.NDArray[np.int64], seed: int
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `Partitioner.assign`).

        No part holds more than 1.03 shares (or one share rounded up, if that is more) of any
        constraint while each node has room somewhere; otherwise the excess is less than the
        heaviest node.
        """
        return self.assign_stream(AdjacencyStream(adjacency, seed), num_parts, weights)

    def assign_stream(
        self, stream: NeighbourStream, num_parts: int, weights: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `StreamPartitioner.assign_stream`)."""
        return place_all(stream, num_parts, weights, "ldg", num_passes=1)
