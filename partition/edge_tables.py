"""The edges of each part, as a CSC matrix whose columns are list columns with shared offsets."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from distgnn.partition import kernels
from distgnn.partition.adjacency import int64_column
from distgnn.shards.columns import contiguous

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from distgnn.partition.layout import NodeLayout


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SortedEdges:
    """The E edges of one type as a CSC matrix of all n destinations, in the order of global ids.

    In-neighbours are sorted by (index of the source, eid), or where edges carry a time by (time,
    index, eid).
    """

    indptr: npt.NDArray[np.int64]
    """int64 [n + 1]: positions of the edges into each global id."""
    entries: npt.NDArray[np.int64]
    """int64 [E, 2]: raw row of the source, and row of the raw edge table."""
    attributes: Any
    """Arrow table [E], in raw order, of the columns that travel with the edges."""
    sources: NodeLayout
    targets: NodeLayout


def sort_edges(table: Any, sources: NodeLayout, targets: NodeLayout) -> SortedEdges:
    """Return the edges of a raw edge table (Arrow), sorted by destination."""
    indptr, entries = kernels.build_csc(
        int64_column(table, "src"),
        int64_column(table, "dst"),
        int64_column(table, "time") if "time" in table.column_names else None,
        len(sources.global_id),
        targets.global_id,
        usable_cores(),
    )
    return SortedEdges(
        indptr=indptr,
        entries=entries,
        # In one chunk: the edges of a destination lie anywhere in the raw table.
        attributes=table.drop_columns(["src", "dst"]).unify_dictionaries().combine_chunks(),
        sources=sources,
        targets=targets,
    )


def usable_cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0))


def part_edges(edges: SortedEdges, part: int) -> Any:
    """Return the edges into the nodes of `part`, as `ShardWriter.write_edges` takes them.

    Returns:
        Arrow table, a row per owned destination: large_list columns `src` (global ids), `eid` and
        every attribute.
    """
    first, last = edges.targets.offsets[part : part + 2]
    indptr = edges.indptr[first : last + 1]
    entries = edges.entries[indptr[0] : indptr[-1]]
    src, rows = pa.array(edges.sources.global_id[entries[:, 0]]), pa.array(entries[:, 1])
    taken = edges.attributes.take(rows)
    fields = [pa.field("src", pa.int64()), pa.field("eid", pa.int64()), *taken.schema]
    arrays = {"src": src, "eid": rows, **{n: taken.column(n) for n in taken.column_names}}
    return edge_lists(indptr - indptr[0], arrays, pa.schema(fields))


def edge_lists(indptr: npt.NDArray[np.int64], arrays: Mapping[str, Any], schema: Any) -> Any:
    """Return columns of edges as list columns with shared offsets.

    Args:
        indptr: int64 [n + 1], from 0.
        arrays: For each column of `schema` its values, Arrow [E].
        schema: Arrow schema of the edges.
    """
    offsets, lists = pa.array(indptr), []
    for name in schema.names:
        values = arrays[name]
        if isinstance(values, pa.ChunkedArray):
            values = contiguous(values, f"edge column {name!r}")
        lists.append(pa.LargeListArray.from_arrays(offsets, values))
    fields = [
        pa.field(field.name, array.type, metadata=field.metadata)
        for field, array in zip(schema, lists, strict=True)
    ]
    return pa.Table.from_arrays(lists, schema=pa.schema(fields))
