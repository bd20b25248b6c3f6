"""Another number of parts or another method, from the shards instead of the raw tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.partition.pipeline import partition_graph
from distgnn.shards.reader import ShardedGraph
from distgnn.tables.convert import from_numpy
from distgnn.tables.raw_graph import RawGraph

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from distgnn.partition.report import PartitionReport
    from distgnn.schema import EdgeType, NodeType


def repartition(
    graph: Path,
    out: Path,
    *,
    num_parts: int,
    method: str = "metis",
    balance: str = "nodes",
    seed: int = 0,
    overwrite: bool = False,
    progress: bool = True,
) -> PartitionReport:
    """Partition a sharded graph anew: as `partition_graph` does with the tables it was made from.

    Nodes and edges keep their `index` and `eid`, so samples and results stay the same.

    Args:
        graph: Directory of the sharded graph.
        out: Directory to make; may be `graph` itself with `overwrite`.
        num_parts: Number of parts.
        method: One of `registry.PARTITIONERS`.
        balance: What every part gets an equal share of.
        seed: Seed of the methods that draw at random.
        overwrite: Replace a sharded graph at `out`.
        progress: Print an estimate first, and show progress bars.

    Raises:
        ShardError: `graph` is no sharded graph.
        PartitionError, OutputExistsError, StorageError: as for `partition_graph`.
    """
    raw = raw_tables(ShardedGraph.open(graph))
    return partition_graph(
        raw,
        out,
        num_parts=num_parts,
        method=method,
        balance=balance,
        seed=seed,
        overwrite=overwrite,
        progress=progress,
    )


def raw_tables(graph: ShardedGraph) -> RawGraph:
    """Return the tables that a sharded graph was made from, in raw order.

    Columns are copied, one after another; Arrow types are those of the shards (lists with 64-bit
    offsets), which the fingerprint does not tell apart.
    """
    rows = {name: _raw_rows(graph, name) for name in graph.schema.node_types}
    return RawGraph(
        schema=graph.schema,
        nodes={name: _node_table(graph, name) for name in graph.schema.node_types},
        edges={name: _edge_table(graph, name, rows) for name in graph.schema.edge_types},
        name=graph.manifest.name,
    )


def _raw_rows(graph: ShardedGraph, node_type: NodeType) -> npt.NDArray[np.int64]:
    """Return the raw row of every global id, int64 [N]."""
    return graph.column(node_type, "index")


def _node_table(graph: ShardedGraph, node_type: NodeType) -> Any:
    shards = [graph.nodes(node_type, part).columns for part in range(graph.num_parts)]
    order = np.argsort(graph.column(node_type, "index"), kind="stable")
    names = [name for name in shards[0].schema.names if name != "index"]
    return _sorted_table(shards, names, order)


def _edge_table(
    graph: ShardedGraph, edge_type: EdgeType, rows: dict[NodeType, npt.NDArray[np.int64]]
) -> Any:
    parts = range(graph.num_parts)
    shards = [graph.edges(edge_type, part) for part in parts]
    order = np.argsort(np.concatenate([shard.eid for shard in shards]), kind="stable")
    bounds = graph.offsets(edge_type[2])
    targets = [
        np.repeat(rows[edge_type[2]][bounds[p] : bounds[p + 1]], np.diff(shards[p].indptr))
        for p in parts
    ]
    sources = np.concatenate([shard.src for shard in shards])
    names = [n for n in shards[0].columns.schema.names if n not in ("src", "eid")]
    values = [_values(shard.columns) for shard in shards]
    table = _sorted_table(values, names, order)
    table = table.add_column(0, "src", from_numpy(rows[edge_type[0]][sources[order]]))
    return table.add_column(1, "dst", from_numpy(np.concatenate(targets)[order]))


def _values(batch: Any) -> Any:
    """Return the values of columns of lists as a record batch, a row an edge."""
    fields = [pa.field(f.name, f.type.value_type, metadata=f.metadata) for f in batch.schema]
    return pa.RecordBatch.from_arrays(
        [batch.column(i).flatten() for i in range(batch.num_columns)], schema=pa.schema(fields)
    )


def _sorted_table(batches: list[Any], names: list[str], order: npt.NDArray[np.int64]) -> Any:
    """Return columns of all parts, one after another, in a new order."""
    positions, columns = pa.array(order), []
    for name in names:
        joined = pa.chunked_array([batch.column(name) for batch in batches])
        columns.append(joined.unify_dictionaries().combine_chunks().take(positions))
    fields = [batches[0].schema.field(name).with_nullable(True) for name in names]
    if not names:
        return pa.table({"row": pa.nulls(len(order))}).select([])
    return pa.Table.from_arrays(columns, schema=pa.schema(fields))
