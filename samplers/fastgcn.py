"""Importance sampling of layers, independent of one another.

Chen, Ma and Xiao, "FastGCN: fast learning with graph convolutional networks via importance
sampling", ICLR 2018, section 3.1.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.samplers.layer import InEdges, LayerSampler, derive_keys, uniform_numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.samplers.khop import Fanouts
    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph


class FastGCNSampler(LayerSampler):
    """Draws a layer's sources among all nodes, whatever the layer.

    With P the row-normalised adjacency, each of the t draws of a layer gives source j with
    probability q_j, in proportion to the sum of P_ij^2 over all nodes i; a node may be drawn more
    than once. An edge weighs P_ij / (t q_j), times how often j was drawn, so that a layer's output
    has the expectation of the full one. Many nodes of a sparse graph get no edge: layers want to be
    large.

    The first use of an edge type reads all its edges once, and keeps 8 bytes a source node.
    """

    def __init__(self, graph: ShardedGraph, fanouts: Fanouts, **options: Any) -> None:
        """Prepare to sample; arguments are those of `LayerSampler`."""
        super().__init__(graph, fanouts, **options)
        self._probabilities: dict[EdgeType, npt.NDArray[np.float64]] = {}
        self._lock = Lock()

    def probabilities(self, edge_type: EdgeType) -> npt.NDArray[np.float64]:
        """Return q_j of each source node by its row in the raw table, float64 [N]."""
        with self._lock:
            if edge_type not in self._probabilities:
                # Nodes in raw order: sums do not depend on parts, to the last bit.
                edges = self._in_edges(edge_type, self.graph.global_id_of_index(edge_type[2]))
                index = self.graph.column(edge_type[0], "index")[edges.source]
                score = np.bincount(
                    index, edges.share**2, minlength=self.graph.num_nodes(edge_type[0])
                )
                self._probabilities[edge_type] = score / max(score.sum(), np.finfo(float).tiny)
            return self._probabilities[edge_type]

    def _choose(
        self, edge_type: EdgeType, edges: InEdges, size: int, key: np.uint64
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
        probability = self.probabilities(edge_type)
        up_to = np.cumsum(probability)
        numbers = uniform_numbers(derive_keys(key, np.arange(size))) * up_to[-1]
        # The first node whose bound reaches the number: never one of probability 0.
        times_drawn = np.bincount(np.searchsorted(up_to, numbers), minlength=len(probability))
        index = self.graph.index_of(edge_type[0], edges.source)
        kept = times_drawn[index] > 0
        index = index[kept]
        return kept, edges.share[kept] * times_drawn[index] / (size * probability[index])
