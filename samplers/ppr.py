"""The nodes that matter most to a node: personalised PageRank by forward push."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.samplers._kernels import forward_push
from distgnn.samplers.adjacency import adjacency, one_edge_type
from distgnn.samplers.checks import whole_at_least
from distgnn.schema import edge_key

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.samplers.adjacency import Direction
    from distgnn.samplers.base import Int64s
    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ScoredNeighbors:
    """For each seed the nodes with the highest scores, as CSR."""

    indptr: Int64s
    """int64 [B + 1]: seed i has the entries ``indptr[i]:indptr[i + 1]``."""
    nodes: Int64s
    """int64 [M]: global ids, highest score first; the seed is among them."""
    scores: npt.NDArray[np.float64]
    """float64 [M]."""


class PersonalizedPageRank:
    """Scores of the nodes that a walk visits which goes back to its seed with probability alpha.

    Forward push (Andersen, Chung and Lang, "Local graph partitioning using PageRank vectors", FOCS
    2006) on the walk that is not lazy: only nodes near the seed are visited, whatever the size of
    the graph. A score is below the exact one, and what all of a seed lack sums up to what was not
    pushed: less than epsilon times the number of neighbours at each node. A node without
    neighbours leads back to the seed, as `networkx.pagerank` has it. Ties are in the order of the
    raw rows.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        edge_type: EdgeType | None = None,
        *,
        top_k: int,
        alpha: float = 0.15,
        epsilon: float = 1e-5,
        direction: Direction = "out",
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare, which may copy edges into memory.

        Args:
            graph: The graph, open on this machine.
            edge_type: The type whose edges are followed, from a node type to itself; may be left
                out where the graph has one.
            top_k: Nodes that are kept for a seed at most.
            alpha: Probability, in (0, 1), of going back to the seed.
            epsilon: Mass a neighbour below which a node passes nothing on; work for a seed is at
                most 1 / (alpha * epsilon) edges.
            direction: As for `RandomWalks`.
            num_threads: Threads that share the seeds.
            in_memory: Whether in-edges are copied; see `NeighborSampler`.

        Raises:
            ArgumentError: an argument is none that is possible.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        self.edge_type = one_edge_type(graph, edge_type)
        if self.edge_type[0] != self.edge_type[2]:
            msg = (
                f"mass cannot flow on along {edge_key(self.edge_type)!r}: it leads from "
                f"{self.edge_type[0]!r} to {self.edge_type[2]!r}"
            )
            raise ArgumentError(msg)
        self.top_k = whole_at_least("top_k", top_k, 1)
        if not 0 < alpha < 1:
            msg = f"alpha = {alpha!r} is no probability in (0, 1)"
            raise ArgumentError(msg)
        if not 0 < epsilon < 1:
            msg = f"epsilon = {epsilon!r} must be in (0, 1), e.g. 1e-5"
            raise ArgumentError(msg)
        self.alpha, self.epsilon = float(alpha), float(epsilon)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        self._adjacency = adjacency(graph, self.edge_type, direction, in_memory=in_memory)

    def sample(self, seeds: Int64s) -> ScoredNeighbors:
        """Return the nodes that matter most to each of `seeds` (global ids, int64 [B]).

        Raises:
            ArgumentError: seeds of the wrong type or out of range.
        """
        counts, nodes, scores = forward_push(
            self._adjacency,
            seeds,
            alpha=self.alpha,
            epsilon=self.epsilon,
            top_k=self.top_k,
            num_threads=self.num_threads,
        )
        indptr = np.zeros(len(counts) + 1, np.int64)
        np.cumsum(counts, out=indptr[1:])
        return ScoredNeighbors(indptr=indptr, nodes=nodes, scores=scores)
