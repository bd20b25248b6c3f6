"""From raw files to spools: columns checked and in their canonical form, ids replaced by rows."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter

from distgnn.exceptions import GraphDataError
from distgnn.partition.out_of_core.lookup import NodeIds, find_lookup
from distgnn.partition.out_of_core.spool import SpoolWriter
from distgnn.schema import EdgeSchema, NodeSchema, parse_edge_key
from distgnn.tables.build import describe_nodes, edge_table, node_table
from distgnn.tables.config import TableConfig
from distgnn.tables.convert import from_numpy, to_numpy
from distgnn.tables.edges import EdgeOptions, without_loops
from distgnn.tables.ids import check_same_kind, id_column, refuse_dangling
from distgnn.tables.labels import ANY_CLASSES
from distgnn.tables.roles import edge_roles, node_roles
from distgnn.tables.source import SourceTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Facts
    from distgnn.schema import NodeType

Schema = TypeVar("Schema", NodeSchema, EdgeSchema)
Config = TypeVar("Config", bound=TableConfig)

NODE_SCHEMA = TypeAdapter(NodeSchema)
EDGE_SCHEMA = TypeAdapter(EdgeSchema)


def ingest_nodes(job: Job, node_type: NodeType, position: int) -> Facts:
    """Write the spool of one file of a node type, its rows in order.

    Raises:
        GraphDataError: values that make no graph.
        TableError: the file cannot be read, or a column has the wrong type.
    """
    config = _any_classes(job.node_config(node_type))
    ids, schemas, most = NodeIds(), [], -1
    with SpoolWriter(job.spool("nodes", node_type, position)) as writer:
        for source in _node_windows(job, node_type, position):
            schema, table = node_table(node_type, node_roles(config, source), source)
            if config.id is None:
                rows = np.arange(source.first_row, source.first_row + source.num_rows)
                table = table.set_column(0, "id", from_numpy(rows))
            ids.add(table.column("id"), source.first_row)
            most = max(most, _largest_class(table))
            schemas.append(schema)
            writer.write(table)
    return {
        "rows": writer.num_rows,
        "schema": None if not schemas else asdict(_one_schema(schemas, describe_nodes(node_type))),
        "largest_class": most,
        "ids": ids.facts(),
    }


def ingest_edges(job: Job, key: str, position: int) -> Facts:
    """Write the spool of one file of an edge table: `src` and `dst` as rows, and attributes.

    Dangling edges and loops are dropped or refused here, as the graph file asks.

    Raises:
        GraphDataError: values that make no graph.
        TableError: the file cannot be read, or a column has the wrong type.
    """
    config, edge_type = _any_classes(job.edge_config(key)), parse_edge_key(key)
    lookups = [find_lookup(job, key, end, position) for end in ("src", "dst")]
    schemas, most = [], -1
    counts, kept_loops = {"read": 0, "dangling": 0, "loops": 0}, 0
    first_dangling = None
    with SpoolWriter(job.spool("edges", key, position)) as writer:
        for source in job.edge_files(key).windows(position, job.window_bytes):
            ends, known = [], np.ones(source.num_rows, np.bool_)
            for lookup, name in zip(lookups, (config.src, config.dst), strict=True):
                column = edge_ids(job, key, lookup.end, source)
                rows, found = lookup.rows(column)
                if config.dangling == "error" and not found.all():
                    refuse_dangling(column, found, source, name, lookup.node_what)
                ends.append(from_numpy(np.where(found, rows, 0)))
                known &= found
            roles = edge_roles(config, source, *ends)
            schema, table = edge_table(edge_type, roles, source, EdgeOptions(), known)
            counts["read"] += source.num_rows
            counts["dangling"] += int((~known).sum())
            if first_dangling is None and not known.all():
                first_dangling = source.at(int(known.argmin()))
            if edge_type[0] == edge_type[2] and config.self_loops != "keep":
                before = table.num_rows
                table = without_loops(table, edge_type, config.self_loops)
                counts["loops"] += before - table.num_rows
            if edge_type[0] == edge_type[2]:
                same = to_numpy(table.column("src")) == to_numpy(table.column("dst"))
                kept_loops += int(np.count_nonzero(same))
            most = max(most, _largest_class(table))
            schemas.append((schema, source.num_rows))
            writer.write(table)
    filled = [schema for schema, rows in schemas if rows] or [schemas[0][0]]
    return {
        "rows": writer.num_rows,
        "schema": asdict(_one_schema(filled, job.edge_files(key).what)),
        "is_empty": counts["read"] == 0,
        "largest_class": most,
        "counts": counts,
        "kept_loops": kept_loops,
        "first_dangling": first_dangling,
    }


def edge_ids(job: Job, key: str, end: str, source: SourceTable) -> Any:
    """Return the ids at one end ("src" or "dst") of a window of edges, checked.

    Raises:
        GraphDataError: an id is null.
        TableError: the ids are of another kind than those of the nodes.
    """
    config, edge_type = job.edge_config(key), parse_edge_key(key)
    name = getattr(config, end)
    node_type = edge_type[0] if end == "src" else edge_type[2]
    id_type = job.node_config(node_type).id_type
    column = id_column(source.column(name, "end"), source, name, id_type)
    wanted = pa.string() if NodeIds.merged(job, node_type).is_text else pa.int64()
    check_same_kind(column.type, wanted, source.what, name, describe_nodes(node_type))
    return column


def merge_schemas(
    kind: TypeAdapter[Schema], found: Sequence[Facts], num_classes: int | None, what: str
) -> Schema:
    """Return the schema of a type from the facts of the tasks that ingested its files.

    Raises:
        GraphDataError: files differ, or no row is labelled.
    """
    filled = [facts for facts in found if facts["schema"] and not facts.get("is_empty")]
    schemas = [kind.validate_python(facts["schema"]) for facts in filled or found[:1]]
    schema = _one_schema(schemas, what)
    if schema.label is None or schema.label.kind != "class":
        return schema
    classes = num_classes
    if classes is None:
        classes = max(facts["largest_class"] for facts in found) + 1
    if classes == 0:
        msg = (
            f"the label column of {what} labels no row: all are -1 or null; leave `label` out, or "
            "check the column"
        )
        raise GraphDataError(msg)
    return replace(schema, label=replace(schema.label, dim=classes))


def _node_windows(job: Job, node_type: NodeType, position: int) -> Iterator[SourceTable]:
    files = job.nodes[node_type]
    if files is not None:
        yield from (w for w in files.windows(position, job.window_bytes) if w.num_rows)
        return
    total, step = job.node_config(node_type).num_nodes or 0, max(1, job.window_bytes // 16)
    for first in range(0, total, step):
        window = SourceTable.of_size(min(step, total - first), describe_nodes(node_type))
        yield replace(window, first_row=first)


def _any_classes(config: Config) -> Config:
    """Return the options of a table for a window of it, which does not hold all classes."""
    return config if config.num_classes is not None else replace(config, num_classes=ANY_CLASSES)


def _largest_class(table: Any) -> int:
    if "y" not in table.column_names or not pa.types.is_int64(table.column("y").type):
        return -1
    return int(pc.max(table.column("y")).as_py() if table.num_rows else -1)


def _one_schema(schemas: Sequence[Schema], what: str) -> Schema:
    """Return the schema that all windows share.

    Raises:
        GraphDataError: they differ, in the number of features.
    """
    for schema in schemas:
        if schema != schemas[0]:
            msg = (
                f"{what} does not have the same features in all rows: {schemas[0].features} and "
                f"{schema.features}; dense features have the same number in each row"
            )
            raise GraphDataError(msg)
    return schemas[0]


def ids_of(batch: Any) -> Any:
    """Return the ids of a record batch of a node spool, as numbers (int64) or as text."""
    column = batch.column("id")
    return to_numpy(column) if pa.types.is_int64(column.type) else column
