"""The undirected union graph that partitioners look at.

The nodes of all types are numbered one type after another, in the order of the schema; the edges of
all types lose their direction, their type and their multiplicity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import PartitionError
from distgnn.partition import kernels

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.tables.raw_graph import RawGraph

MAX_NODES = 2**31 - 1
"""Neighbours are int32: half the memory, and what KaHIP takes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Adjacency:
    """A simple undirected graph of N nodes as CSR: each edge in both directions, no loops."""

    node_offsets: npt.NDArray[np.int64]
    """int64 [T + 1]: the nodes of type t are node_offsets[t]:node_offsets[t + 1]."""
    indptr: npt.NDArray[np.int64]
    """int64 [N + 1]: node v has the neighbours indices[indptr[v]:indptr[v + 1]]."""
    indices: npt.NDArray[np.int32]
    """int32 [2 x edges]."""

    @property
    def num_nodes(self) -> int:
        """Number of nodes N of all types."""
        return len(self.indptr) - 1

    @property
    def num_edges(self) -> int:
        """Number of undirected edges."""
        return len(self.indices) // 2


def union_offsets(raw: RawGraph) -> npt.NDArray[np.int64]:
    """Return where each node type begins in the union graph, int64 [T + 1].

    Raises:
        PartitionError: there are more than `MAX_NODES` nodes.
    """
    counts = [raw.num_nodes(node_type) for node_type in raw.schema.node_types]
    offsets = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)]).astype(np.int64)
    if offsets[-1] > MAX_NODES:
        msg = (
            f"the graph has {offsets[-1]:,} nodes; partitioning in memory takes at most "
            f"{MAX_NODES:,}. Split the graph, or leave nodes out."
        )
        raise PartitionError(msg)
    return offsets


def int64_column(table: Any, name: str) -> npt.NDArray[np.int64]:
    """Return an int64 column of an Arrow table: a view if it has one chunk, else a copy."""
    column = table.column(name)
    array = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    values: npt.NDArray[np.int64] = array.to_numpy(zero_copy_only=True)
    return values


def build_adjacency(raw: RawGraph) -> Adjacency:
    """Return the undirected union graph of `raw`.

    Takes two counting passes over the edges, and as working memory 8 bytes an edge and 12 a node.

    Raises:
        PartitionError: there are more than `MAX_NODES` nodes.
    """
    offsets = union_offsets(raw)
    first = dict(zip(raw.schema.node_types, offsets.tolist(), strict=False))
    blocks = [
        (
            int64_column(raw.edges[edge_type], "src"),
            int64_column(raw.edges[edge_type], "dst"),
            first[edge_type[0]],
            raw.num_nodes(edge_type[0]),
            first[edge_type[2]],
            raw.num_nodes(edge_type[2]),
        )
        for edge_type in raw.schema.edge_types
    ]
    indptr, indices = kernels.build_adjacency(blocks, int(offsets[-1]))
    return Adjacency(node_offsets=offsets, indptr=indptr, indices=indices)


def without_edges(raw: RawGraph) -> Adjacency:
    """Return the nodes of `raw` alone, for partitioners that do not look at edges.

    Raises:
        PartitionError: there are more than `MAX_NODES` nodes.
    """
    offsets = union_offsets(raw)
    indptr = np.zeros(int(offsets[-1]) + 1, np.int64)
    return Adjacency(node_offsets=offsets, indptr=indptr, indices=np.zeros(0, np.int32))
