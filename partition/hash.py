"""Hash partitioning: the part of a node follows from its index, and from nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from distgnn.partition.partitioner import Cost

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency


class HashPartitioner:
    """Spreads nodes by a mixed hash of (seed, node type, index), whatever the edges.

    Parts are balanced as random ones are: a share of n / k nodes varies by about its square root.
    """

    needs_edges: ClassVar[bool] = False
    cost: ClassVar[Cost] = Cost(ns_per_node=15, bytes_per_node=40)

    def assign(
        self,
        adjacency: Adjacency,
        num_parts: int,
        weights: npt.NDArray[np.int64],  # noqa: ARG002
        seed: int,
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `Partitioner.assign`); `weights` are not used."""
        parts = np.empty(adjacency.num_nodes, np.int32)
        offsets = adjacency.node_offsets
        for node_type in range(len(offsets) - 1):
            first, last = int(offsets[node_type]), int(offsets[node_type + 1])
            key = mix(mix(np.array([seed], np.uint64)) + np.uint64(node_type))
            hashed = mix(np.arange(last - first, dtype=np.uint64) + key) >> np.uint64(32)
            # Upper half of a 32 x 32 bit product: an even share for every part, without a division.
            parts[first:last] = (hashed * np.uint64(num_parts)) >> np.uint64(32)
        return parts


def mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return 64-bit hashes, by SplitMix64's output function (Steele et al., OOPSLA 2014)."""
    mixed = values + np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))
