"""What a run out of core will take, from the metadata of its files.

The constants were measured on 2 cores of a cloud machine (benchmarks/partition.py).
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distgnn.exceptions import PartitionError
from distgnn.partition.estimate import (
    ADJACENCY_BYTES_PER_EDGE,
    ADJACENCY_BYTES_PER_NODE,
    format_bytes,
    format_seconds,
)
from distgnn.partition.partitioner import StreamPartitioner
from distgnn.partition.registry import find_partitioner

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.partition.out_of_core.job import Job
    from distgnn.partition.partitioner import Partitioner

NEIGHBOUR_BYTES = 40
"""What a neighbour entry counts for when edges are split into buckets."""

BASE_BYTES = 150 << 20
"""Of a process that has loaded what a run needs."""

STATE_BYTES_PER_NODE = 44
"""Held through the assignment and the layout: order, parts, weights, global ids, degrees."""

WINDOW_FACTOR = 6.5
"""A window as read, with its columns in canonical form, sorted by bucket and cut."""

SPOOL_FACTOR = 2.5
"""A window of a spool, read for its ends alone."""

ENTRY_BYTES = 28
"""Of a neighbour entry while the rows of its bucket are built."""

NS_PER_EDGE = 400.0
"""Reading, scattering and sorting an edge, and hashing it."""
STREAM_NS_PER_EDGE = 150.0
"""Beside it, neighbours on disk."""
BYTES_PER_SECOND = 0.15e9
"""Attributes and features: read, spooled, scattered, put together, hashed."""
TEXT_ID_NS = 400.0
"""Looking up an id of text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobEstimate:
    """What a run will take."""

    num_nodes: int
    num_edges: int
    """Final edges: with reverse copies, before duplicates are dropped."""
    read_bytes: int
    """Size of the wanted columns in memory."""
    write_bytes: int
    """Size of the shards."""
    scratch_bytes: int
    """Most that lies in the folder of the run, the shards included."""
    peak_bytes: int
    """Largest resident memory of the process (on a cluster: of a task)."""
    memory_limit: int
    state_bytes: int
    """Part of the peak that no window or bucket makes smaller."""
    seconds: float
    is_in_memory: bool
    """Whether the method holds all edges in memory."""

    def render(self) -> str:
        """Return the estimate in one line."""
        return (
            f"{self.num_nodes:,} nodes, {self.num_edges:,} edges, {format_bytes(self.read_bytes)} "
            f"to read, {format_bytes(self.write_bytes)} to write "
            f"({format_bytes(self.scratch_bytes)} on disk meanwhile); about "
            f"{format_seconds(self.seconds)}, {format_bytes(self.peak_bytes)} of memory at the "
            f"peak (limit {format_bytes(self.memory_limit)})"
        )

    def check(self, work: Path) -> None:
        """Check that memory, and the disk of the folder `work`, will do.

        Raises:
            PartitionError: they will not; the message names the option that helps.
        """
        if self.peak_bytes > self.memory_limit:
            helps = (
                "choose a method that reads edges in passes (--method multilevel, fennel, restream "
                "or ldg), or "
                if self.is_in_memory
                else ""
            )
            msg = (
                f"this graph needs about {format_bytes(self.peak_bytes)} of memory, of which "
                f"{format_bytes(self.state_bytes)} cannot be cut into pieces, and the limit is "
                f"{format_bytes(self.memory_limit)}: {helps}raise --memory-limit"
            )
            raise PartitionError(msg)
        folder = next(parent for parent in work.absolute().parents if parent.exists())
        free = shutil.disk_usage(folder).free
        if self.scratch_bytes > free:
            msg = (
                f"this run needs about {format_bytes(self.scratch_bytes)} on the disk of {folder}, "
                f"which has {format_bytes(free)} free: choose an output on a larger disk, or put "
                "the intermediate files on another one with --work"
            )
            raise PartitionError(msg)


def node_state_bytes(num_nodes: int) -> int:
    """Return the bytes that are held for every node."""
    return STATE_BYTES_PER_NODE * num_nodes


def estimate_job(job: Job, memory_limit: int) -> JobEstimate:
    """Return what a run will take."""
    partitioner = find_partitioner(job.method)
    nodes, edges = count_nodes(job), _count_edges(job)
    node_bytes = sum(files.num_bytes for files in job.nodes.values() if files) + 16 * nodes
    table_bytes = sum(files.num_bytes for files in job.edges.values())
    edge_bytes = _attribute_bytes(job) + 16 * edges + 24 * nodes
    write_bytes = node_bytes + edge_bytes
    is_stream = isinstance(partitioner, StreamPartitioner)
    state = _state_bytes(partitioner, nodes, edges)
    peak = BASE_BYTES + max(
        state + SPOOL_FACTOR * _window_bytes(job, edges),
        WINDOW_FACTOR * _window_bytes(job, edges) + 8 * nodes,
        _bucket_bytes(job, edges) + 16 * nodes,
        ENTRY_BYTES * _bucket_entries(job, edges) + 4 * nodes if is_stream else 0,
    )
    seconds = (
        NS_PER_EDGE * edges
        + (STREAM_NS_PER_EDGE * edges if is_stream else 0)
        + partitioner.cost.ns_per_edge * edges
        + partitioner.cost.ns_per_node * nodes
        + TEXT_ID_NS * _num_text_ids(job)
    ) / 1e9 + (node_bytes + _attribute_bytes(job)) / BYTES_PER_SECOND
    return JobEstimate(
        num_nodes=nodes,
        num_edges=edges,
        read_bytes=sum(f.num_bytes for f in job.nodes.values() if f) + table_bytes,
        write_bytes=write_bytes,
        # Spools, buckets and shards; neighbours both ways, before and after they are merged.
        scratch_bytes=3 * write_bytes + (24 * edges if is_stream else 0),
        peak_bytes=int(peak),
        memory_limit=memory_limit,
        state_bytes=int(BASE_BYTES + state),
        seconds=seconds,
        is_in_memory=partitioner.needs_edges and not is_stream,
    )


def count_nodes(job: Job) -> int:
    """Return the number of nodes of all types."""
    return sum(
        (job.node_config(t).num_nodes or 0) if files is None else files.num_rows
        for t, files in job.nodes.items()
    )


def _copies(job: Job, key: str) -> int:
    config = job.edge_config(key)
    return (2 if config.undirected else 1) * (2 if config.reverse is not None else 1)


def _count_edges(job: Job) -> int:
    return sum(job.edge_files(key).num_rows * _copies(job, key) for key in job.config.edges)


def _attribute_bytes(job: Job) -> int:
    """Return the size of what edges carry beside their ends."""
    total = 0
    for key, config in job.config.edges.items():
        files = job.edge_files(key)
        if set(files.schema.names) - {config.src, config.dst}:
            total += max(0, files.num_bytes - 16 * files.num_rows) * _copies(job, key)
    return total


def _num_text_ids(job: Job) -> int:
    found = 0
    for edge_type, files in job.edges.items():
        for node_type in (edge_type[0], edge_type[2]):
            config, table = job.node_config(node_type), job.nodes[node_type]
            if config.id is None or table is None:
                continue
            if config.id_type == "string" or "string" in str(table.schema.field(config.id).type):
                found += files.num_rows
    return found


def _window_bytes(job: Job, edges: int) -> float:
    """Return the size of the largest window: smaller than allowed where files are."""
    tables = [files for files in (*job.nodes.values(), *job.edges.values()) if files]
    largest = max((file.num_bytes for files in tables for file in files.files), default=0)
    return min(job.window_bytes, max(largest, 16 * edges / max(1, len(tables))))


def _bucket_bytes(job: Job, edges: int) -> float:
    """Return what sorting the largest bucket takes, beside the mapped columns of its part."""
    widest = max((f.num_bytes / max(1, f.num_rows) for f in job.edges.values()), default=0)
    attributes = max(0, widest - 16)
    of_part = edges / job.num_parts
    return min(job.bucket_bytes, (80 + 2 * attributes) * of_part) + 16 * of_part


def _bucket_entries(job: Job, edges: int) -> float:
    """Return the neighbour entries of one bucket (`assign.num_neighbour_buckets`)."""
    wanted = 1 + 2 * edges * NEIGHBOUR_BYTES // job.bucket_bytes
    return 2 * edges / max(1, min(wanted, 4096))


def _state_bytes(partitioner: Partitioner, nodes: int, edges: int) -> float:
    state: float = node_state_bytes(nodes)
    if not partitioner.needs_edges:
        return state
    own = partitioner.cost.bytes_per_node * nodes + partitioner.cost.bytes_per_edge * edges
    if isinstance(partitioner, StreamPartitioner):
        return max(state, own + 20 * nodes)
    return max(state, own + ADJACENCY_BYTES_PER_NODE * nodes + ADJACENCY_BYTES_PER_EDGE * edges)
