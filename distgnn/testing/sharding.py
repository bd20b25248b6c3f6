"""A slow, obvious way to shard a raw graph as told: for tests, and an oracle for partitioners."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.shards import ManifestInfo, ShardedGraph, ShardWriter

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from distgnn.schema import NodeType
    from distgnn.tables.raw_graph import RawGraph

    Int64s = npt.NDArray[np.int64]


def shard(raw: RawGraph, owners: Mapping[NodeType, npt.ArrayLike], out: Path) -> ShardedGraph:
    """Write `raw` to `out`, every node in the part that `owners` names, and open it.

    Nodes of a part stay in raw order. It loops in plain Python: for small graphs only.

    Args:
        raw: The graph; edges name their ends by row.
        owners: For each node type the part of every row, int [num_nodes]; parts are 0 to the
            largest number.
        out: Directory to make.
    """
    parts = {name: np.asarray(part, np.int64) for name, part in owners.items()}
    num_parts = 1 + max(int(part.max(initial=0)) for part in parts.values())
    rows_of = {
        name: [np.flatnonzero(part == p) for p in range(num_parts)] for name, part in parts.items()
    }
    global_ids = {name: np.argsort(np.concatenate(rows)) for name, rows in rows_of.items()}
    with ShardWriter(out, raw.schema, num_parts) as writer:
        for p in range(num_parts):
            for name, table in raw.nodes.items():
                rows = pa.array(rows_of[name][p])
                writer.write_nodes(p, name, table.take(rows).add_column(1, "index", rows))
            for edge in raw.schema.edges:
                table, (source, _, destination) = raw.edges[edge.type], edge.type
                lists = in_edges(table, rows_of[destination][p], timed=edge.has_time)
                writer.write_edges(p, edge.type, edge_lists(table, lists, global_ids[source]))
        info = ManifestInfo(name=raw.name, fingerprint=raw.fingerprint(), method="by hand")
        writer.commit(info)
    return ShardedGraph.open(out)


def in_edges(table: Any, destinations: Int64s, *, timed: bool) -> list[list[int]]:
    """Return for each destination the rows of its edges, sorted by (time,) source and row.

    Args:
        table: A raw edge table.
        destinations: Rows of the destination's node table, int64 [n].
        timed: Whether edges carry a time.
    """
    src, dst = table.column("src").to_pylist(), table.column("dst").to_pylist()
    time = table.column("time").to_pylist() if timed else [0] * len(src)
    found: dict[int, list[int]] = {row: [] for row in destinations.tolist()}
    for edge in sorted(range(len(src)), key=lambda edge: (time[edge], src[edge], edge)):
        if dst[edge] in found:
            found[dst[edge]].append(edge)
    return list(found.values())


def edge_lists(table: Any, lists: list[list[int]], global_ids: Int64s) -> Any:
    """Return the table of an edge file: each column as the list of every destination's edges.

    Args:
        table: A raw edge table.
        lists: For each destination the rows of its edges.
        global_ids: Global id of every row of the source's node table, int64 [N].
    """
    rows = np.array([edge for edges in lists for edge in edges], np.int64)
    offsets = pa.array(np.cumsum([0, *map(len, lists)], dtype=np.int64))
    edges = table.take(pa.array(rows))
    columns = {"src": pa.array(global_ids[edges.column("src").to_numpy()]), "eid": pa.array(rows)}
    metadata: dict[str, Any] = {"src": None, "eid": None}
    for name in edges.column_names:
        if name not in {"src", "dst"}:
            columns[name] = edges.column(name).combine_chunks()
            metadata[name] = edges.schema.field(name).metadata
    arrays = [pa.LargeListArray.from_arrays(offsets, column) for column in columns.values()]
    fields = [
        pa.field(name, array.type, metadata=metadata[name])
        for name, array in zip(columns, arrays, strict=True)
    ]
    return pa.table(arrays, schema=pa.schema(fields))
