"""From spools to buckets: nodes by part, edges by range of destinations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from distgnn.partition import kernels
from distgnn.partition.out_of_core.assign import load_global_ids
from distgnn.partition.out_of_core.edges import ends, segments
from distgnn.partition.out_of_core.spool import SpoolWriter, read_spool
from distgnn.schema import parse_edge_key
from distgnn.tables.convert import from_numpy

if TYPE_CHECKING:
    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Facts
    from distgnn.schema import NodeType


def scatter_nodes(job: Job, node_type: NodeType, position: int) -> Facts:
    """Write the nodes of one spool by part, with their `index`."""
    offsets = np.array(job.facts("layout")["offsets"][node_type])
    global_id = load_global_ids(job, node_type)
    files = job.nodes[node_type]
    row = 0 if files is None else files.first_row(position)
    with SpoolWriter(job.spool("node_parts", node_type, position)) as writer:
        for batch in read_spool(job.spool("nodes", node_type, position)):
            rows = np.arange(row, row + batch.num_rows)
            table = pa.Table.from_batches([batch]).append_column("index", from_numpy(rows))
            parts = np.searchsorted(offsets, global_id[rows], side="right") - 1
            writer.write_buckets(table, parts.astype(np.int32), job.num_parts)
            row += batch.num_rows
    return {"batches": writer.batches}


def scatter_edges(job: Job, key: str, index: int) -> Facts:
    """Write the edges of one segment by bucket, with global `dst`, and count those that are cut."""
    edge_type = parse_edge_key(key)
    layout = job.facts("layout")
    buckets = layout["edge_buckets"][key]
    starts = np.array([first for _, first, _ in buckets])
    src_id, dst_id = (load_global_ids(job, edge_type[i]) for i in (0, 2))
    src_parts, dst_parts = (_parts(layout["offsets"][edge_type[i]]) for i in (0, 2))
    segment, cut, loops = segments(job, edge_type)[index], 0, 0
    eid = segment.first_eid
    with SpoolWriter(job.spool("edge_parts", key, index)) as writer:
        for table in segment.tables():
            src, dst = ends(table)
            loops += int(np.count_nonzero(src == dst)) if edge_type[0] == edge_type[2] else 0
            target = dst_id[dst]
            cut += kernels.count_cut(src_id[src], target, src_parts, dst_parts)
            table = table.set_column(table.schema.get_field_index("dst"), "dst", from_numpy(target))
            table = table.append_column("eid", from_numpy(np.arange(eid, eid + len(src))))
            places = np.searchsorted(starts, target, side="right") - 1
            # Ranges without rows (of parts that own no node of this type) start where the next do.
            writer.write_buckets(table, places.astype(np.int32), len(buckets))
            eid += len(src)
    return {"batches": writer.batches, "cut": cut, "loops": loops}


def _parts(offsets: list[int]) -> np.ndarray[tuple[int], np.dtype[np.int32]]:
    """Return the part of every global id, int32 [n]."""
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets))
