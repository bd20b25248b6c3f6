"""What a part holds, as numpy views of its mapped files.

Legend: n nodes owned, E edges into them, D feature columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SparseRows:
    """A matrix of n rows of which only some values are stored (CSR)."""

    indptr: Int64s
    """int64 [n + 1]: row r holds the positions indptr[r]:indptr[r + 1]."""
    indices: npt.NDArray[np.int32]
    """int32 [nnz]: the column of each value, rising within a row, < dim."""
    values: npt.NDArray[Any]
    """[nnz], in the type of storage (bfloat16 as its bits, uint16)."""
    dim: int

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.indptr) - 1

    def dense(self, rows: Int64s | None = None) -> npt.NDArray[Any]:
        """Return rows (all by default) as a matrix [len(rows), dim] in the type of storage."""
        rows = np.arange(len(self)) if rows is None else rows
        counts = self.indptr[rows + 1] - self.indptr[rows]
        targets = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(len(targets)) - np.repeat(np.cumsum(counts) - counts, counts)
        positions = np.repeat(self.indptr[rows], counts) + within
        out = np.zeros((len(rows), self.dim), self.values.dtype)
        out[targets, self.indices[positions]] = self.values[positions]
        return out


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeShard:
    """The nodes of one type that one part owns; row r has the global id ``offsets[part] + r``."""

    ids: Any
    """The user's own ids, Arrow int64 or string array [n]."""
    index: Int64s
    """int64 [n]: row in the raw node table, the same whatever the partitioning."""
    x: npt.NDArray[Any] | SparseRows | None
    """[n, D] in the type of storage (bfloat16 as its bits, uint16), sparse rows, or None."""
    y: npt.NDArray[Any] | None
    """int64 [n] classes (-1 unlabelled), int8 or float32 [n, dim], float32 [n], or None."""
    split: npt.NDArray[np.int8] | None
    """int8 [n], codes of `distgnn.schema.SPLITS`, -1 for none."""
    time: Int64s | None
    """int64 [n]."""
    columns: Any
    """All columns of the file as an Arrow record batch."""

    @property
    def num_nodes(self) -> int:
        """Number of nodes n."""
        return len(self.index)

    def column(self, name: str) -> Any:
        """Return any column of the file as an Arrow array [n].

        Raises:
            KeyError: there is no such column.
        """
        return self.columns.column(name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeShard:
    """The edges of one type into the nodes of one part: a CSC matrix of owned destinations.

    The in-neighbours of owned node r are the positions ``indptr[r]:indptr[r + 1]``, sorted by the
    source's `index`, or by (time, index) if edges carry a time; parallel edges by `eid`.
    """

    indptr: Int64s
    """int64 [n + 1], from 0 to E."""
    src: Int64s
    """int64 [E]: global id of the source."""
    eid: Int64s
    """int64 [E]: row in the raw edge table."""
    weight: npt.NDArray[np.float32] | None
    """float32 [E]."""
    time: Int64s | None
    """int64 [E]."""
    edge_attr: npt.NDArray[Any] | SparseRows | None
    """[E, D] in the type of storage, sparse rows, or None."""
    y: npt.NDArray[Any] | None
    """[E] or [E, labels], as for nodes."""
    columns: Any
    """All columns of the file as an Arrow record batch of n rows of lists."""

    @property
    def num_edges(self) -> int:
        """Number of edges E."""
        return len(self.src)

    @property
    def num_dst(self) -> int:
        """Number of owned destinations n."""
        return len(self.indptr) - 1

    def column(self, name: str) -> Any:
        """Return any column of the file as an Arrow array [E] in edge order.

        Raises:
            KeyError: there is no such column.
        """
        return self.columns.column(name).flatten()
