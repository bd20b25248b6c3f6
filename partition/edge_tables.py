"""The edges of each part, as a CSC matrix whose columns are list columns with shared offsets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from distgnn.partition import kernels
from distgnn.partition.adjacency import int64_column

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from distgnn.partition.layout import NodeLayout


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeGroups:
    """The E edges of one type, grouped by the part that owns their destination."""

    src: npt.NDArray[np.int64]
    """int64 [E]: raw row of the source."""
    dst: npt.NDArray[np.int64]
    """int64 [E]: raw row of the destination."""
    time: npt.NDArray[np.int64] | None
    """int64 [E], if edges carry a time."""
    attributes: Any
    """Arrow table [E] of the columns that travel with the edges: all but src and dst."""
    offsets: npt.NDArray[np.int64]
    """int64 [num_parts + 1]: part p has the edges eids[offsets[p]:offsets[p + 1]]."""
    eids: npt.NDArray[np.int64]
    """int64 [E]: rows of the raw edge table, rising within a part."""
    sources: NodeLayout
    targets: NodeLayout


def group_edges(table: Any, sources: NodeLayout, targets: NodeLayout) -> EdgeGroups:
    """Return the edges of a raw edge table (Arrow) grouped by the owner of their destination."""
    dst = int64_column(table, "dst")
    offsets, eids = kernels.group_by_part(targets.part_of, dst, targets.num_parts)
    return EdgeGroups(
        src=int64_column(table, "src"),
        dst=dst,
        time=int64_column(table, "time") if "time" in table.column_names else None,
        # In one chunk: edges of a row lie anywhere in the raw table.
        attributes=table.drop_columns(["src", "dst"]).combine_chunks(),
        offsets=offsets,
        eids=eids,
        sources=sources,
        targets=targets,
    )


def part_edges(groups: EdgeGroups, part: int) -> Any:
    """Return the edges into the nodes of `part`, as `ShardWriter.write_edges` takes them.

    Returns:
        Arrow table, a row per owned destination: large_list columns `src` (global ids), `eid` and
        every attribute. In-neighbours are sorted by (index of the source, eid), or where edges
        carry a time by (time, index, eid).
    """
    targets = groups.targets
    indptr, src, eid = kernels.build_csc(
        groups.eids[groups.offsets[part] : groups.offsets[part + 1]],
        groups.src,
        groups.dst,
        groups.time,
        groups.sources.global_id,
        targets.global_id,
        int(targets.offsets[part]),
        targets.num_owned(part),
    )
    offsets, rows = pa.array(indptr), pa.array(eid)
    lists = {"src": _lists(offsets, pa.array(src)), "eid": _lists(offsets, rows)}
    taken = groups.attributes.take(rows)
    for name in taken.column_names:
        lists[name] = _lists(offsets, taken.column(name).combine_chunks())
    fields = [pa.field(name, array.type) for name, array in lists.items()]
    for i, name in enumerate(lists):
        if name in taken.column_names:
            fields[i] = fields[i].with_metadata(taken.schema.field(name).metadata)
    return pa.Table.from_arrays(list(lists.values()), schema=pa.schema(fields))


def _lists(offsets: Any, values: Any) -> Any:
    return pa.LargeListArray.from_arrays(offsets, values)
