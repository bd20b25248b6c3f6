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
        import pymetis

        if num_parts == 1 or adjacency.num_edges == 0:
            return LdgPartitioner().assign(adjacency, num_parts, weights, seed)
        dtype = pymetis.zero_copy_dtype()
        # METIS counts imbalance in thousandths.
        options = pymetis.Options(seed=seed % 2**31, ufactor=round(1000 * MAX_IMBALANCE))
        result = pymetis.part_graph(
            num_parts,
            pymetis.CSRAdjacency(
                adjacency.indptr.astype(dtype, copy=False),
                adjacency.indices.astype(dtype, copy=False),
            ),
            vweights=np.ascontiguousarray(weights, dtype).ravel(),
            recursive=False,
            options=options,
        )
        return kernels.rebalance(
            adjacency.indptr,
            adjacency.indices,
            weights,
            np.asarray(result.vertex_part, np.int32),
            num_parts,
            SLACK,
        )
