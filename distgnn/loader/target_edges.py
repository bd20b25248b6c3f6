"""Taking the edges that are to be predicted out of a sampled neighbourhood."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.samplers import SampledEdges, SampledSubgraph
    from distgnn.schema import EdgeType

    Int64s = npt.NDArray[np.int64]


def without_targets(
    subgraph: SampledSubgraph, edge_type: EdgeType, src: Int64s, dst: Int64s
) -> SampledSubgraph:
    """Return `subgraph` without any edge of `edge_type` from ``src[i]`` to ``dst[i]``.

    All parallel edges go, wherever they were drawn; nodes stay, also those that are now alone.

    Args:
        subgraph: What a sampler drew.
        edge_type: Type of the edges.
        src: Sources, global ids, int64 [B].
        dst: Destinations, global ids, int64 [B].
    """
    edges = subgraph.edges.get(edge_type)
    if edges is None:
        return subgraph
    sources, destinations = subgraph.nodes[edge_type[0]], subgraph.nodes[edge_type[2]]
    # Only rows of destinations that are ends can hold a target: the seeds, and their copies where
    # trees are disjoint.
    num_rows = len(edges.indptr) - 1
    rows = np.flatnonzero(np.isin(destinations[:num_rows], dst))
    counts = edges.indptr[rows + 1] - edges.indptr[rows]
    first = np.repeat(edges.indptr[rows] - np.cumsum(counts) + counts, counts)
    places = np.arange(len(first)) + first
    found = np.stack([sources[edges.indices[places]], np.repeat(destinations[rows], counts)])
    removed = places[_are_among(found, np.stack([src, dst]))]
    if len(removed) == 0:
        return subgraph
    keep = np.ones(len(edges.indices), np.bool_)
    keep[removed] = False
    kept = _kept_edges(edges, keep)
    return replace(subgraph, edges={**subgraph.edges, edge_type: kept})


def _are_among(pairs: Int64s, wanted: Int64s) -> npt.NDArray[np.bool_]:
    """Return which of `pairs`, int64 [2, n], are columns of `wanted`, int64 [2, B]."""
    ends = [np.unique(wanted[axis]) for axis in range(2)]
    numbers = [np.searchsorted(ends[axis], pairs[axis]) for axis in range(2)]
    known = np.ones(pairs.shape[1], np.bool_)
    for axis in range(2):
        numbers[axis] = np.minimum(numbers[axis], len(ends[axis]) - 1)
        known &= ends[axis][numbers[axis]] == pairs[axis]
    keys = numbers[0] * len(ends[1]) + numbers[1]
    targets = [np.searchsorted(ends[axis], wanted[axis]) for axis in range(2)]
    return known & np.isin(keys, targets[0] * len(ends[1]) + targets[1])


def _kept_edges(edges: SampledEdges, keep: npt.NDArray[np.bool_]) -> SampledEdges:
    before = np.zeros(len(keep) + 1, np.int64)
    np.cumsum(keep, out=before[1:])
    bounds = np.cumsum([0, *edges.num_per_hop])  # edges lie hop by hop
    return replace(
        edges,
        indptr=before[edges.indptr],
        indices=edges.indices[keep],
        position=edges.position[keep],
        num_per_hop=np.diff(before[bounds]).tolist(),
        weight=None if edges.weight is None else edges.weight[keep],
    )
