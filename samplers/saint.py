"""GraphSAINT: subgraphs of sampled nodes, edges or walks, with weights that undo the sampling.

Zeng, Zhou, Srivastava, Kannan and Prasanna, "GraphSAINT: graph sampling based inductive learning
method", ICLR 2020, sections 3.2 (normalisation) and 3.3 (samplers).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.induced import InducedSubgraphs
from distgnn.samplers.randomness import below, random_words, uniform
from distgnn.samplers.saint_norm import PRESAMPLING, SaintNorm, estimate

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.samplers.base import Int64s, SampledSubgraph
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

WEIGHT_SCALE = 1 << 62
"""Node weights are whole multiples of the number of nodes divided by this, so that their sums do
not depend on the order of addition, which follows the parts."""


class SaintSampler(ABC):
    """Base: draws nodes with replacement and gives the subgraph induced on them.

    `SampledSubgraph.seed_weight` and the weights of edges make sums over batches unbiased: with
    p the probability of being in a subgraph, an edge u to v weighs p(v) / p(u, v), so that the
    weighted sum of v's messages is that over all its in-edges on average; and a seed weighs
    B / (p(v) * number of all seeds), so that the mean loss of a batch is that of all seeds. The
    probabilities are estimated by drawing subgraphs beforehand, and so are a function of the seed.
    """

    any_depth = True
    """Networks of any depth run on the subgraphs."""

    def __init__(
        self,
        graph: ShardedGraph,
        seeds: Int64s,
        *,
        num_batches: int | None = None,
        coverage: int = 50,
        node_type: NodeType | None = None,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare, and estimate the weights: `coverage` times the work of an epoch's draws.

        Args:
            graph: A graph of one node type and one edge type.
            seeds: Global ids of all nodes that are learned from, int64 [n], each once.
            num_batches: Batches of an epoch; by default so many that they hold as many nodes as
                the graph.
            coverage: How often a node is drawn on average to estimate the weights: their standard
                error falls as its square root, the time rises as itself.
            node_type: Type of the nodes, which may be left out.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share one subgraph.
            in_memory: Whether in-edges are copied into memory; by default if they fit.

        Raises:
            ArgumentError: the graph has several node or edge types; seeds or numbers are none that
                is possible.
        """
        self._node_type, self._edge_type = _only_types(graph)
        self._subgraphs = InducedSubgraphs(
            graph, seeds, node_type=node_type, num_threads=num_threads, in_memory=in_memory
        )
        self._graph = graph
        self._seed = whole_at_least("seed", seed, 0)
        self._num_nodes = graph.num_nodes(self._node_type)
        if num_batches is not None:
            whole_at_least("num_batches", num_batches, 1)
        self.norm: SaintNorm = estimate(
            lambda batch: self._draw(PRESAMPLING, batch),
            num_nodes=self._num_nodes,
            num_edges=graph.num_edges(self._edge_type),
            edge_type=self._edge_type,
            coverage=whole_at_least("coverage", coverage, 1),
        )
        as_large = -(-self._num_nodes * self.norm.num_subgraphs // self.norm.num_drawn)
        self._num_batches = as_large if num_batches is None else num_batches

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch."""
        return self._num_batches

    def sample_batch(self, *, epoch: int, batch: int) -> SampledSubgraph:
        """Return the subgraph of batch number `batch`, weighted."""
        _, subgraph = self._draw(whole_at_least("epoch", epoch, 0), batch)
        rows = self._graph.index_of(self._node_type, subgraph.nodes[self._node_type])
        return self.norm.weighted(
            subgraph,
            self._edge_type,
            rows,
            num_seeds=self._subgraphs.num_seeds,
        )

    def _draw(self, epoch: int, batch: int) -> tuple[Int64s, SampledSubgraph]:
        """Return the raw rows of the nodes drawn, rising, and the subgraph induced on them."""
        rows = np.unique(self._rows(epoch, batch))
        return rows, self._subgraphs.sample({self._node_type: rows}, epoch=epoch, batch=batch)

    def _words(self, count: int, epoch: int, batch: int) -> npt.NDArray[np.uint64]:
        return random_words(count, seed=self._seed, epoch=epoch, batch=batch)

    @abstractmethod
    def _rows(self, epoch: int, batch: int) -> Int64s:
        """Return the raw rows of the nodes of a batch, with repetitions."""


class SaintNodeSampler(SaintSampler):
    r"""Nodes, u with probability proportional to the squared norm of its column of the adjacency.

    The adjacency is that of a mean over in-neighbours: :math:`\sum_{v: u \to v} 1 / d(v)^2`, d the
    in-degree. A node without out-edges is never drawn.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        seeds: Int64s,
        *,
        num_nodes: int,
        **options: Any,
    ) -> None:
        """Draw `num_nodes` nodes for a batch; `options` are those of `SaintSampler`."""
        self._num_draws = whole_at_least("num_nodes", num_nodes, 1)
        self._cumulated = np.cumsum(_squared_columns(graph, *_only_types(graph)))
        if self._cumulated[-1] == 0:
            msg = f"{graph.path} has no edges, so that no node can be drawn"
            raise ArgumentError(msg)
        super().__init__(graph, seeds, **options)

    def _rows(self, epoch: int, batch: int) -> Int64s:
        total = self._cumulated[-1]
        drawn = uniform(self._words(self._num_draws, epoch, batch)) * float(total)
        targets = np.minimum(drawn.astype(np.int64), total - 1)
        return np.searchsorted(self._cumulated, targets, side="right")


class SaintEdgeSampler(SaintSampler):
    r"""Both ends of edges, drawn with probability proportional to 1 / d(v), d the in-degree of v.

    Where every edge is stored in both directions this is the paper's 1 / d(u) + 1 / d(v) for the
    pair of them.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        seeds: Int64s,
        *,
        num_edges: int,
        **options: Any,
    ) -> None:
        """Draw `num_edges` edges for a batch; `options` are those of `SaintSampler`."""
        self._num_draws = whole_at_least("num_edges", num_edges, 1)
        self._targets = np.flatnonzero(_in_degree(graph, *_only_types(graph)))
        if len(self._targets) == 0:
            msg = f"{graph.path} has no edges to draw"
            raise ArgumentError(msg)
        super().__init__(graph, seeds, **options)

    def _rows(self, epoch: int, batch: int) -> Int64s:
        words = self._words(2 * self._num_draws, epoch, batch).reshape(2, -1)
        # A target uniformly and one of its in-edges uniformly: 1 / d(v) for each.
        targets = self._targets[below(len(self._targets), words[0])]
        ids = self._graph.global_id_of_index(self._node_type)[targets]
        sources = self._subgraphs.kernel.step(0, ids, words[1])
        return np.concatenate([targets, self._graph.index_of(self._node_type, sources)])


class SaintWalkSampler(SaintSampler):
    """All nodes of random walks, from a root to an in-neighbour and on: where messages come from.

    Roots are uniform over nodes, steps uniform over in-edges; a node without in-edges ends a walk.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        seeds: Int64s,
        *,
        num_roots: int,
        walk_length: int = 2,
        **options: Any,
    ) -> None:
        """Walk `walk_length` steps from `num_roots` roots; `options` as in `SaintSampler`."""
        self._num_roots = whole_at_least("num_roots", num_roots, 1)
        self._walk_length = whole_at_least("walk_length", walk_length, 1)
        super().__init__(graph, seeds, **options)

    def _rows(self, epoch: int, batch: int) -> Int64s:
        count = self._num_roots * (self._walk_length + 1)
        words = self._words(count, epoch, batch).reshape(self._walk_length + 1, -1)
        roots = below(self._num_nodes, words[0])
        visited = [self._graph.global_id_of_index(self._node_type)[roots]]
        for step in words[1:]:
            visited.append(self._subgraphs.kernel.step(0, visited[-1], step))
        return self._graph.index_of(self._node_type, np.concatenate(visited))


def _only_types(graph: ShardedGraph) -> tuple[NodeType, EdgeType]:
    """Return the only node type and edge type.

    Raises:
        ArgumentError: there are several.
    """
    schema = graph.schema
    if not schema.is_homogeneous:
        msg = (
            "GraphSAINT is for graphs of one node type and one edge type, and this one has "
            f"{len(schema.nodes)} and {len(schema.edges)}: use the sampler 'cluster', "
            "'random_partition' or 'shadow'"
        )
        raise ArgumentError(msg)
    return schema.node_types[0], schema.edge_types[0]


def _in_degree(graph: ShardedGraph, node_type: NodeType, edge_type: EdgeType) -> Int64s:
    """Return the in-degree of every raw row, int64 [N]."""
    degree = [np.diff(graph.edges(edge_type, part).indptr) for part in range(graph.num_parts)]
    found: Int64s = np.concatenate(degree)[graph.global_id_of_index(node_type)]
    return found


def _squared_columns(graph: ShardedGraph, node_type: NodeType, edge_type: EdgeType) -> Int64s:
    """Return the sum of 1 / d(v)^2 over out-edges, in whole units, by raw row, int64 [N]."""
    weights = np.zeros(graph.num_nodes(node_type), np.int64)
    unit = WEIGHT_SCALE // max(len(weights), 1)  # the sum over nodes is at most len(weights) units
    for part in range(graph.num_parts):
        edges = graph.edges(edge_type, part)
        degree = np.diff(edges.indptr)
        share = np.repeat((unit / np.maximum(degree, 1) ** 2).astype(np.int64), degree)
        np.add.at(weights, edges.src, share)
    return weights[graph.global_id_of_index(node_type)]
