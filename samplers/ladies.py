"""Layer-dependent importance sampling.

Zou et al., "Layer-dependent importance sampling for training deep and large graph convolutional
networks", NeurIPS 2019, algorithm 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distgnn.samplers.layer import InEdges, LayerSampler, derive_keys, uniform_numbers

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.schema import EdgeType


class LadiesSampler(LayerSampler):
    """Draws a layer's sources among the in-neighbours of its nodes.

    With P the row-normalised adjacency, source j is drawn in proportion to p_j, the sum of P_ij^2
    over the layer's nodes i: one after the other and without replacement, by exponential keys that
    depend on (seed, epoch, batch, hop, edge type, the source's row in the raw table). An edge
    weighs P_ij / p_j, scaled so that the in-edges of a node that has any sum to 1.
    """

    def _choose(
        self, edge_type: EdgeType, edges: InEdges, size: int, key: np.uint64
    ) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.float64]]:
        sources, of_edge = np.unique(edges.source, return_inverse=True)
        if len(sources) <= size:
            return np.ones(len(edges.row), np.bool_), edges.share
        score = np.bincount(of_edge, edges.share**2)
        index = self.graph.index_of(edge_type[0], sources)
        # Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006.
        arrival = -np.log(uniform_numbers(derive_keys(key, index))) / score
        drawn = np.zeros(len(sources), np.bool_)
        drawn[np.lexsort((index, arrival))[:size]] = True
        kept = drawn[of_edge]
        weight = edges.share[kept] / score[of_edge[kept]]
        total = np.bincount(edges.row[kept], weight)
        return kept, weight / total[edges.row[kept]]
