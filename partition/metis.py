"""METIS, by pymetis."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from distgnn.partition import kernels
from distgnn.partition.ldg import LdgPartitioner
from distgnn.partition.partitioner import MAX_IMBALANCE, SLACK, Cost

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency


class MetisPartitioner:
    """Multilevel k-way partitioning: the smallest cut, for the most time and memory.

    Karypis and Kumar, "Multilevel k-way partitioning scheme for irregular graphs", JPDC 1998.
    """

    needs_edges: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(ns_per_edge=670, bytes_per_node=60, bytes_per_edge=128)

    def assign(
        self, adjacency: Adjacency, num_parts: int, weights: npt.NDArray[np.int64], seed: int
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `Partitioner.assign`)."""
        if num_parts == 1 or adjacency.num_edges == 0:
            return LdgPartitioner().assign(adjacency, num_parts, weights, seed)
        parts = metis(adjacency.indptr, adjacency.indices, num_parts, weights, seed=seed)
        return kernels.rebalance(
            adjacency.indptr, adjacency.indices, weights, parts, num_parts, SLACK
        )


def metis(
    indptr: npt.NDArray[np.int64],
    indices: npt.NDArray[np.int32],
    num_parts: int,
    weights: npt.NDArray[np.int64],
    *,
    seed: int,
    edge_weights: npt.NDArray[np.int32] | None = None,
) -> npt.NDArray[np.int32]:
    """Return METIS's part of every node, int32 [N].

    Args:
        indptr: int64 [N + 1].
        indices: int32 [E], the neighbours of all nodes, both directions of each edge.
        num_parts: At least 2.
        weights: int64 [N, C], what a node weighs under each constraint.
        seed: At least 0.
        edge_weights: int32 [E], the same both ways; None: all are 1.
    """
    import pymetis

    dtype = pymetis.zero_copy_dtype()
    # METIS counts imbalance in thousandths.
    options = pymetis.Options(seed=seed % 2**31, ufactor=round(1000 * MAX_IMBALANCE))
    result = pymetis.part_graph(
        num_parts,
        pymetis.CSRAdjacency(indptr.astype(dtype, copy=False), indices.astype(dtype, copy=False)),
        vweights=np.ascontiguousarray(weights, dtype).ravel(),
        eweights=None if edge_weights is None else edge_weights.astype(dtype, copy=False),
        recursive=False,
        options=options,
    )
    return np.asarray(result.vertex_part, np.int32)
