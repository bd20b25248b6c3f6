"""What a run will take, told before it starts: time, peak memory, bytes written.

The constants were measured on 2 cores of a cloud machine (1M nodes, 20M edges, 128 float32
features, 8 parts; tables in memory, output in the page cache).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from distgnn.exceptions import PartitionError

if TYPE_CHECKING:
    from distgnn.partition.partitioner import Cost, Partitioner
    from distgnn.schema import EdgeType
    from distgnn.tables.raw_graph import RawGraph

ADJACENCY_NS_PER_EDGE = 45.0
"""Building the undirected union graph."""
ADJACENCY_BYTES_PER_EDGE = 8.0
"""Two int32 entries."""
ADJACENCY_BYTES_PER_NODE = 28.0
"""indptr, the write positions, the stamps, and the constraints."""
LAYOUT_NS_PER_NODE = 30.0
LAYOUT_BYTES_PER_NODE = 44.0
"""Assignment, order, global ids, constraints, indptr."""
EDGE_NS = 85.0
"""Sorting into CSC and counting the cut."""
CSC_BYTES_PER_EDGE = 16.0
"""Source and edge number of every edge."""
TIMED_CSC_BYTES_PER_EDGE = 40.0
"""While edges are sorted by time."""
PART_BYTES_PER_EDGE = 24.0
"""Columns of one part, for each of its edges, beside its attributes."""
BYTES_PER_SECOND = 0.6e9
"""Re-ordered, checksummed and written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What partitioning will take."""

    num_nodes: int
    num_edges: int
    read_bytes: int
    """Size of the tables in memory."""
    write_bytes: int
    """Size of the shards."""
    seconds: float
    peak_bytes: int
    """Largest resident memory of this process: what it holds now, the tables included, and more."""
    available_bytes: int
    """Memory that this process may still take, as the system says now."""

    @property
    def is_too_large(self) -> bool:
        """Whether the run needs more memory than there is."""
        return self.peak_bytes - _resident_bytes() > self.available_bytes

    def render(self) -> str:
        """Return the estimate in one line (and another if memory will not do)."""
        text = (
            f"{self.num_nodes:,} nodes, {self.num_edges:,} edges, "
            f"{format_bytes(self.read_bytes)} in memory; about {format_seconds(self.seconds)}, "
            f"{format_bytes(self.peak_bytes)} of memory at the peak, "
            f"{format_bytes(self.write_bytes)} to write"
        )
        if self.is_too_large:
            text += (
                f"\n[yellow]only {format_bytes(self.available_bytes)} more memory can be had: "
                "the run may be killed. The methods hash, range, ldg and fennel take the least."
            )
        return text


def estimate(raw: RawGraph, partitioner: Partitioner, num_parts: int) -> Estimate:
    """Return what partitioning `raw` into `num_parts` parts will take."""
    nodes = sum(raw.num_nodes(node_type) for node_type in raw.schema.node_types)
    edges = sum(raw.num_edges(edge_type) for edge_type in raw.schema.edge_types)
    node_bytes = sum(int(table.nbytes) for table in raw.nodes.values())
    edge_bytes = sum(int(table.nbytes) for table in raw.edges.values())
    # Nodes gain `index`; edges lose `dst`, gain `eid`, and need an offset a column and row.
    write_bytes = node_bytes + 8 * nodes + edge_bytes + _offset_bytes(raw)
    own_bytes = max(
        _assignment_bytes(partitioner, nodes, edges),
        LAYOUT_BYTES_PER_NODE * nodes
        + node_bytes / num_parts
        + max((_sorting_bytes(raw, edge_type, num_parts) for edge_type in raw.edges), default=0),
    )
    return Estimate(
        num_nodes=nodes,
        num_edges=edges,
        read_bytes=node_bytes + edge_bytes,
        write_bytes=write_bytes,
        seconds=_seconds(partitioner, nodes, edges, write_bytes),
        peak_bytes=_resident_bytes() + int(own_bytes),
        available_bytes=psutil.virtual_memory().available,
    )


def _seconds(partitioner: Partitioner, nodes: int, edges: int, write_bytes: int) -> float:
    cost: Cost = partitioner.cost
    adjacency = ADJACENCY_NS_PER_EDGE * edges if partitioner.needs_edges else 0
    assignment = cost.ns_per_node * nodes + cost.ns_per_edge * edges
    layout = LAYOUT_NS_PER_NODE * nodes + EDGE_NS * edges
    return (adjacency + assignment + layout) / 1e9 + write_bytes / BYTES_PER_SECOND


def _offset_bytes(raw: RawGraph) -> int:
    """Return the bytes of the offsets of list columns: one of 8 bytes a column and destination."""
    return sum(
        8 * table.num_columns * raw.num_nodes(edge_type[2])
        for edge_type, table in raw.edges.items()
    )


def _assignment_bytes(partitioner: Partitioner, nodes: int, edges: int) -> float:
    cost = partitioner.cost
    own = cost.bytes_per_node * nodes + cost.bytes_per_edge * edges
    if not partitioner.needs_edges:
        return own
    return own + ADJACENCY_BYTES_PER_NODE * nodes + ADJACENCY_BYTES_PER_EDGE * edges


def _sorting_bytes(raw: RawGraph, edge_type: EdgeType, num_parts: int) -> float:
    """Return the working memory for the edges of one type, of which one part is written at once."""
    edges, num_bytes = raw.num_edges(edge_type), int(raw.edges[edge_type].nbytes)
    timed = raw.schema.edge(edge_type).has_time
    one_part = (PART_BYTES_PER_EDGE * edges + num_bytes) / num_parts
    if timed:
        return max(TIMED_CSC_BYTES_PER_EDGE * edges, CSC_BYTES_PER_EDGE * edges + one_part)
    return CSC_BYTES_PER_EDGE * edges + one_part


def _resident_bytes() -> int:
    return int(psutil.Process().memory_info().rss)


def format_bytes(num_bytes: float) -> str:
    """Return ``"1.2 GiB"`` and the like."""
    for unit in ("B", "KiB", "MiB"):
        if num_bytes < 1024:
            return f"{num_bytes:.0f} {unit}" if unit == "B" else f"{num_bytes:.1f} {unit}"
        num_bytes /= 1024
    return f"{num_bytes:.1f} GiB"


def parse_bytes(text: str) -> int:
    """Return the bytes that ``"2GiB"``, ``"800 MB"`` or ``"123"`` names.

    Raises:
        PartitionError: it names none.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B?\s*", text, re.IGNORECASE)
    if found is None:
        msg = f"{text!r} is no amount of memory: write it like 2GiB, 800MB or 1.5G"
        raise PartitionError(msg)
    power = " KMGT".index(found.group(2).upper() or " ")
    return int(float(found.group(1)) * (1024 if found.group(3) else 1000) ** power)


def format_seconds(seconds: float) -> str:
    """Return ``"0.3 s"``, ``"42 s"`` or ``"5 min"``."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
