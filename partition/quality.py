"""How good an assignment is: edge cut and balance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.partition import kernels
from distgnn.partition.adjacency import int64_column
from distgnn.partition.balance import in_edges, training_nodes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from distgnn.partition.layout import NodeLayout
    from distgnn.schema import EdgeType, NodeType
    from distgnn.tables.raw_graph import RawGraph


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Edge cut and balance. A balance is the largest part divided by the mean: 1 is perfect."""

    edge_cut: float
    """Share of all edges, each as often as it occurs, whose two ends lie in different parts."""
    random_edge_cut: float
    """The edge cut to expect when every node goes to a random part."""
    node_balance: float
    edge_balance: float
    """Of the edges that a part holds: those into its nodes. 1 without edges."""
    train_balance: float
    """Of training nodes. 1 without any."""
    smallest_part: int
    """Nodes of the smallest part."""
    largest_part: int
    """Nodes of the largest part."""


def measure_quality(
    raw: RawGraph, layouts: Mapping[NodeType, NodeLayout], num_parts: int
) -> Quality:
    """Return edge cut and balance of a graph laid out in parts."""
    num_edges = sum(raw.num_edges(edge_type) for edge_type in raw.schema.edge_types)
    num_cut, num_loops = 0, 0
    for edge_type in raw.schema.edge_types:
        cut, loops = _count_cut(raw, edge_type, layouts)
        num_cut, num_loops = num_cut + cut, num_loops + loops
    return quality_of(
        num_edges=num_edges,
        num_cut=num_cut,
        num_loops=num_loops,
        node_loads=np.sum([np.diff(layout.offsets) for layout in layouts.values()], axis=0),
        edge_loads=_loads(in_edges(raw), layouts, num_parts),
        train_loads=_loads(training_nodes(raw), layouts, num_parts),
    )


def quality_of(
    *,
    num_edges: int,
    num_cut: int,
    num_loops: int,
    node_loads: npt.NDArray[np.int64],
    edge_loads: npt.NDArray[np.float64],
    train_loads: npt.NDArray[np.float64],
) -> Quality:
    """Return edge cut and balance from what was counted; loads are [num_parts]."""
    num_parts = len(node_loads)
    return Quality(
        edge_cut=num_cut / max(1, num_edges),
        random_edge_cut=(1 - 1 / num_parts) * (num_edges - num_loops) / max(1, num_edges),
        node_balance=_balance(node_loads),
        edge_balance=_balance(edge_loads),
        train_balance=_balance(train_loads),
        smallest_part=int(node_loads.min()),
        largest_part=int(node_loads.max()),
    )


def _count_cut(
    raw: RawGraph, edge_type: EdgeType, layouts: Mapping[NodeType, NodeLayout]
) -> tuple[int, int]:
    """Return how many edges of a type are cut, and how many are loops."""
    src, dst = (int64_column(raw.edges[edge_type], name) for name in ("src", "dst"))
    part_of_src, part_of_dst = layouts[edge_type[0]].part_of, layouts[edge_type[2]].part_of
    cut = kernels.count_cut(src, dst, part_of_src, part_of_dst)
    loops = int(np.count_nonzero(src == dst)) if edge_type[0] == edge_type[2] else 0
    return cut, loops


def _loads(
    counts: Mapping[NodeType, npt.NDArray[np.int64]],
    layouts: Mapping[NodeType, NodeLayout],
    num_parts: int,
) -> npt.NDArray[np.float64]:
    """Return the sum over the nodes of each part, [num_parts]."""
    loads = np.zeros(num_parts)
    for node_type, values in counts.items():
        loads += np.bincount(layouts[node_type].part_of, values, minlength=num_parts)
    return loads


def _balance(loads: npt.NDArray[Any]) -> float:
    mean = loads.mean()
    return float(loads.max() / mean) if mean > 0 else 1.0
