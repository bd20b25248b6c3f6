"""KaHIP, by its optional Python package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from distgnn.exceptions import MissingDependencyError, PartitionError
from distgnn.partition import kernels
from distgnn.partition.ldg import LdgPartitioner
from distgnn.partition.partitioner import MAX_IMBALANCE, SLACK, Cost

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency

INT32_MAX = 2**31 - 1


class KahipPartitioner:
    """Multilevel partitioning for networks with hubs: METIS's quality for less time and memory.

    Sanders and Schulz, "Engineering multilevel graph partitioning algorithms", ESA 2011, in the
    configuration for social networks ("fastsocial"): Meyerhenke, Sanders and Schulz, "Partitioning
    complex networks via size-constrained clustering", SEA 2014.
    """

    needs_edges: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(ns_per_edge=680, bytes_per_node=60, bytes_per_edge=41)

    def assign(
        self, adjacency: Adjacency, num_parts: int, weights: npt.NDArray[np.int64], seed: int
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `Partitioner.assign`).

        Raises:
            MissingDependencyError: KaHIP is not installed.
            PartitionError: the graph has 2^31 or more neighbour entries, KaHIP's limit.
        """
        kahip = _import_kahip()
        if len(adjacency.indices) > INT32_MAX:
            msg = (
                f"KaHIP takes at most {INT32_MAX // 2:,} undirected edges, and the graph has "
                f"{adjacency.num_edges:,}. Use another method, such as 'metis' or 'fennel'."
            )
            raise PartitionError(msg)
        if num_parts == 1 or adjacency.num_edges == 0:
            return LdgPartitioner().assign(adjacency, num_parts, weights, seed)
        # KaHIP iterates over what it is given: buffers spare it lists of a gigabyte.
        _, parts = kahip.kaffpa(
            _one_weight(weights).data,
            adjacency.indptr.astype(np.int32).data,
            np.ones(len(adjacency.indices), np.int32).data,
            adjacency.indices.data,
            num_parts,
            MAX_IMBALANCE,
            True,  # suppress_output; the function takes no keywords
            seed % INT32_MAX,
            kahip.FASTSOCIAL,
        )
        return kernels.rebalance(
            adjacency.indptr,
            adjacency.indices,
            weights,
            np.asarray(parts, np.int32),
            num_parts,
            SLACK,
        )


def _import_kahip() -> Any:
    try:
        import kahip
    except ImportError as error:
        msg = (
            "the method 'kahip' needs the package kahip, which is not installed: "
            "pip install distgnn[kahip]"
        )
        raise MissingDependencyError(msg) from error
    return kahip


def _one_weight(weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return the constraints as the one weight that KaHIP takes, int32 [N], its sum below 2^31."""
    totals = weights.sum(axis=0, dtype=np.float64)
    scale = (INT32_MAX / 2) / len(totals)
    one: npt.NDArray[np.float64] = (weights / totals).sum(axis=1) * scale
    if len(totals) == 1 and totals[0] <= scale:
        one = weights[:, 0].astype(np.float64)
    return np.maximum(one, 1).astype(np.int32)
