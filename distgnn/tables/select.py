"""Part of a graph's edges as a graph: for training on the edges of one split."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from distgnn.exceptions import ArgumentError
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from distgnn.schema import EdgeType
    from distgnn.tables.raw_graph import RawGraph


def select_edges(graph: RawGraph, masks: Mapping[EdgeType, npt.NDArray[np.bool_]]) -> RawGraph:
    """Return the graph with the edges that masks name; types without a mask keep all.

        split = graph.edges[edge_type].column("split").to_numpy()
        train = select_edges(graph, {edge_type: split == SPLITS["train"]})

    Args:
        graph: Any graph.
        masks: For edge types, bool [E]: which edges stay.

    Raises:
        ArgumentError: there is no such edge type, or a mask has another length.
    """
    edges = dict(graph.edges)
    for edge_type, mask in masks.items():
        if len(mask) != graph.num_edges(edge_type):
            msg = (
                f"the mask for edge type {edge_key(edge_type)!r} has {len(mask)} entries for "
                f"{graph.num_edges(edge_type)} edges"
            )
            raise ArgumentError(msg)
        edges[edge_type] = edges[edge_type].filter(pa.array(mask))
    return replace(graph, edges=edges)
