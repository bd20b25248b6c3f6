"""Rows of the columns of a sharded graph, gathered by a C++ kernel into pooled memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.samplers._kernels import DenseRows
from distgnn.samplers._kernels import SparseRows as SparseKernel
from distgnn.shards import SparseRows

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        shards = [graph.nodes(node_type, part) for part in range(graph.num_parts)]
        self._kernel = _kernel(
            [getattr(shard, column) for shard in shards],
            graph.offsets(node_type),
            spec,
            pool,
            f"node type {node_type!r} has no column {column!r}",
        )

    def gather(self, ids: Int64s, num_threads: int = 1) -> npt.NDArray[Any]:
        """Return the rows of the global `ids` (int64 [k]), [k, ...], in pooled memory.

        Raises:
            ArgumentError: an id is out of range.
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
        shards = [graph.edges(edge_type, part) for part in range(graph.num_parts)]
        offsets = np.zeros(graph.num_parts + 1, np.int64)
        np.cumsum([shard.num_edges for shard in shards], out=offsets[1:])
        self._kernel = _kernel(
            [getattr(shard, column) for shard in shards],
            offsets,
            spec,
            pool,
            f"edge type {edge_type!r} has no column {column!r}",
        )

    def gather(self, positions: Int64s, num_threads: int = 1) -> npt.NDArray[Any]:
        """Return the rows at `positions` (int64 [k]), [k, ...], in pooled memory.

        Raises:
            ArgumentError: a position is out of range.
        """
        return self._kernel.gather(positions, num_threads)


def _kernel(
    parts: Sequence[Any], offsets: Int64s, spec: FeatureSpec | None, pool: BufferPool, absent: str
) -> DenseRows | SparseKernel:
    if any(part is None for part in parts):
        raise ArgumentError(absent)
    if isinstance(parts[0], SparseRows):
        assert spec is not None  # only features are sparse
        return SparseKernel(
            pool,
            offsets,
            [(part.indptr, part.indices, part.values) for part in parts],
            dim=spec.dim,
            stored_as=spec.dtype,
        )
    return DenseRows(pool, offsets, parts, stored_as="bytes" if spec is None else spec.dtype)
