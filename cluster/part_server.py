"""What a sampling actor answers to its peers: the draws and rows of the parts that it has open."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash

import distgnn
from distgnn.cluster.messages import DrawReply, EncodedRows, GatherReply, ServerInfo
from distgnn.cluster.wire import encode, travels_as_stored
from distgnn.samplers import BufferPool, DrawnEdges, EdgeRows, HopDrawer, NodeRows
from distgnn.samplers._kernels import DenseRows
from distgnn.samplers.rows import edge_offsets

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.cluster.messages import Column, DrawRequest, GatherRequest, WireDtype
    from distgnn.samplers import DrawRule
    from distgnn.schema import EdgeType, FeatureSpec
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]

_LARGEST_UINT32 = (1 << 32) - 1


class PartServer:
    """Serves the open parts of a graph; may be called from many threads."""

    def __init__(self, graph: ShardedGraph, *, name: str = "sampler-0", node: str = "") -> None:
        """Prepare to serve; columns and in-edges are mapped when they are first asked for.

        Args:
            graph: The graph, with the parts of this server open.
            name: Name of the actor, for messages.
            node: Name of its machine, for messages.
        """
        self.graph = graph
        self.name, self.node = name, node
        self._pool = BufferPool()
        self._drawers: dict[tuple[DrawRule, int], HopDrawer] = {}
        self._columns: dict[Column, NodeRows | EdgeRows] = {}
        self._stored: dict[Column, DenseRows] = {}
        self._lock = threading.Lock()

    def info(self) -> ServerInfo:
        """Return what is open here."""
        return ServerInfo(
            name=self.name,
            node=self.node,
            path=str(self.graph.path),
            parts=self.graph.parts,
            fingerprint=self.graph.fingerprint,
            layout=layout(self.graph),
            version=distgnn.__version__,
            pid=os.getpid(),
        )

    def draw(self, request: DrawRequest) -> DrawReply:
        """Return the in-edges that are drawn for the nodes of a request.

        Raises:
            ArgumentError: a node is of a part that is not open here.
            ShardCorruptError: the part's arrays point outside themselves.
        """
        drawer = self._drawer(request.rule, request.seed)
        edges = {}
        for edge_type, fanout in request.fanouts.items():
            drawn = drawer.draw(
                edge_type,
                request.nodes[edge_type[2]],
                fanout=fanout,
                epoch=request.epoch,
                batch=request.batch,
            )
            edges[edge_type] = self._shortened(edge_type, drawn)
        return DrawReply(edges)

    def gather(self, request: GatherRequest) -> GatherReply:
        """Return rows of columns.

        Raises:
            ArgumentError: a row is of a part that is not open here, or there is no such column.
        """
        return GatherReply({
            column: self._rows(column, ids, request.wire_dtype)
            for column, ids in request.rows.items()
        })  # fmt: skip

    def _drawer(self, rule: DrawRule, seed: int) -> HopDrawer:
        with self._lock:
            if (rule, seed) not in self._drawers:
                self._drawers[rule, seed] = HopDrawer(self.graph, rule, seed=seed)
            return self._drawers[rule, seed]

    def _shortened(self, edge_type: EdgeType, drawn: DrawnEdges) -> DrawnEdges:
        short_ids = self.graph.num_nodes(edge_type[0]) <= _LARGEST_UINT32
        short_positions = self.graph.num_edges(edge_type) <= _LARGEST_UINT32
        return DrawnEdges(
            num_picks=drawn.num_picks,
            sources=_narrow(drawn.sources) if short_ids else drawn.sources,
            position=_narrow(drawn.position) if short_positions else drawn.position,
            weight=drawn.weight,
        )

    def _rows(self, column: Column, ids: Int64s, wire_dtype: WireDtype) -> EncodedRows:
        spec = features(self.graph, column)
        if spec is None:
            return EncodedRows(self._column(column).gather(ids))
        if travels_as_stored(spec, wire_dtype):
            return EncodedRows(self._as_stored(column).gather(ids), spec.dtype)
        return encode(self._column(column).gather(ids), wire_dtype)

    def _column(self, column: Column) -> NodeRows | EdgeRows:
        with self._lock:
            if column not in self._columns:
                self._columns[column] = _open_column(self.graph, column, self._pool)
            return self._columns[column]

    def _as_stored(self, column: Column) -> DenseRows:
        """Return the kernel that copies rows of a dense feature column as they are."""
        with self._lock:
            if column not in self._stored:
                graph, parts = self.graph, range(self.graph.num_parts)
                columns: dict[int, Any] = {
                    part: _shard(graph, column, part) for part in graph.parts
                }
                self._stored[column] = DenseRows(
                    self._pool, offsets(graph, column), [columns.get(p) for p in parts], "bytes"
                )
            return self._stored[column]


def features(graph: ShardedGraph, column: Column) -> FeatureSpec | None:
    """Return what is known of a feature column; None for any other column."""
    if column.name == "x" and isinstance(column.type, str):
        return graph.schema.node(column.type).features
    if column.name == "edge_attr" and not isinstance(column.type, str):
        return graph.schema.edge(column.type).features
    return None


def offsets(graph: ShardedGraph, column: Column) -> Int64s:
    """Return the bounds of the parts' ranges of rows of a column, int64 [num_parts + 1]."""
    if isinstance(column.type, str):
        return graph.offsets(column.type)
    return edge_offsets(graph, column.type)


def layout(graph: ShardedGraph) -> str:
    """Return a hash of how the nodes and edges of a graph lie in parts."""
    text = repr((graph.manifest.node_offsets, graph.manifest.edge_counts, graph.manifest.made))
    return xxhash.xxh3_128_hexdigest(text.encode())


def _open_column(graph: ShardedGraph, column: Column, pool: BufferPool) -> NodeRows | EdgeRows:
    if isinstance(column.type, str):
        return NodeRows(graph, column.type, column.name, pool)  # type: ignore[arg-type]
    return EdgeRows(graph, column.type, column.name, pool)  # type: ignore[arg-type]


def _shard(graph: ShardedGraph, column: Column, part: int) -> npt.NDArray[Any]:
    if isinstance(column.type, str):
        shard: Any = graph.nodes(column.type, part)
    else:
        shard = graph.edges(column.type, part)
    rows: npt.NDArray[Any] = getattr(shard, column.name)
    return rows


def _narrow(ids: Int64s) -> Any:
    return ids.astype(np.uint32)
