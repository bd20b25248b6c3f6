"""The part of every node, from edges on disk, and where nodes and edges go."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from distgnn.partition import kernels
from distgnn.partition.adjacency import Adjacency
from distgnn.partition.balance import weights_of
from distgnn.partition.layout import node_layout, occupy_every_part
from distgnn.partition.out_of_core.edges import edge_schemas, ends, segments, table_segments
from distgnn.partition.out_of_core.estimate import NEIGHBOUR_BYTES
from distgnn.partition.out_of_core.lookup import NodeIds
from distgnn.partition.out_of_core.spool import SpoolWriter, read_spool
from distgnn.partition.out_of_core.tasks import partial_name
from distgnn.partition.partitioner import StreamPartitioner
from distgnn.partition.registry import find_partitioner
from distgnn.partition.rows import RowBlock
from distgnn.partition.stream_order import stream_order
from distgnn.schema import SPLITS, edge_key, parse_edge_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.out_of_core.tasks import Facts
    from distgnn.schema import EdgeType, NodeType

EDGE_BYTES = 80
"""Memory of an edge, beside its attributes, while its bucket is sorted."""


def node_offsets(job: Job) -> npt.NDArray[np.int64]:
    """Return where each node type begins in the union graph, int64 [T + 1]."""
    counts = [NodeIds.merged(job, node_type).num_rows for node_type in job.config.nodes]
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def first_nodes(job: Job) -> dict[NodeType, int]:
    """Return the first number of each node type in the union graph."""
    return dict(zip(job.config.nodes, node_offsets(job).tolist(), strict=False))


def num_neighbour_buckets(job: Job) -> int:
    """Return into how many buckets of consecutive nodes of the stream neighbours are split."""
    edges = sum(s.num_rows for key in job.config.edges for s in table_segments(job, key))
    wanted = 1 + 2 * edges * NEIGHBOUR_BYTES // job.bucket_bytes
    return int(max(1, min(wanted, 4096, node_offsets(job)[-1])))


def bucket_rows(job: Job) -> int:
    """Return how many nodes of the stream a bucket of neighbours has."""
    return -(-int(node_offsets(job)[-1]) // num_neighbour_buckets(job))


def scatter_neighbours(job: Job, key: str, index: int) -> Facts:
    """Write both directions of the edges of one segment by bucket: place in the stream, neighbour.

    Reverse copies add nothing to an undirected graph and are left out by the caller.
    """
    offsets, size = node_offsets(job), bucket_rows(job)
    rank = np.empty(offsets[-1], np.int32)
    rank[stream_order(int(offsets[-1]), job.seed)] = np.arange(offsets[-1], dtype=np.int32)
    first, edge_type = first_nodes(job), parse_edge_key(key)
    with SpoolWriter(job.spool("neighbours", key, index)) as writer:
        for table in table_segments(job, key)[index].tables():
            src, dst = ends(table)
            u = (src + first[edge_type[0]]).astype(np.int32)
            v = (dst + first[edge_type[2]]).astype(np.int32)
            u, v = u[u != v], v[u != v]
            for node, neighbour in ((u, v), (v, u)):
                place = rank[node]
                pairs = pa.table({"place": place % np.int32(size), "neighbour": neighbour})
                writer.write_buckets(pairs, place // np.int32(size), num_neighbour_buckets(job))
    return {"batches": writer.batches}


def build_neighbours(job: Job, bucket: int) -> Facts:
    """Write the neighbour lists of one bucket of nodes."""
    places, neighbours = [np.zeros(0, np.int32)], [np.zeros(0, np.int32)]
    for key in job.config.edges:
        for index in forward_segments(job, key):
            batches = job.facts("neighbours", key, index)["batches"].get(str(bucket), [])
            for batch in read_spool(job.spool("neighbours", key, index), batches):
                places.append(batch.column("place").to_numpy())
                neighbours.append(batch.column("neighbour").to_numpy())
    size, total = bucket_rows(job), int(node_offsets(job)[-1])
    rows = max(0, min(size, total - bucket * size))
    indptr, indices = kernels.build_rows(np.concatenate(places), np.concatenate(neighbours), rows)
    _save(job.path("rows", f"{bucket}.indptr.npy"), indptr)
    _save(job.path("rows", f"{bucket}.indices.npy"), indices)
    return {"entries": len(indices)}


def forward_segments(job: Job, key: str) -> list[int]:
    """Return which segments of an edge table are not reverse copies."""
    return [i for i, s in enumerate(table_segments(job, key)) if not s.swapped]


class StoredStream:
    """Neighbour lists on disk, in the order of the stream (a `NeighbourStream`)."""

    def __init__(self, job: Job) -> None:
        """Name the files; none is read."""
        self._job = job
        self._order = stream_order(self.num_nodes, job.seed)

    @property
    def num_nodes(self) -> int:
        """Number of nodes N of all types."""
        return int(node_offsets(self._job)[-1])

    @property
    def num_edges(self) -> int:
        """Number of undirected edges."""
        buckets = range(num_neighbour_buckets(self._job))
        return sum(int(self._job.facts("rows", b)["entries"]) for b in buckets) // 2

    def blocks(self) -> Iterator[RowBlock]:
        """Read all nodes once."""
        size = bucket_rows(self._job)
        for bucket in range(num_neighbour_buckets(self._job)):
            yield RowBlock(
                np.load(self._job.path("rows", f"{bucket}.indptr.npy")),
                np.load(self._job.path("rows", f"{bucket}.indices.npy")),
                self._order[bucket * size : (bucket + 1) * size],
            )


def assign(job: Job) -> Facts:
    """Write the part of every node of the union graph."""
    partitioner, offsets = find_partitioner(job.method), node_offsets(job)
    weights = _weights(job)
    if isinstance(partitioner, StreamPartitioner):
        parts = partitioner.assign_stream(StoredStream(job), job.num_parts, weights)
    else:
        adjacency = _adjacency(job, offsets) if partitioner.needs_edges else _no_edges(offsets)
        parts = partitioner.assign(adjacency, job.num_parts, weights, job.seed)
    _save(job.path("assignment.npy"), occupy_every_part(parts, job.num_parts))
    return {}


def lay_out(job: Job) -> Facts:
    """Write the global id of every node, and decide which edges are sorted together."""
    offsets, found = node_offsets(job), {}
    assignment = np.load(job.path("assignment.npy"))
    edge_loads, train_loads = np.zeros(job.num_parts), np.zeros(job.num_parts)
    for t, node_type in enumerate(job.config.nodes):
        layout = node_layout(assignment[offsets[t] : offsets[t + 1]], job.num_parts)
        found[node_type] = layout.offsets.tolist()
        _save(job.path("layout", f"{node_type}.global_id.npy"), layout.global_id)
        marks = _training_nodes(job, node_type)
        train_loads += np.bincount(layout.part_of, marks, minlength=job.num_parts)
    buckets = {}
    for schema in edge_schemas(job):
        target = schema.type[2]
        degrees = np.zeros(found[target][-1], np.int64)
        global_id = load_global_ids(job, target)
        degrees[global_id] = in_degrees(job, schema.type)
        bounds = np.concatenate([[0], np.cumsum(degrees)])
        edge_loads += np.diff(bounds[found[target]])
        most = max(1, job.bucket_bytes // (EDGE_BYTES + 2 * _row_bytes(job, schema.type)))
        buckets[edge_key(schema.type)] = _edge_buckets(bounds, found[target], most)
    return {
        "offsets": found,
        "edge_buckets": buckets,
        "edge_loads": edge_loads.tolist(),
        "train_loads": train_loads.tolist(),
    }


def load_global_ids(job: Job, node_type: NodeType) -> npt.NDArray[np.int64]:
    """Return the global id of every row of a node type, int64 [n]."""
    ids: npt.NDArray[np.int64] = np.load(job.path("layout", f"{node_type}.global_id.npy"))
    return ids


def in_degrees(job: Job, edge_type: EdgeType) -> npt.NDArray[np.int64]:
    """Return the number of edges of a type into every row of its destination, int64 [n]."""
    size = NodeIds.merged(job, edge_type[2]).num_rows
    degrees = np.zeros(size, np.int64)
    for segment in segments(job, edge_type):
        for table in segment.tables():
            np.add(degrees, np.bincount(ends(table)[1], minlength=size), out=degrees)
    return degrees


def _edge_buckets(
    bounds: npt.NDArray[np.int64], offsets: list[int], most: int
) -> list[tuple[int, int, int]]:
    """Return (part, first global id, end) of ranges with about `most` edges, none across parts."""
    found = []
    for part in range(len(offsets) - 1):
        first, last = offsets[part], offsets[part + 1]
        edges = int(bounds[last] - bounds[first])
        marks = bounds[first] + most * np.arange(1, -(-edges // most))
        cuts = np.unique(np.clip(np.searchsorted(bounds, marks), first, last))
        starts = [first, *(int(c) for c in cuts if first < c < last), last]
        found += [(part, a, b) for a, b in itertools.pairwise(starts)]
    return found


def _row_bytes(job: Job, edge_type: EdgeType) -> int:
    """Return the size of an edge's attributes."""
    first = next(iter(segments(job, edge_type)))
    batch = next(read_spool(first.path), None)
    if batch is None or not batch.num_rows:
        return 0
    names = [n for n in batch.schema.names if n not in ("src", "dst")]
    return int(sum(batch.column(n).nbytes for n in names) // batch.num_rows)


def _weights(job: Job) -> npt.NDArray[np.int64]:
    def counts() -> dict[NodeType, npt.NDArray[np.int64]]:
        if job.balance == "train":
            return {t: _training_nodes(job, t) for t in job.config.nodes}
        sizes = {t: NodeIds.merged(job, t).num_rows for t in job.config.nodes}
        found = {t: np.zeros(n, np.int64) for t, n in sizes.items()}
        for schema in edge_schemas(job):
            found[schema.type[2]] += in_degrees(job, schema.type)
        return found

    return weights_of(int(node_offsets(job)[-1]), job.balance, counts)


def _training_nodes(job: Job, node_type: NodeType) -> npt.NDArray[np.int64]:
    """Return 1 for every training node of a type and 0 for others, int64 [n]."""
    marks = np.zeros(NodeIds.merged(job, node_type).num_rows, np.int64)
    row = 0
    for position in range(job.num_files(node_type)):
        for batch in read_spool(job.spool("nodes", node_type, position)):
            if "split" in batch.schema.names:
                split = batch.column("split").to_numpy()
                marks[row : row + len(split)] = split == SPLITS["train"]
            row += batch.num_rows
    return marks


def _adjacency(job: Job, offsets: npt.NDArray[np.int64]) -> Adjacency:
    """Return the union graph in memory, its neighbours in the order of the edges."""
    builder = kernels.AdjacencyBuilder(int(offsets[-1]))
    for step in (builder.count, builder.scatter):
        for block in _blocks(job, offsets):
            step(*block)
    indptr, indices = builder.finish()
    return Adjacency(node_offsets=offsets, indptr=indptr, indices=indices)


def _blocks(job: Job, offsets: npt.NDArray[np.int64]) -> Iterator[tuple[Any, ...]]:
    first = first_nodes(job)
    count = dict(zip(job.config.nodes, np.diff(offsets).tolist(), strict=True))
    for schema in edge_schemas(job):
        source, _, target = schema.type
        for segment in segments(job, schema.type):
            for table in segment.tables():
                src, dst = ends(table)
                yield src, dst, first[source], count[source], first[target], count[target]


def _no_edges(offsets: npt.NDArray[np.int64]) -> Adjacency:
    indptr = np.zeros(int(offsets[-1]) + 1, np.int64)
    return Adjacency(node_offsets=offsets, indptr=indptr, indices=np.zeros(0, np.int32))


def _save(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array to a file that is complete or absent."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with partial_name(path).open("wb") as file:
        np.save(file, array)
    partial_name(path).replace(path)
