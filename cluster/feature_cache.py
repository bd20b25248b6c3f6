"""The features of other owners' nodes that are asked for most often, kept at hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distgnn.cluster.messages import Column, EncodedRows
from distgnn.cluster.wire import ITEM_BYTES, travels_as_stored
from distgnn.samplers._kernels import IdTable

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from distgnn.cluster.messages import WireDtype
    from distgnn.schema import FeatureSpec, NodeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]

_MAX_BYTES_PER_CALL = 64 << 20
"""Rows are fetched in calls of this size, so that no message is as large as the cache."""


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    table: IdTable
    rows: EncodedRows


class FeatureCache:
    """Features of remote nodes by id, chosen once and never replaced.

    A node is drawn as a source in proportion to the edges that lead from it, so the nodes with the
    most edges into the own parts are kept. Rows are kept as they travel: a smaller wire type holds
    more of them. May be read from many threads.
    """

    def __init__(self, kept: dict[Column, tuple[Int64s, EncodedRows]]) -> None:
        """Keep rows.

        Args:
            kept: For each column the global ids, int64 [k], and their rows.
        """
        self._kept = {column: _Rows(IdTable(ids), rows) for column, (ids, rows) in kept.items()}

    def find(self, column: Column, ids: Int64s) -> Int64s | None:
        """Return the place of each id among the `rows`, -1 if it is not there; None: no cache."""
        kept = self._kept.get(column)
        return None if kept is None else kept.table.find(ids)

    def rows(self, column: Column) -> EncodedRows:
        """Return the rows that are kept of a column."""
        return self._kept[column].rows


def fill_cache(
    graph: ShardedGraph,
    max_bytes: int,
    wire_dtype: WireDtype,
    fetch: Callable[[Column, Int64s], EncodedRows],
) -> FeatureCache:
    """Return a cache of at most `max_bytes` of rows.

    Args:
        graph: The graph, with the own parts open.
        max_bytes: Size of all rows that are kept.
        wire_dtype: Type in which rows travel.
        fetch: Gets the rows of global ids, int64 [k], as they travel.
    """
    kept = {}
    for node_type, ids in hottest(graph, max_bytes, wire_dtype).items():
        column = Column(node_type, "x")
        spec = graph.schema.node(node_type).features
        assert spec is not None  # `hottest` returns types with features only
        step = max(_MAX_BYTES_PER_CALL // row_bytes(spec, wire_dtype), 1)
        chunks = [fetch(column, ids[begin : begin + step]) for begin in range(0, len(ids), step)]
        kept[column] = (ids, joined_rows(chunks))
    return FeatureCache(kept)


def hottest(graph: ShardedGraph, max_bytes: int, wire_dtype: WireDtype) -> dict[NodeType, Int64s]:
    """Return the remote nodes with the most edges into the open parts, by edges for a byte.

    Counting takes 8 bytes a node of the whole graph for the time that it lasts.
    """
    counted = []
    for node in graph.schema.nodes:
        if node.features is None:
            continue
        counts = _edges_into_open_parts(graph, node.type)
        ids = np.flatnonzero(counts)
        counted.append((node.type, ids, counts[ids], row_bytes(node.features, wire_dtype)))
    if not counted:
        return {}
    value = np.concatenate([counts / size for _, _, counts, size in counted])
    sizes = np.concatenate([np.full(len(ids), size) for _, ids, _, size in counted])
    best = np.argsort(-value, kind="stable")
    chosen = np.zeros(len(value), bool)
    chosen[best[np.cumsum(sizes[best]) <= max_bytes]] = True
    bounds = np.cumsum([len(ids) for _, ids, _, _ in counted])[:-1]
    return {
        name: ids[mine]
        for (name, ids, _, _), mine in zip(counted, np.split(chosen, bounds), strict=True)
        if mine.any()
    }


def row_bytes(spec: FeatureSpec, wire_dtype: WireDtype) -> int:
    """Return the size of a row as it travels."""
    if travels_as_stored(spec, wire_dtype):
        return spec.dim * ITEM_BYTES[spec.dtype]
    return spec.dim * ITEM_BYTES[wire_dtype] + (4 if wire_dtype == "int8" else 0)


def _edges_into_open_parts(graph: ShardedGraph, node_type: NodeType) -> Int64s:
    """Count the edges from each node of a type into the open parts, 0 for the nodes of these."""
    counts = np.zeros(graph.num_nodes(node_type), np.int64)
    for edge_type in graph.schema.edge_types:
        if edge_type[0] == node_type:
            for part in graph.parts:
                counts += np.bincount(graph.edges(edge_type, part).src, minlength=len(counts))
    bounds = graph.offsets(node_type)
    for part in graph.parts:
        counts[bounds[part] : bounds[part + 1]] = 0
    return counts


def joined_rows(chunks: list[EncodedRows]) -> EncodedRows:
    """Return rows of one column in one piece."""
    factors = [chunk.factors for chunk in chunks if chunk.factors is not None]
    return EncodedRows(
        np.concatenate([chunk.values for chunk in chunks]),
        chunks[0].stored_as,
        np.concatenate(factors) if factors else None,
    )
