"""Range partitioning: every part gets consecutive rows of every node table."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from distgnn.partition.partitioner import Cost

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency


class RangePartitioner:
    """Cuts each node type, in raw order, into consecutive ranges of equal weight.

    The best method for tables whose order already says what belongs together, such as crawls.
    """

    needs_edges: ClassVar[bool] = False
    cost: ClassVar[Cost] = Cost(ns_per_node=15, bytes_per_node=40)

    def assign(
        self,
        adjacency: Adjacency,
        num_parts: int,
        weights: npt.NDArray[np.int64],
        seed: int,  # noqa: ARG002
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `Partitioner.assign`); nothing is random.

        Only the first constraint is balanced, within each node type.
        """
        offsets = adjacency.node_offsets
        pieces = [
            _cut(weights[offsets[t] : offsets[t + 1], 0], num_parts)
            for t in range(len(offsets) - 1)
        ]
        return np.concatenate(pieces)


def _cut(weight: npt.NDArray[np.int64], num_parts: int) -> npt.NDArray[np.int32]:
    """Return the part of each row: rows go to the part in which the middle of their weight lies."""
    if not weight.any():
        weight = np.ones_like(weight)
    ends = np.cumsum(weight)
    total = int(ends[-1]) if len(ends) else 1
    middles = ends - weight / 2
    return np.minimum(middles * num_parts // total, num_parts - 1).astype(np.int32)
