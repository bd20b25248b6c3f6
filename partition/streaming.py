"""Passes over the nodes, each placed as it comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from distgnn.partition import kernels
from distgnn.partition.partitioner import SLACK

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from distgnn.partition.rows import NeighbourStream


def place_all(
    stream: NeighbourStream,
    num_parts: int,
    weights: npt.NDArray[np.int64],
    rule: Literal["ldg", "fennel"],
    *,
    num_passes: int,
) -> npt.NDArray[np.int32]:
    """Return the part of every node, int32 [N], after `num_passes` passes over the stream.

    Args:
        stream: The graph.
        num_parts: Number of parts, from 1 to N.
        weights: int64 [N, C], what a node weighs under each constraint.
        rule: How neighbours count against load (``csrc/streaming.h``).
        num_passes: From the second on, neighbours count where the pass before placed them.
    """
    state = kernels.Streamer(
        weights, num_parts, SLACK, rule, stream.num_edges / max(1, stream.num_nodes)
    )
    for i in range(num_passes):
        if i:
            state.restart()
        for block in stream.blocks():
            state.place(*block)
    assignment: npt.NDArray[np.int32] = state.assignment
    return assignment
