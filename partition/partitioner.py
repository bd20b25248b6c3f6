"""What a partitioner is: one method, from an undirected graph to the part of every node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency
    from distgnn.partition.rows import NeighbourStream

MAX_IMBALANCE = 0.03
"""How far a part may exceed its equal share, as a fraction of it: METIS's and KaHIP's default."""

SLACK = 1 + MAX_IMBALANCE
"""Capacity of a part in equal shares."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a partitioner takes beside the adjacency itself, measured on one core."""

    ns_per_node: float = 0.0
    """Time, nanoseconds."""
    ns_per_edge: float = 0.0
    """Time, nanoseconds for each directed edge of the raw tables."""
    bytes_per_node: float = 0.0
    """Peak memory."""
    bytes_per_edge: float = 0.0
    """Peak memory for each directed edge of the raw tables."""


class Partitioner(Protocol):
    """Assigns every node of the union graph to a part; a pure function of its arguments."""

    needs_edges: ClassVar[bool]
    """Whether `assign` looks at the edges: if not, the adjacency need not be built."""

    cost: ClassVar[Cost]
    """For the estimate that is printed before a run."""

    def assign(
        self, adjacency: Adjacency, num_parts: int, weights: npt.NDArray[np.int64], seed: int
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node.

        Args:
            adjacency: The undirected union graph of N nodes.
            num_parts: Number of parts, from 1 to N.
            weights: int64 [N, C], not negative: what a node weighs under each of C constraints,
                of which every part should get an equal share.
            seed: Fixes every choice that is made at random; at least 0.

        Returns:
            int32 [N], each in [0, num_parts).
        """
        ...


@runtime_checkable
class StreamPartitioner(Protocol):
    """A partitioner that reads the edges in passes, so that they need not be in memory."""

    def assign_stream(
        self, stream: NeighbourStream, num_parts: int, weights: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node, int32 [N]: as `assign` with the seed of the stream."""
        ...
