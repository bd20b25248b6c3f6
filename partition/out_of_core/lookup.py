"""From ids to rows in bounded memory.

Ids that are row numbers need no table; integers that lie dense get an array; all others are split
into buckets by a hash of the id, nodes and edges alike, until the ids of a bucket fit in memory
(the join of Grace: Kitsuregawa, Tanaka and Moto-oka, "Application of hash to data base machine and
its architecture", 1983). A bucket keeps the order of the rows, so nothing has to be sorted back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distgnn.exceptions import GraphDataError
from distgnn.partition import kernels
from distgnn.partition.hash import mix
from distgnn.partition.out_of_core.spool import SpoolWriter, read_spool
from distgnn.partition.out_of_core.tasks import partial_name
from distgnn.schema import parse_edge_key
from distgnn.tables.build import describe_nodes
from distgnn.tables.convert import is_text, to_numpy
from distgnn.tables.ids import DENSE_FACTOR

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Facts
    from distgnn.schema import NodeType

    Rows = tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]

TEXT_BYTES = 64
"""Memory of an id of text while its bucket is looked up, beside its characters."""

Kind = Literal["rows", "dense", "buckets"]


class NodeIds:
    """What the ids of a node type, or of some of its files, are like."""

    def __init__(self) -> None:
        """Start without ids."""
        self.num_rows = 0
        self.num_bytes = 0
        self.is_text = False
        self.is_identity = True
        self.low, self.high = 2**63 - 1, -(2**63)

    def add(self, column: Any, first_row: int) -> None:
        """Take in the ids of consecutive rows, from `first_row` on."""
        self.num_rows += len(column)
        self.num_bytes += int(column.nbytes)
        if is_text(column.type):
            self.is_text, self.is_identity = True, False
            return
        values = to_numpy(column)
        rows = np.arange(first_row, first_row + len(values))
        self.is_identity = self.is_identity and bool((values == rows).all())
        if len(values):
            self.low = min(self.low, int(values.min()))
            self.high = max(self.high, int(values.max()))

    def facts(self) -> Facts:
        """Return what was found, as JSON."""
        return dict(vars(self))

    @classmethod
    def merged(cls, job: Job, node_type: NodeType) -> NodeIds:
        """Return what all files of an ingested node type say together."""
        found = [job.facts("nodes", node_type, i)["ids"] for i in range(job.num_files(node_type))]
        ids = cls()
        ids.num_rows = sum(f["num_rows"] for f in found)
        ids.num_bytes = sum(f["num_bytes"] for f in found)
        ids.is_text = any(f["is_text"] for f in found)
        ids.is_identity = all(f["is_identity"] for f in found)
        ids.low, ids.high = min(f["low"] for f in found), max(f["high"] for f in found)
        return ids

    def kind(self, bucket_bytes: int) -> Kind:
        """Return how ids are looked up."""
        if self.is_identity:
            return "rows"
        span = self.high - self.low + 1
        is_dense = span <= DENSE_FACTOR * self.num_rows and 4 * span <= bucket_bytes
        return "dense" if not self.is_text and is_dense else "buckets"

    def num_buckets(self, bucket_bytes: int) -> int:
        """Return how many buckets the ids take."""
        needed = self.num_bytes + TEXT_BYTES * self.num_rows
        return int(min(1024, 1 + 2 * needed // max(1, bucket_bytes)))


@dataclass(slots=True, kw_only=True)
class Lookup:
    """Gives the rows of the ids at one end of the edges of one file, window after window."""

    end: str
    """src or dst."""
    node_what: str
    """For messages: "node type 'paper'"."""
    num_nodes: int
    table: npt.NDArray[np.int32] | None = None
    """Dense ids: the row of each id from `low` on; -1: none."""
    low: int = 0
    found: list[npt.NDArray[np.int64]] | None = None
    """Buckets: the rows of the ids of each, in order; -1: none."""
    position: npt.NDArray[np.int64] | None = None
    """Buckets: how many of each were given out."""

    def rows(self, column: Any) -> Rows:
        """Return the row of each id (undefined where unknown), and whether it is known."""
        if self.found is not None and self.position is not None:
            return self._from_buckets(column, self.found, self.position)
        values = to_numpy(column)
        if self.table is None:
            return values, (values >= 0) & (values < self.num_nodes)
        # Compared before the subtraction, which could overflow.
        inside = (values >= self.low) & (values < self.low + len(self.table))
        rows = self.table[np.where(inside, values - self.low, 0)].astype(np.int64)
        return rows, inside & (rows >= 0)

    def _from_buckets(
        self, column: Any, found: list[npt.NDArray[np.int64]], position: npt.NDArray[np.int64]
    ) -> Rows:
        buckets = bucket_of(column, len(found))
        offsets, order = kernels.group_by_part(buckets, len(found))
        rows = np.empty(len(column), np.int64)
        for bucket in np.flatnonzero(np.diff(offsets)):
            count = int(offsets[bucket + 1] - offsets[bucket])
            start = int(position[bucket])
            mine = order[offsets[bucket] : offsets[bucket + 1]]
            rows[mine] = found[bucket][start : start + count]
            position[bucket] += count
        return rows, rows >= 0


def find_lookup(job: Job, key: str, end: str, position: int) -> Lookup:
    """Return how to look up one end ("src" or "dst") of the edges of one file."""
    edge_type = parse_edge_key(key)
    node_type = edge_type[0] if end == "src" else edge_type[2]
    ids = NodeIds.merged(job, node_type)
    lookup = Lookup(end=end, node_what=describe_nodes(node_type), num_nodes=ids.num_rows)
    kind = ids.kind(job.bucket_bytes)
    if kind == "dense":
        lookup.low, lookup.table = ids.low, np.load(job.path("ids", f"{node_type}.npy"))
    elif kind == "buckets":
        count = ids.num_buckets(job.bucket_bytes)
        lookup.found = [_found(job, key, end, position, bucket) for bucket in range(count)]
        lookup.position = np.zeros(count, np.int64)
    return lookup


def _found(job: Job, key: str, end: str, position: int, bucket: int) -> npt.NDArray[np.int64]:
    path = job.path("found", key, end, position, bucket)
    if path.stat().st_size == 0:
        return np.zeros(0, np.int64)
    return np.memmap(path, np.int64, mode="r")


def index_ids(job: Job, node_type: NodeType) -> Facts:
    """Write the array of dense ids of a node type, and check that they differ.

    Raises:
        GraphDataError: an id appears twice.
    """
    ids = NodeIds.merged(job, node_type)
    table = np.full(ids.high - ids.low + 1, -1, np.int32)
    row, repeated = 0, None
    for position in range(job.num_files(node_type)):
        for batch in read_spool(job.spool("nodes", node_type, position)):
            places = to_numpy(batch.column("id")) - ids.low
            rows = np.arange(row, row + len(places), dtype=np.int32)
            taken = table[places] >= 0
            # Backwards, so that the first of several equal ids stays.
            free = places[~taken][::-1]
            table[free] = rows[~taken][::-1]
            wrong = table[places] != rows
            if repeated is None and wrong.any():
                repeated = int(rows[wrong.argmax()])
            row += len(places)
    if repeated is not None:
        _refuse_repeated(job, node_type, repeated)
    path = job.path("ids", f"{node_type}.npy")
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial_name(path).open("wb") as file:
        np.save(file, table)
    partial_name(path).replace(path)
    return {}


def scatter_ids(job: Job, node_type: NodeType, position: int) -> Facts:
    """Write the ids and rows of one file of a node type by bucket."""
    count = NodeIds.merged(job, node_type).num_buckets(job.bucket_bytes)
    files = job.nodes[node_type]
    row = 0 if files is None else files.first_row(position)
    with SpoolWriter(job.spool("ids", node_type, position)) as writer:
        for batch in read_spool(job.spool("nodes", node_type, position)):
            rows = np.arange(row, row + batch.num_rows)
            table = pa.table({"id": _uniform(batch.column("id")), "row": rows})
            writer.write_buckets(table, bucket_of(batch.column("id"), count), count)
            row += batch.num_rows
    return {"batches": writer.batches}


def scatter_ends(job: Job, key: str, end: str, position: int) -> Facts:
    """Write the ids at one end of the edges of one file by bucket."""
    from distgnn.partition.out_of_core.ingest import edge_ids

    edge_type = parse_edge_key(key)
    node_type = edge_type[0] if end == "src" else edge_type[2]
    count = NodeIds.merged(job, node_type).num_buckets(job.bucket_bytes)
    with SpoolWriter(job.spool("ends", key, end, position)) as writer:
        for source in job.edge_files(key).windows(position, job.window_bytes):
            column = edge_ids(job, key, end, source)
            table = pa.table({"id": _uniform(column)})
            writer.write_buckets(table, bucket_of(column, count), count)
    return {"batches": writer.batches}


def look_up_bucket(job: Job, node_type: NodeType, bucket: int) -> Facts:
    """Find the rows of all ids of one bucket, at every end of edges of this node type.

    Raises:
        GraphDataError: the id of a node appears twice.
    """
    ids, rows = _bucket_ids(job, node_type, bucket)
    first = to_numpy(pc.index_in(ids, value_set=ids))
    wrong = first != np.arange(len(ids))
    if wrong.any():
        _refuse_repeated(job, node_type, int(rows[wrong].min()))
    for key, end, position in ends_of(job, node_type):
        path = job.path("found", key, end, position, bucket)
        path.parent.mkdir(parents=True, exist_ok=True)
        batches = job.facts("ends", key, end, position)["batches"].get(str(bucket), [])
        with partial_name(path).open("wb") as file:
            for column in _grouped(job, key, end, position, batches, len(ids)):
                places = to_numpy(pc.fill_null(pc.index_in(column, value_set=ids), -1))
                found = np.where(places < 0, -1, rows[places] if len(rows) else -1)
                file.write(found.astype(np.int64).tobytes())
        partial_name(path).replace(path)
    return {}


def ends_of(job: Job, node_type: NodeType) -> list[tuple[str, str, int]]:
    """Return (edge key, "src" or "dst", file) for all ends of edges at nodes of a type."""
    found = []
    for key in job.config.edges:
        edge_type = parse_edge_key(key)
        for end, at in (("src", edge_type[0]), ("dst", edge_type[2])):
            if at == node_type:
                found += [(key, end, i) for i in range(len(job.edge_files(key).files))]
    return found


def bucket_of(column: Any, count: int) -> npt.NDArray[np.int32]:
    """Return the bucket of each id (Arrow, int64 or text), int32."""
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if count == 1:
        return np.zeros(len(column), np.int32)
    if not is_text(column.type):
        hashes = mix(to_numpy(column).view(np.uint64))
    else:
        parts = [_text_hashes(chunk) for chunk in column.chunks]
        hashes = np.concatenate(parts) if parts else np.zeros(0, np.uint64)
    return ((hashes >> np.uint64(32)) * np.uint64(count) >> np.uint64(32)).astype(np.int32)


def _text_hashes(chunk: Any) -> npt.NDArray[np.uint64]:
    chunk = chunk.cast(pa.large_string())
    _, offsets, data = chunk.buffers()
    bounds = np.frombuffer(offsets, np.int64)[chunk.offset : chunk.offset + len(chunk) + 1]
    if len(chunk) == 0:
        return np.zeros(0, np.uint64)
    text = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    hashes: npt.NDArray[np.uint64] = kernels.hash_texts(text, bounds)
    return hashes


def _uniform(column: Any) -> Any:
    """Return ids in the one type in which texts are compared."""
    return column.cast(pa.large_string()) if is_text(column.type) else column


def _bucket_ids(job: Job, node_type: NodeType, bucket: int) -> tuple[Any, npt.NDArray[np.int64]]:
    ids, rows = [], []
    for position in range(job.num_files(node_type)):
        batches = job.facts("ids", node_type, position)["batches"].get(str(bucket), [])
        for batch in read_spool(job.spool("ids", node_type, position), batches):
            ids.append(batch.column("id"))
            rows.append(to_numpy(batch.column("row")))
    if not ids:
        text = NodeIds.merged(job, node_type).is_text
        return pa.array([], pa.large_string() if text else pa.int64()), np.zeros(0, np.int64)
    return pa.concat_arrays(ids), np.concatenate(rows)


def _grouped(
    job: Job, key: str, end: str, position: int, batches: list[int], num_ids: int
) -> Iterator[Any]:
    """Read ids in columns that are worth building the table of a bucket's ids for."""
    waiting: list[Any] = []
    limit = max(num_ids, 1 << 16)
    for batch in read_spool(job.spool("ends", key, end, position), batches):
        waiting.append(batch.column("id"))
        if sum(map(len, waiting)) >= limit:
            yield pa.chunked_array(waiting)
            waiting = []
    if waiting:
        yield pa.chunked_array(waiting)


def _refuse_repeated(job: Job, node_type: NodeType, row: int) -> None:
    """Raise the error for a node id that appears twice, the second time in `row`.

    Raises:
        GraphDataError: always.
    """
    files, value, start = job.nodes[node_type], None, 0
    for position in range(job.num_files(node_type)):
        for batch in read_spool(job.spool("nodes", node_type, position)):
            if start <= row < start + batch.num_rows:
                value = batch.column("id")[row - start].as_py()
            start += batch.num_rows
    where = f"row {row}" if files is None else files.at(row)
    msg = (
        f"id {value!r} of {describe_nodes(node_type)} appears twice: once more in {where}. Node "
        "ids are unique: drop the repeats"
    )
    raise GraphDataError(msg)
