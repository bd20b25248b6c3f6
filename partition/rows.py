"""The neighbours of all nodes, a block at a time: what streaming partitioners read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from distgnn.partition.stream_order import stream_order

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency


class RowBlock(NamedTuple):
    """Some nodes and their neighbours, as the kernels take them.

    Node nodes[i] has the neighbours indices[indptr[r]:indptr[r + 1]] with r = rows[i], or r = i
    where `rows` is None.
    """

    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    nodes: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int32] | None = None


class NeighbourStream(Protocol):
    """The undirected union graph, read in a random order of its nodes that a seed fixes."""

    @property
    def num_nodes(self) -> int:
        """Number of nodes N of all types."""
        ...

    @property
    def num_edges(self) -> int:
        """Number of undirected edges."""
        ...

    def blocks(self) -> Iterator[RowBlock]:
        """Read all nodes once, always in the same order."""
        ...


class AdjacencyStream:
    """An adjacency in memory as one block."""

    def __init__(self, adjacency: Adjacency, seed: int) -> None:
        """Fix the order of the nodes."""
        self._adjacency = adjacency
        self._order = stream_order(adjacency.num_nodes, seed)

    @property
    def num_nodes(self) -> int:
        """Number of nodes N of all types."""
        return self._adjacency.num_nodes

    @property
    def num_edges(self) -> int:
        """Number of undirected edges."""
        return self._adjacency.num_edges

    def blocks(self) -> Iterator[RowBlock]:
        """Read all nodes once."""
        found: Any = self._adjacency
        yield RowBlock(found.indptr, found.indices, self._order, self._order)
