"""A sharded graph without some of its edges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError
from distgnn.schema import edge_key
from distgnn.shards.columns import list_parts
from distgnn.shards.layout import edge_shard
from distgnn.shards.reader import ShardedGraph

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from distgnn.schema import EdgeType
    from distgnn.shards.views import EdgeShard

    Bools = npt.NDArray[np.bool_]


class PrunedGraph(ShardedGraph):
    """The graph `graph` with those edges only that are kept; nodes and ids are the same.

    For whatever samples, it is a graph like any other: positions count the edges that are left.
    What is left of an edge type is copied into memory when it is first asked for; other edge types
    stay mapped.
    """

    def __init__(self, graph: ShardedGraph, keep: Mapping[EdgeType, Bools]) -> None:
        """Choose edges; nothing is copied yet.

        Args:
            graph: The graph, all of whose parts are open.
            keep: For each edge type that loses edges, whether each is kept: bool [E] by position
                (part 0 first, in shard order).

        Raises:
            ArgumentError: an edge type does not exist, or `keep` has another length.
        """
        self._keep = {edge_type: _by_part(graph, edge_type, keep[edge_type]) for edge_type in keep}
        counts = dict(graph.manifest.edge_counts)
        for edge_type, parts in self._keep.items():
            counts[edge_key(edge_type)] = tuple(int(part.sum()) for part in parts)
        super().__init__(graph.path, replace(graph.manifest, edge_counts=counts), graph.parts)
        self._pruned: dict[tuple[EdgeType, int], EdgeShard] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        keep = {edge_type: np.concatenate(parts) for edge_type, parts in self._keep.items()}
        return _reopen, (self.path, keep)

    def edges(self, edge_type: EdgeType, part: int) -> EdgeShard:
        """Return the edges of one type that are left; see `ShardedGraph.edges`."""
        whole = super().edges(edge_type, part)
        if edge_type not in self._keep:
            return whole
        key = (edge_type, part)
        if key not in self._pruned:
            batch = _filtered(whole.columns, self._keep[edge_type][part])
            where = f"{edge_key(edge_type)} of part {part}, without some edges"
            self._pruned[key] = edge_shard(self.schema.edge(edge_type), batch, where)
        return self._pruned[key]


def _reopen(path: Path, keep: dict[EdgeType, Bools]) -> PrunedGraph:
    return PrunedGraph(ShardedGraph.open(path), keep)


def _by_part(graph: ShardedGraph, edge_type: EdgeType, keep: Bools) -> list[Bools]:
    counts = graph.manifest.edge_counts[edge_key(graph.schema.edge(edge_type).type)]
    if keep.dtype != np.bool_ or keep.shape != (sum(counts),):
        msg = (
            f"keep of {edge_key(edge_type)!r} must be bool [{sum(counts)}], a value for each edge, "
            f"got {keep.dtype} {list(keep.shape)}"
        )
        raise ArgumentError(msg)
    return np.split(keep, np.cumsum(counts)[:-1])


def _filtered(batch: Any, keep: Bools) -> Any:
    """Return the record batch of an edge file with the edges that are kept."""
    offsets = list_parts(batch.column("src"))[0].to_numpy()
    before = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    new_offsets, mask = pa.array(before[offsets]), pa.array(keep)
    arrays = [
        pa.LargeListArray.from_arrays(
            new_offsets, list_parts(column)[1].filter(mask), type=column.type
        )
        for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=batch.schema)
