"""Figures of a sharded graph: counts, degrees, edge cut, halo, balance and sizes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distgnn.schema import SPLITS, edge_key
from distgnn.shards.manifest import edge_file, node_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards.reader import ShardedGraph

    Int64s = npt.NDArray[np.int64]

BLOCK_EDGES = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeStatistics:
    """Figures of one node type."""

    type: NodeType
    counts: Int64s
    """int64 [num_parts]: nodes owned by each part."""
    splits: dict[str, Int64s]
    """For each split and "none" the nodes of each part, int64 [num_parts]; empty without splits."""
    labels: dict[str, Int64s]
    """For "all" and each split the nodes of each class, int64 [classes + 1], the last one
    unlabelled; empty unless the label is a class."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeStatistics:
    """Figures of one edge type."""

    type: EdgeType
    counts: Int64s
    """int64 [num_parts]: edges into the nodes of each part."""
    cut: Int64s
    """int64 [num_parts]: those of them that come from another part."""
    degrees: Int64s
    """int64 [k]: the in-degrees that occur, rising."""
    degree_counts: Int64s
    """int64 [k]: how many destinations have each."""

    @property
    def edge_cut(self) -> float:
        """Share of edges that join two parts, 0 to 1 (0 without edges)."""
        return _ratio(int(self.cut.sum()), int(self.counts.sum()), 0.0)

    @property
    def mean_degree(self) -> float:
        """Edges a destination."""
        return _ratio(int(self.counts.sum()), int(self.degree_counts.sum()), 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphStatistics:
    """Figures of a whole graph."""

    nodes: tuple[NodeStatistics, ...]
    edges: tuple[EdgeStatistics, ...]
    halo: Int64s
    """int64 [num_parts]: distinct nodes of other parts, with an edge into each part."""
    node_bytes: Int64s
    """int64 [num_parts]: size of the node files."""
    edge_bytes: Int64s
    """int64 [num_parts]: size of the edge files."""
    random_replication: float
    """The replication to expect if every node went to a random part."""

    @property
    def node_counts(self) -> Int64s:
        """Nodes of all types in each part, int64 [num_parts]."""
        return _total(len(self.halo), [node.counts for node in self.nodes])

    @property
    def edge_counts(self) -> Int64s:
        """Edges of all types into each part, int64 [num_parts]."""
        return _total(len(self.halo), [edge.counts for edge in self.edges])

    @property
    def cut_counts(self) -> Int64s:
        """Edges of all types into each part that come from another, int64 [num_parts]."""
        return _total(len(self.halo), [edge.cut for edge in self.edges])

    @property
    def train_counts(self) -> Int64s:
        """Nodes of all types in each part in the train split, int64 [num_parts]."""
        return _total(len(self.halo), [node.splits["train"] for node in self.nodes if node.splits])

    @property
    def total_bytes(self) -> int:
        """Size of all files."""
        return int(self.node_bytes.sum() + self.edge_bytes.sum())

    @property
    def edge_cut(self) -> float:
        """Share of all edges that join two parts, 0 to 1."""
        return _ratio(int(self.cut_counts.sum()), int(self.edge_counts.sum()), 0.0)

    @property
    def random_edge_cut(self) -> float:
        """The edge cut to expect if every node went to a random part (loops count as others)."""
        return 1 - 1 / len(self.halo)

    @property
    def replication(self) -> float:
        """Nodes that the parts own or border on, by all nodes; 1 if no edge is cut."""
        total = int(self.node_counts.sum())
        return _ratio(total + int(self.halo.sum()), total, 1.0)


def balance(counts: Int64s | Sequence[int]) -> float:
    """Return the largest of `counts` by their mean: 1 is perfect, num_parts is the worst."""
    counts = np.asarray(counts)
    return _ratio(int(counts.max()) * len(counts), int(counts.sum()), 1.0)


def statistics(graph: ShardedGraph) -> GraphStatistics:
    """Return the figures of `graph`; reads all sources, splits and labels, but no features."""
    manifest, parts = graph.manifest, range(graph.num_parts)
    sizes = {path: entry.bytes for path, entry in manifest.files.items()}
    return GraphStatistics(
        nodes=tuple(_node_statistics(graph, name) for name in graph.schema.node_types),
        edges=tuple(_edge_statistics(graph, name) for name in graph.schema.edge_types),
        halo=np.array([_halo(graph, part) for part in parts]),
        node_bytes=np.array(
            [sum(sizes[node_file(p, n)] for n in graph.schema.node_types) for p in parts]
        ),
        edge_bytes=np.array(
            [sum(sizes[edge_file(p, e)] for e in graph.schema.edge_types) for p in parts]
        ),
        random_replication=_random_replication(graph),
    )


def _node_statistics(graph: ShardedGraph, node_type: NodeType) -> NodeStatistics:
    schema, codes = graph.schema.node(node_type), {**SPLITS, "none": -1}
    splits, labels = {}, {}
    if schema.has_split:
        found = [graph.nodes(node_type, part).split for part in range(graph.num_parts)]
        splits = {
            name: np.array([np.count_nonzero(s == code) for s in found])
            for name, code in codes.items()
        }
    if schema.label is not None and schema.label.kind == "class":
        y, classes = graph.column(node_type, "y"), schema.label.dim
        labels["all"] = _class_counts(y, classes)
        if schema.has_split:
            split = graph.column(node_type, "split")
            labels |= {
                name: _class_counts(y[split == code], classes) for name, code in SPLITS.items()
            }
    return NodeStatistics(
        type=node_type, counts=np.diff(graph.offsets(node_type)), splits=splits, labels=labels
    )


def _class_counts(y: Int64s, classes: int) -> Int64s:
    """Return how often each class occurs, and last how many rows are unlabelled (-1)."""
    return np.bincount(np.where(y < 0, classes, y), minlength=classes + 1)


def _edge_statistics(graph: ShardedGraph, edge_type: EdgeType) -> EdgeStatistics:
    bounds = graph.offsets(edge_type[0])
    cut: list[int] = []
    histogram: Counter[int] = Counter()
    for part in range(graph.num_parts):
        edges = graph.edges(edge_type, part)
        cut.append(_count_outside(edges.src, bounds[part], bounds[part + 1]))
        degrees, counts = np.unique(np.diff(edges.indptr), return_counts=True)
        histogram.update(dict(zip(degrees.tolist(), counts.tolist(), strict=True)))
    occurring = sorted(histogram)
    return EdgeStatistics(
        type=edge_type,
        counts=np.array(graph.manifest.edge_counts[edge_key(edge_type)], np.int64),
        cut=np.array(cut, np.int64),
        degrees=np.array(occurring, np.int64),
        degree_counts=np.array([histogram[degree] for degree in occurring], np.int64),
    )


def _count_outside(ids: Int64s, low: int, high: int) -> int:
    """Return how many ids lie outside low to high - 1, block by block."""
    count = 0
    for start in range(0, len(ids), BLOCK_EDGES):
        block = ids[start : start + BLOCK_EDGES]
        count += int(np.count_nonzero((block < low) | (block >= high)))
    return count


def _halo(graph: ShardedGraph, part: int) -> int:
    """Return the number of distinct nodes outside `part` with an edge into it."""
    total = 0
    for node_type in graph.schema.node_types:
        edge_types = [edge for edge in graph.schema.edge_types if edge[0] == node_type]
        met = np.zeros(graph.num_nodes(node_type), bool)
        for edge_type in edge_types:
            met[graph.edges(edge_type, part).src] = True
        low, high = graph.offsets(node_type)[part : part + 2]
        met[low:high] = False
        total += int(np.count_nonzero(met))
    return total


def _random_replication(graph: ShardedGraph) -> float:
    """Return the expected replication of random parts.

    A node with d edges out of it is met in each of the k - 1 other parts with the probability
    1 - (1 - 1 / k)^d, if the ends of its edges are spread evenly.
    """
    num_parts, total, met = graph.num_parts, 0, 0.0
    for node_type in graph.schema.node_types:
        degrees = np.zeros(graph.num_nodes(node_type), np.int64)
        for edge_type in graph.schema.edge_types:
            if edge_type[0] == node_type:
                for part in range(num_parts):
                    src = graph.edges(edge_type, part).src
                    degrees += np.bincount(src, minlength=len(degrees))
        total += len(degrees)
        met += float((1 - (1 - 1 / num_parts) ** degrees).sum()) * (num_parts - 1)
    return 1 + met / total if total else 1.0


def _total(num_parts: int, counts: list[Int64s]) -> Int64s:
    total = np.zeros(num_parts, np.int64)
    for of_type in counts:
        total += of_type
    return total


def _ratio(part: int, whole: int, empty: float) -> float:
    return part / whole if whole else empty
