"""The fingerprint of the graph, from its spools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa

from distgnn.partition.out_of_core.edges import segments
from distgnn.partition.out_of_core.spool import read_spool
from distgnn.schema import parse_edge_key
from distgnn.tables.fingerprint import TableDigest, combine_digests, name_edges, name_nodes

if TYPE_CHECKING:
    from collections.abc import Iterable

    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Facts
    from distgnn.schema import GraphSchema, NodeType


def digest_nodes(job: Job, node_type: NodeType) -> Facts:
    """Return the hash of every column of a node type."""
    batches = (
        batch
        for position in range(job.num_files(node_type))
        for batch in read_spool(job.spool("nodes", node_type, position))
    )
    return _digest(name_nodes(node_type), batches)


def digest_edges(job: Job, key: str) -> Facts:
    """Return the hash of every column of an edge type."""
    edge_type = parse_edge_key(key)
    batches = (
        batch
        for segment in segments(job, edge_type)
        for table in segment.tables()
        for batch in table.combine_chunks().to_batches() or [_empty(table)]
    )
    return _digest(name_edges(edge_type), batches)


def fingerprint(job: Job, schema: GraphSchema) -> str:
    """Return the fingerprint of the graph (see `fingerprint_graph`)."""
    tables = []
    for kind, names in (("digest_nodes", schema.node_types), ("digest_edges", schema.edge_types)):
        for name in names:
            facts = job.facts(kind, name if isinstance(name, str) else "__".join(name))
            tables.append((facts["where"], facts["rows"], facts["columns"]))
    return combine_digests(schema, tables)


def _digest(where: str, batches: Iterable[pa.RecordBatch]) -> Facts:
    digest, rows, schema = TableDigest(where), 0, None
    for batch in batches:
        schema = batch.schema
        rows += batch.num_rows
        for name in schema.names:
            digest.add(name, batch.column(name))
    return {"where": where, "rows": rows, "columns": digest.columns(schema or ())}


def _empty(table: pa.Table) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays(
        [pa.array([], field.type) for field in table.schema], schema=table.schema
    )
