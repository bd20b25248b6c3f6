"""Rows of the columns of a sharded graph, gathered by a C++ kernel into pooled memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.samplers._kernels import DenseRows
from distgnn.samplers._kernels import SparseRows as SparseKernel
from distgnn.schema import edge_key
from distgnn.shards import SparseRows

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.samplers._kernels import BufferPool
    from distgnn.samplers.base import Int64s
    from distgnn.schema import EdgeType, FeatureSpec, NodeType
    from distgnn.shards import ShardedGraph

NodeColumn = Literal["x", "y", "split", "time", "index"]
EdgeColumn = Literal["edge_attr", "weight", "time", "y", "eid"]


class NodeRows:
    """A role column of one node type, by global id.

    Features become dense float32, whatever their storage; other columns keep their type.
    """

    def __init__(
        self, graph: ShardedGraph, node_type: NodeType, column: NodeColumn, pool: BufferPool
    ) -> None:
        """Prepare to gather; nothing is read yet.

        Raises:
            ArgumentError: there is no such node type, or it has no such column.
        """
        spec = graph.schema.node(node_type).features if column == "x" else None
        self._kernel = _kernel(
            graph,
            {part: getattr(graph.nodes(node_type, part), column) for part in graph.parts},
            graph.offsets(node_type),
            spec,
            pool,
            f"node type {node_type!r} has no column {column!r}",
        )

    def gather(self, ids: Int64s, num_threads: int = 1) -> npt.NDArray[Any]:
        """Return the rows of the global `ids` (int64 [k]), [k, ...], in pooled memory.

        Raises:
            ArgumentError: an id is out of range, or of a part that is not open here.
        """
        return self._kernel.gather(ids, num_threads)


class EdgeRows:
    """A role column of one edge type, by position (see `SampledEdges.position`).

    Features become dense float32, whatever their storage; other columns keep their type.
    """

    def __init__(
        self, graph: ShardedGraph, edge_type: EdgeType, column: EdgeColumn, pool: BufferPool
    ) -> None:
        """Prepare to gather; nothing is read yet.

        Raises:
            ArgumentError: there is no such edge type, or it has no such column.
        """
        spec = graph.schema.edge(edge_type).features if column == "edge_attr" else None
        self._kernel = _kernel(
            graph,
            {part: getattr(graph.edges(edge_type, part), column) for part in graph.parts},
            edge_offsets(graph, edge_type),
            spec,
            pool,
            f"edge type {edge_type!r} has no column {column!r}",
        )

    def gather(self, positions: Int64s, num_threads: int = 1) -> npt.NDArray[Any]:
        """Return the rows at `positions` (int64 [k]), [k, ...], in pooled memory.

        Raises:
            ArgumentError: a position is out of range, or of a part that is not open here.
        """
        return self._kernel.gather(positions, num_threads)


def edge_offsets(graph: ShardedGraph, edge_type: EdgeType) -> Int64s:
    """Return the bounds of the parts' ranges of edge positions, int64 [num_parts + 1]."""
    counts = graph.manifest.edge_counts[edge_key(edge_type)]
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _kernel(
    graph: ShardedGraph,
    columns: dict[int, Any],
    offsets: Int64s,
    spec: FeatureSpec | None,
    pool: BufferPool,
    absent: str,
) -> DenseRows | SparseKernel:
    """Return the kernel of a column, given for each open part."""
    if any(column is None for column in columns.values()):
        raise ArgumentError(absent)
    parts = [columns.get(part) for part in range(graph.num_parts)]
    if isinstance(columns[graph.parts[0]], SparseRows):
        assert spec is not None  # only features are sparse
        return SparseKernel(
            pool,
            offsets,
            [None if part is None else (part.indptr, part.indices, part.values) for part in parts],
            dim=spec.dim,
            stored_as=spec.dtype,
        )
    return DenseRows(pool, offsets, parts, stored_as="bytes" if spec is None else spec.dtype)
