"""Links: pairs of nodes that a batch is made of, from the edges of a graph or a list.

Legend: n links, B of a batch, K negatives of a link.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.schema import edge_key

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Links:
    """Pairs of nodes, in an order that does not depend on the partitioning."""

    edge_type: EdgeType
    src: Int64s
    """int64 [n]: global ids."""
    dst: Int64s
    """int64 [n]: global ids."""
    number: Int64s
    """int64 [n], each once: row in the raw edge table, or place in the list that was given."""
    time: Int64s | None = None
    """int64 [n]."""

    def __len__(self) -> int:
        """Return the number of links n."""
        return len(self.src)

    @classmethod
    def of_edges(cls, graph: ShardedGraph, edge_type: EdgeType, positions: Int64s) -> Self:
        """Return edges of a graph as links, in the order of their rows in the raw table.

        Args:
            graph: The graph.
            edge_type: Their type.
            positions: Their places among all edges of the type, int64 [n], part 0 first, in shard
                order (as in `SampledEdges.position`), each once, in any order.

        Raises:
            ArgumentError: positions of the wrong type, out of range or given twice, or none.
        """
        positions = _checked(positions, "positions", graph.num_edges(edge_type))
        if len(positions) == 0:
            msg = f"there are no links of type {edge_key(edge_type)!r}: is their split empty?"
            raise ArgumentError(msg)
        src, dst, eid, time = (np.empty(len(positions), np.int64) for _ in range(4))
        has_time = graph.schema.edge(edge_type).has_time
        begin = 0
        for part in range(graph.num_parts):
            shard = graph.edges(edge_type, part)
            here = np.flatnonzero((positions >= begin) & (positions < begin + shard.num_edges))
            local = positions[here] - begin
            src[here], eid[here] = shard.src[local], shard.eid[local]
            dst[here] = np.searchsorted(shard.indptr, local, side="right") - 1
            dst[here] += graph.offsets(edge_type[2])[part]
            if shard.time is not None:
                time[here] = shard.time[local]
            begin += shard.num_edges
        order = np.argsort(eid, kind="stable")
        if (np.diff(eid[order]) == 0).any():
            msg = (
                f"positions of {edge_key(edge_type)!r} name an edge more than once: give each once"
            )
            raise ArgumentError(msg)
        return cls(
            edge_type=edge_type,
            src=src[order],
            dst=dst[order],
            number=eid[order],
            time=time[order] if has_time else None,
        )

    @classmethod
    def of_pairs(
        cls,
        graph: ShardedGraph,
        edge_type: EdgeType,
        src: Int64s,
        dst: Int64s,
        time: Int64s | None = None,
    ) -> Self:
        """Return pairs of nodes as links, whether the graph has such edges or not.

        Args:
            graph: The graph.
            edge_type: The edge type that they are links of.
            src: Sources, global ids, int64 [n].
            dst: Destinations, global ids, int64 [n].
            time: Times, int64 [n].

        Raises:
            ArgumentError: ids of the wrong type or out of range, lengths that differ, or no pairs.
        """
        _checked(src, "src", graph.num_nodes(edge_type[0]))
        _checked(dst, "dst", graph.num_nodes(edge_type[2]))
        if len(src) != len(dst) or (time is not None and len(time) != len(src)):
            msg = (
                f"src has {len(src)} nodes, dst {len(dst)}: give pairs, and a time for each or none"
            )
            raise ArgumentError(msg)
        if len(src) == 0:
            msg = f"there are no links of type {edge_key(edge_type)!r}: give one pair at least"
            raise ArgumentError(msg)
        return cls(edge_type=edge_type, src=src, dst=dst, number=np.arange(len(src)), time=time)

    def take(self, places: Int64s) -> Links:
        """Return the links at `places`, int64 [B]."""
        return Links(
            edge_type=self.edge_type,
            src=self.src[places],
            dst=self.dst[places],
            number=self.number[places],
            time=None if self.time is None else self.time[places],
        )


def _checked(ids: Any, name: str, size: int) -> Int64s:
    if not isinstance(ids, np.ndarray) or ids.dtype != np.int64 or ids.ndim != 1:
        is_array = isinstance(ids, np.ndarray)
        found = f"{ids.dtype} {list(ids.shape)}" if is_array else type(ids).__name__
        msg = f"{name} must be a numpy array int64 [n], got {found}"
        raise ArgumentError(msg)
    if len(ids) and (ids.min() < 0 or ids.max() >= size):
        msg = f"{name} are {ids.min()} to {ids.max()}, outside 0 to {size - 1}"
        raise ArgumentError(msg)
    return ids
