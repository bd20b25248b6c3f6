"""Renumbering: from the part of every node to global ids, contiguous for each part and node type.

Within a part nodes keep the order of the raw table, so that rows are read forwards and the result
follows from the assignment alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distgnn.partition import kernels

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency
    from distgnn.schema import GraphSchema, NodeType


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeLayout:
    """Where the n nodes of one type go."""

    part_of: npt.NDArray[np.int32]
    """int32 [n]: the part of each raw row."""
    offsets: npt.NDArray[np.int64]
    """int64 [num_parts + 1]: part p owns the global ids offsets[p]:offsets[p + 1]."""
    order: npt.NDArray[np.int64]
    """int64 [n]: the raw row of each global id, rising within a part."""
    global_id: npt.NDArray[np.int64]
    """int64 [n]: the global id of each raw row; the inverse of `order`."""

    @property
    def num_parts(self) -> int:
        """Number of parts."""
        return len(self.offsets) - 1

    def rows(self, part: int) -> npt.NDArray[np.int64]:
        """Return the raw rows that `part` owns, int64, rising."""
        return self.order[self.offsets[part] : self.offsets[part + 1]]

    def num_owned(self, part: int) -> int:
        """Return how many nodes `part` owns."""
        return int(self.offsets[part + 1] - self.offsets[part])


def node_layout(part_of: npt.NDArray[np.int32], num_parts: int) -> NodeLayout:
    """Return the layout of one node type.

    Args:
        part_of: int32 [n], the part of each raw row.
        num_parts: Number of parts.
    """
    offsets, order = kernels.group_by_part(part_of, num_parts)
    global_id = np.empty_like(order)
    global_id[order] = np.arange(len(order))
    return NodeLayout(part_of=part_of, offsets=offsets, order=order, global_id=global_id)


def occupy_every_part(assignment: npt.NDArray[np.int32], num_parts: int) -> npt.NDArray[np.int32]:
    """Return the assignment, int32 [N], without empty parts.

    Each empty part takes the last node of the then largest part (the first such part). Partitioners
    leave parts empty only where there are hardly more nodes than parts.
    """
    counts = np.bincount(assignment, minlength=num_parts)
    occupied = assignment.copy()
    for part in np.flatnonzero(counts == 0):
        largest = int(counts.argmax())
        node = np.flatnonzero(occupied == largest)[-1]
        occupied[node] = part
        counts[largest] -= 1
        counts[part] = 1
    return occupied


def node_layouts(
    schema: GraphSchema,
    adjacency: Adjacency,
    assignment: npt.NDArray[np.int32],
    num_parts: int,
) -> dict[NodeType, NodeLayout]:
    """Return the layout of every node type from the assignment of the union graph, int32 [N]."""
    bounds = adjacency.node_offsets
    return {
        node_type: node_layout(assignment[bounds[t] : bounds[t + 1]], num_parts)
        for t, node_type in enumerate(schema.node_types)
    }
