"""Multilevel partitioning that never holds the edges: cluster, METIS on the clusters, refine."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from distgnn.partition import kernels
from distgnn.partition.metis import metis
from distgnn.partition.partitioner import SLACK, Cost
from distgnn.partition.rows import AdjacencyStream
from distgnn.partition.streaming import place_all

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.partition.adjacency import Adjacency
    from distgnn.partition.rows import NeighbourStream

MAX_CLUSTERS = 4096
"""Clusters that METIS sees, as a dense matrix of int32; the nodes of smaller ones are placed
afterwards."""

CLUSTERS_PER_PART = 32
"""A cluster holds at most this fraction of a part's share, so that METIS can balance them."""

CLUSTER_PASSES = 6
REFINE_PASSES = 8

LEAST_PROGRESS = 0.002
"""Passes end when a smaller share of the nodes moves."""


class MultilevelPartitioner:
    """Nearly METIS's cut for a fraction of its memory: a few passes over the edges, on disk or not.

    The first level shrinks the graph by clusters of bounded size (label propagation: Meyerhenke,
    Sanders and Schulz, "Partitioning complex networks via size-constrained clustering", SEA 2014);
    METIS partitions the clusters; on the way back nodes move greedily within the capacities.
    """

    needs_edges: ClassVar[bool] = True
    cost: ClassVar[Cost] = Cost(ns_per_edge=400, bytes_per_node=40)

    def assign(
        self, adjacency: Adjacency, num_parts: int, weights: npt.NDArray[np.int64], seed: int
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `Partitioner.assign`)."""
        return self.assign_stream(AdjacencyStream(adjacency, seed), num_parts, weights)

    def assign_stream(
        self, stream: NeighbourStream, num_parts: int, weights: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.int32]:
        """Return the part of every node (see `StreamPartitioner.assign_stream`)."""
        if num_parts == 1 or stream.num_edges == 0:
            return place_all(stream, num_parts, weights, "ldg", num_passes=1)
        clusters = _heaviest(_cluster(stream, num_parts, weights))
        assignment = _place_rest(
            stream, num_parts, weights, _part_of_clusters(stream, num_parts, weights, clusters)
        )
        refiner = kernels.Refiner(weights, assignment, num_parts, SLACK)
        _until_settled(stream, refiner, REFINE_PASSES)
        refined: npt.NDArray[np.int32] = refiner.assignment
        return refined


def _cluster(
    stream: NeighbourStream, num_parts: int, weights: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Return the cluster of every node, int32 [N], each named by one of its nodes."""
    capacity = np.maximum(1, weights.sum(axis=0) // (CLUSTERS_PER_PART * num_parts))
    clusterer = kernels.Clusterer(weights, capacity.tolist())
    _until_settled(stream, clusterer, CLUSTER_PASSES)
    labels: npt.NDArray[np.int32] = clusterer.labels
    return labels


def _until_settled(
    stream: NeighbourStream, state: kernels.Clusterer | kernels.Refiner, max_passes: int
) -> None:
    for _ in range(max_passes):
        moved = sum(state.visit(*block) for block in stream.blocks())
        if moved < LEAST_PROGRESS * stream.num_nodes:
            return


def _heaviest(labels: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the clusters numbered by falling size, int32 [N]; -1 beyond the largest ones."""
    sizes = np.bincount(labels, minlength=len(labels))
    order = np.argsort(-sizes, kind="stable")[:MAX_CLUSTERS]
    order = order[sizes[order] > 0]
    number = np.full(len(labels), -1, np.int32)
    number[order] = np.arange(len(order), dtype=np.int32)
    return number[labels]


def _part_of_clusters(
    stream: NeighbourStream,
    num_parts: int,
    weights: npt.NDArray[np.int64],
    clusters: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """Return the part of every node whose cluster METIS saw, else -1, int32 [N]."""
    size = int(clusters.max()) + 1
    matrix = np.zeros((size, size), np.int32)
    for indptr, indices, nodes, rows in stream.blocks():
        kernels.add_cluster_edges(indptr, indices, nodes, rows, clusters, matrix)
    inside = clusters >= 0
    coarse = np.stack(
        [np.bincount(clusters[inside], w[inside], size).astype(np.int64) for w in weights.T], axis=1
    )
    indptr = np.concatenate([[0], np.cumsum(np.count_nonzero(matrix, axis=1))]).astype(np.int64)
    indices = np.nonzero(matrix)[1].astype(np.int32)
    if len(indices) == 0 or size < num_parts:
        return np.full(len(clusters), -1, np.int32)
    parts = metis(indptr, indices, num_parts, coarse, seed=0, edge_weights=matrix[matrix > 0])
    return np.where(inside, parts[clusters], np.int32(-1)).astype(np.int32)


def _place_rest(
    stream: NeighbourStream,
    num_parts: int,
    weights: npt.NDArray[np.int64],
    assignment: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """Return the assignment with the nodes that have no part yet placed by LDG."""
    if (assignment >= 0).all():
        return assignment
    state = kernels.Streamer(
        weights, num_parts, SLACK, "ldg", stream.num_edges / stream.num_nodes, assignment
    )
    for indptr, indices, nodes, rows in stream.blocks():
        chosen = np.flatnonzero(assignment[nodes] < 0).astype(np.int32)
        state.place(indptr, indices, nodes[chosen], chosen if rows is None else rows[chosen])
    placed: npt.NDArray[np.int32] = state.assignment
    return placed
