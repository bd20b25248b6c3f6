"""From buckets to shard files: one file a part and type."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.partition import kernels
from distgnn.partition.edge_tables import edge_lists
from distgnn.partition.out_of_core.assign import load_global_ids
from distgnn.partition.out_of_core.columns import PartColumns
from distgnn.partition.out_of_core.edges import edge_schemas, segments
from distgnn.partition.out_of_core.ingest import NODE_SCHEMA, merge_schemas
from distgnn.partition.out_of_core.spool import read_spool, spool_schema
from distgnn.partition.out_of_core.tasks import partial_name
from distgnn.schema import NodeSchema, parse_edge_key
from distgnn.shards.layout import edge_batch, edge_roles, node_batch, node_roles
from distgnn.shards.manifest import edge_file, node_file
from distgnn.shards.writer import write_batch
from distgnn.tables.build import describe_nodes
from distgnn.tables.convert import to_numpy

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Facts
    from distgnn.schema import NodeType

SHARDS = "shards"
"""Folder of the finished shard files in the folder of the run."""


def node_schema(job: Job, node_type: NodeType) -> NodeSchema:
    """Return the schema of a node type."""
    facts = [job.facts("nodes", node_type, i) for i in range(job.num_files(node_type))]
    classes = job.node_config(node_type).num_classes
    return merge_schemas(NODE_SCHEMA, facts, classes, describe_nodes(node_type))


def assemble_nodes(job: Job, node_type: NodeType, part: int) -> Facts:
    """Write the node file of one type and part."""
    schema = node_schema(job, node_type)
    with PartColumns(job.path("columns", "nodes", node_type, part)) as columns:
        on_disk = frozenset(node_roles(schema))
        for position in range(job.num_files(node_type)):
            batches = job.facts("node_parts", node_type, position)["batches"].get(str(part), [])
            for batch in read_spool(job.spool("node_parts", node_type, position), batches):
                columns.append(batch, on_disk)
        table = columns.table() if columns.schema is not None else _no_nodes(job, node_type)
        return _write(job, node_file(part, node_type), node_batch(schema, table))


def assemble_edges(job: Job, key: str, part: int) -> Facts:
    """Write the edge file of one type and part: each bucket sorted, one after another."""
    edge_type = parse_edge_key(key)
    schema = next(schema for schema in edge_schemas(job) if schema.type == edge_type)
    source_id = load_global_ids(job, edge_type[0])
    indptr, repeats, first_repeat = [np.zeros(1, np.int64)], 0, None
    low, high, count = len(source_id), -1, 0
    with PartColumns(job.path("columns", "edges", key, part)) as columns:
        on_disk = frozenset(edge_roles(schema))
        for bucket, (owner, first, end) in enumerate(job.facts("layout")["edge_buckets"][key]):
            if owner != part:
                continue
            table = _bucket(job, key, bucket)
            offsets, order = _sorted_rows(table, first, end, len(source_id))
            table = table.take(pa.array(order))
            src = source_id[to_numpy(table.column("src"))]
            repeated = _repeats(table, offsets)
            repeats += len(repeated)
            if len(repeated):
                smallest = int(repeated.min())
                first_repeat = smallest if first_repeat is None else min(first_repeat, smallest)
            if len(src):
                low, high = min(low, int(src.min())), max(high, int(src.max()))
            ready = table.drop_columns(["src", "dst", "eid"])
            ready = ready.add_column(0, "src", pa.array(src))
            ready = ready.add_column(1, "eid", table.column("eid"))
            columns.append(ready, on_disk)
            indptr.append(offsets[1:] + count)
            count += len(src)
        arrays = {name: columns.column(name) for name in columns.schema.names}
        lists = edge_lists(np.concatenate(indptr), arrays, columns.schema)
        facts = _write(job, edge_file(part, edge_type), edge_batch(schema, lists))
    bounds = [low, high] if count else None
    return facts | {
        "edges": count,
        "sources": bounds,
        "repeats": repeats,
        "first_repeat": first_repeat,
    }


def _write(job: Job, relative: str, batch: Any) -> Facts:
    path = job.work / SHARDS / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = partial_name(path)
    partial.unlink(missing_ok=True)
    entry = write_batch(partial, batch)
    partial.replace(path)
    return {"entry": asdict(entry)}


def _no_nodes(job: Job, node_type: NodeType) -> Any:
    """Return the empty table of a part that owns no node of a type."""
    schema = spool_schema(
        next(
            path
            for path in (job.spool("nodes", node_type, i) for i in range(job.num_files(node_type)))
            if path.exists()
        )
    )
    return schema.append(pa.field("index", pa.int64())).empty_table()


def _bucket(job: Job, key: str, bucket: int) -> Any:
    """Return the edges of one bucket in the order of their numbers, each column in one chunk."""
    found = segments(job, parse_edge_key(key))
    tables = [pa.Table.from_batches([b]) for b in _bucket_batches(job, key, bucket, len(found))]
    if not tables:
        return spool_schema(job.spool("edge_parts", key, 0)).empty_table()
    return pa.concat_tables(tables).combine_chunks()


def _bucket_batches(job: Job, key: str, bucket: int, num_segments: int) -> Iterator[Any]:
    for index in range(num_segments):
        batches = job.facts("edge_parts", key, index)["batches"].get(str(bucket), [])
        yield from read_spool(job.spool("edge_parts", key, index), batches)


def _sorted_rows(
    table: Any, first: int, end: int, num_src: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return indptr of the destinations first to end, and the rows of the table in CSC order."""
    indptr, entries = kernels.build_csc(
        to_numpy(table.column("src")),
        to_numpy(table.column("dst")) - first,
        to_numpy(table.column("time")) if "time" in table.column_names else None,
        num_src,
        np.arange(end - first),
        1,
    )
    return indptr, np.ascontiguousarray(entries[:, 1])


def _repeats(table: Any, indptr: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the numbers of edges with the same ends (and time) as the one before them."""
    same = np.zeros(table.num_rows, np.bool_)
    same[1:] = True
    for name in ("src", "time"):
        if name in table.column_names:
            values = to_numpy(table.column(name))
            same[1:] &= values[1:] == values[:-1]
    same[indptr[:-1][indptr[:-1] < len(same)]] = False
    repeats: npt.NDArray[np.int64] = to_numpy(table.column("eid"))[same]
    return repeats
