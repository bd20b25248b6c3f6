"""The final edges of every type: spools of tables, read forwards, backwards or without repeats."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from distgnn.partition.out_of_core.ingest import EDGE_SCHEMA, merge_schemas
from distgnn.partition.out_of_core.spool import read_spool, spool_schema
from distgnn.schema import EdgeSchema, EdgeType, edge_key, parse_edge_key
from distgnn.tables.convert import to_numpy
from distgnn.tables.edges import COUNT_COLUMN, reverse_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from distgnn.partition.out_of_core.job import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """Consecutive edges of one type: a spool, perhaps with its ends exchanged."""

    path: Path
    first_eid: int
    num_rows: int
    swapped: bool = False
    without_loops: bool = False

    def tables(self) -> Iterator[Any]:
        """Read the edges as Arrow tables with `src`, `dst` (rows) and attributes."""
        found = False
        for batch in read_spool(self.path):
            found = True
            yield self._table(pa.Table.from_batches([batch]))
        if not found:  # its columns are known all the same
            yield self._table(spool_schema(self.path).empty_table())

    def _table(self, table: Any) -> Any:
        table = reverse_table(table) if self.swapped else table
        if self.without_loops:
            src, dst = ends(table)
            table = table.filter(pa.array(src != dst))
        return table


def table_segments(job: Job, key: str) -> list[Segment]:
    """Return the ingested edges of an edge table, and after them their reverse copies if asked."""
    config, found, eid = job.edge_config(key), [], 0
    facts = [job.facts("edges", key, i) for i in range(len(job.edge_files(key).files))]
    for position, fact in enumerate(facts):
        path = job.spool("edges", key, position)
        found.append(Segment(path=path, first_eid=eid, num_rows=fact["rows"]))
        eid += fact["rows"]
    if config.undirected:
        for segment, fact in zip(list(found), facts, strict=True):
            rows = fact["rows"] - fact["kept_loops"]
            found.append(
                replace(segment, first_eid=eid, num_rows=rows, swapped=True, without_loops=True)
            )
            eid += rows
    return found


def segments(job: Job, edge_type: EdgeType) -> list[Segment]:
    """Return the final edges of a type of the schema, in the order of their numbers."""
    key, is_reverse = table_of(job, edge_type)
    found = table_segments(job, key)
    if job.edge_config(key).duplicates != "keep":
        unique, eid = [], 0
        for i in range(len(found)):
            rows = job.facts("unique", key, i)["rows"]
            path = job.spool("unique", key, i)
            unique.append(Segment(path=path, first_eid=eid, num_rows=rows))
            eid += rows
        found = unique
    if is_reverse:
        found = [replace(segment, swapped=not segment.swapped) for segment in found]
    return found


def table_of(job: Job, edge_type: EdgeType) -> tuple[str, bool]:
    """Return the key of the edge table that a type comes from, and whether it is its reverse."""
    key = edge_key(edge_type)
    if key in job.config.edges:
        return key, False
    for key, config in job.config.edges.items():
        source, _, target = parse_edge_key(key)
        if (target, config.reverse, source) == edge_type:
            return key, True
    raise AssertionError(edge_type)


def edge_schemas(job: Job) -> list[EdgeSchema]:
    """Return the schema of all edge types, in order."""
    found = []
    for key, config in job.config.edges.items():
        files = job.edge_files(key)
        facts = [job.facts("edges", key, i) for i in range(len(files.files))]
        schema = merge_schemas(EDGE_SCHEMA, facts, config.num_classes, files.what)
        if config.duplicates == "count":
            schema = replace(schema, columns=(*schema.columns, COUNT_COLUMN))
        found.append(schema)
        if config.reverse is not None:
            source, _, target = schema.type
            found.append(replace(schema, type=(target, config.reverse, source)))
    return found


def edge_place(job: Job, key: str, eid: int) -> str:
    """Say where an edge of a table with all its rows kept was read: its file and row."""
    files = job.edge_files(key)
    facts = [job.facts("edges", key, i) for i in range(len(files.files))]
    kept_all = all(fact["rows"] == fact["counts"]["read"] for fact in facts)
    if kept_all and eid < sum(fact["rows"] for fact in facts):
        return files.at(eid)
    return f"edge {eid} (edges count from 0, after what was dropped and with reverse copies)"


def ends(table: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return `src` and `dst` of an edge table, int64 [E]."""
    return to_numpy(table.column("src")), to_numpy(table.column("dst"))
