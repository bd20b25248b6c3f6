"""Duplicate edges found out of core: equal edges meet in a bucket of their ends' hash."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, GraphDataError
from distgnn.partition.hash import mix
from distgnn.partition.out_of_core.edges import edge_place, ends, table_segments
from distgnn.partition.out_of_core.spool import SpoolWriter, read_spool
from distgnn.schema import parse_edge_key
from distgnn.tables.convert import from_numpy, to_numpy
from distgnn.tables.edges import COUNT_COLUMN, group_equal

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Facts

PAIR_BYTES = 96
"""Memory of an edge while the repeats of its bucket are found."""


def num_pair_buckets(job: Job, key: str) -> int:
    """Return how many buckets the edges of a table take."""
    edges = sum(segment.num_rows for segment in table_segments(job, key))
    return int(min(1024, 1 + 2 * edges * PAIR_BYTES // job.bucket_bytes))


def scatter_pairs(job: Job, key: str, index: int) -> Facts:
    """Write ends, times and numbers of the edges of one segment by bucket.

    Raises:
        ArgumentError: duplicates are to be counted beside a user's column of that name.
    """
    segment, count = table_segments(job, key)[index], num_pair_buckets(job, key)
    eid = segment.first_eid
    with SpoolWriter(job.spool("pairs", key, index)) as writer:
        for table in segment.tables():
            if job.edge_config(key).duplicates == "count" and COUNT_COLUMN in table.column_names:
                msg = (
                    f"edge type {key!r} has a column {COUNT_COLUMN!r} already, so its duplicates "
                    "cannot be counted there; rename the column"
                )
                raise ArgumentError(msg)
            src, dst = ends(table)
            names = [n for n in ("src", "dst", "time") if n in table.column_names]
            pairs = table.select(names).append_column(
                "eid", from_numpy(np.arange(eid, eid + len(src)))
            )
            hashes = mix(mix(src.view(np.uint64)) + dst.view(np.uint64)) >> np.uint64(32)
            buckets = (hashes * np.uint64(count) >> np.uint64(32)).astype(np.int32)
            writer.write_buckets(pairs, buckets, count)
            eid += len(src)
    return {"batches": writer.batches}


def find_repeats(job: Job, key: str, bucket: int) -> Facts:
    """Find which edges of one bucket repeat an earlier one, and how often each occurs."""
    tables = []
    for index in range(len(table_segments(job, key))):
        batches = job.facts("pairs", key, index)["batches"].get(str(bucket), [])
        path = job.spool("pairs", key, index)
        tables += [pa.Table.from_batches([b]) for b in read_spool(path, batches)]
    first = np.zeros(0, np.int64)
    counts, repeated = first, first
    if tables:
        table = pa.concat_tables(tables)
        order, starts = group_equal(table)
        eids = to_numpy(table.column("eid"))
        is_first = np.zeros(len(order), np.bool_)
        is_first[starts] = True
        first, repeated = eids[order[is_first]], np.sort(eids[order[~is_first]])
        counts = np.diff(np.append(starts, len(order)))
        by_eid = np.argsort(first)
        first, counts = first[by_eid], counts[by_eid]
    several = counts > 1
    with SpoolWriter(job.spool("repeats", key, bucket)) as writer:
        writer.write(pa.table({"eid": repeated}), 0)
        writer.write(pa.table({"eid": first[several]}), 1)
    np.save(job.path("repeats", f"{key}.{bucket}.npy"), counts[several].astype(np.int64))
    return {"repeated": len(repeated), "first": int(repeated[0]) if len(repeated) else None}


def write_unique(job: Job, key: str, index: int) -> Facts:
    """Write the spool of one segment without its repeats.

    Raises:
        GraphDataError: there are some, and they are to be refused.
    """
    config, segment = job.edge_config(key), table_segments(job, key)[index]
    refuse_repeats(job, key)
    repeated, several, counts = _repeats_of(job, key, segment.first_eid, segment.num_rows)
    start = 0
    with SpoolWriter(job.spool("unique", key, index)) as writer:
        for table in segment.tables():
            kept = np.ones(table.num_rows, np.bool_)
            kept[_within(repeated, start, len(kept)) - start] = False
            if config.duplicates == "count":
                number = np.ones(table.num_rows, np.int64)
                low, high = np.searchsorted(several, [start, start + len(kept)])
                number[several[low:high] - start] = counts[low:high]
                table = table.append_column(COUNT_COLUMN, from_numpy(number))
            writer.write(table.filter(pa.array(kept)))
            start += len(kept)
    return {"rows": writer.num_rows}


def refuse_repeats(job: Job, key: str) -> None:
    """Check that there are no duplicates if they are to be refused.

    Raises:
        GraphDataError: there are.
    """
    if job.edge_config(key).duplicates != "error":
        return
    facts = [job.facts("repeats", key, b) for b in range(num_pair_buckets(job, key))]
    total = sum(fact["repeated"] for fact in facts)
    if total:
        eid = min(fact["first"] for fact in facts if fact["first"] is not None)
        source, _, target = parse_edge_key(key)
        msg = (
            f"edge type {key!r} holds {total} duplicate edges from {source!r} to {target!r}; the "
            f"first repeat is {edge_place(job, key, eid)} (reverse copies of undirected edges "
            "count too); set duplicates to drop, count or keep"
        )
        raise GraphDataError(msg)


def _repeats_of(
    job: Job, key: str, first_eid: int, num_rows: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return, by row of a segment: repeats; edges that occur several times, and how often."""
    repeated, several, counts = [], [], []
    for bucket in range(num_pair_buckets(job, key)):
        path = job.spool("repeats", key, bucket)
        batches = job.facts("repeats", key, bucket)
        if not batches["repeated"]:
            continue
        found: list[Any] = [to_numpy(batch.column("eid")) for batch in read_spool(path)]
        repeated.append(_within(found[0], first_eid, num_rows))
        low, high = np.searchsorted(found[1], [first_eid, first_eid + num_rows])
        several.append(found[1][low:high])
        counts.append(np.load(job.path("repeats", f"{key}.{bucket}.npy"))[low:high])
    empty = [np.zeros(0, np.int64)]
    order = np.argsort(np.concatenate(several or empty))
    return (
        np.sort(np.concatenate(repeated or empty)) - first_eid,
        np.concatenate(several or empty)[order] - first_eid,
        np.concatenate(counts or empty)[order],
    )


def _within(values: npt.NDArray[np.int64], start: int, count: int) -> npt.NDArray[np.int64]:
    low, high = np.searchsorted(values, [start, start + count])
    return values[low:high]
