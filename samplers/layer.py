"""What layer-wise samplers share: nodes are drawn for a whole layer, not for each of its nodes.

Legend: n nodes of the layer, E in-edges of all of them, m their sources.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from distgnn.samplers._kernels import BufferPool
from distgnn.samplers.assemble import HopAssembler
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.hop import DrawnEdges, HopDrawer
from distgnn.samplers.khop import fanouts_by_edge_type, seeds_by_type
from distgnn.samplers.rows import EdgeRows
from distgnn.samplers.topology import draw_key

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.samplers.base import Int64s, SampledSubgraph
    from distgnn.samplers.khop import Fanouts
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

    Float64s = npt.NDArray[np.float64]
    Uint64s = npt.NDArray[np.uint64]


class InEdges(NamedTuple):
    """All in-edges of the nodes of a layer that weigh something."""

    row: Int64s
    """int64 [E]: place of the target in the layer, rising."""
    source: Int64s
    """int64 [E]: global id."""
    position: Int64s
    """int64 [E], see `SampledEdges.position`."""
    share: Float64s
    """float64 [E]: weight of the edge over that of all in-edges of its target, the entry of the
    row-normalised adjacency."""
    weight: Float64s
    """float64 [E]: weight of the edge, 1 where the type has none."""


class LayerSampler(ABC):
    """Draws, for each hop and edge type, as many source nodes as the layer's size.

    Edges into the layer come from drawn nodes only. Their importance weights, times the weights
    that the graph's edges have, are what a layer multiplies sources by: for models that take edge
    weights as they are, such as `GraphConv`. As everywhere, a node is expanded once, at the hop
    after its first visit.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        fanouts: Fanouts,
        *,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample.

        Args:
            graph: The graph.
            fanouts: Sizes of the layers: for each hop, seeds' in-edges first, how many source nodes
                are drawn for all nodes together, at least 1, or -1 for all; or a mapping with as
                many hops for each edge type.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the reading of in-edges.
            in_memory: Whether in-edges are copied into memory (see `KHopSampler`).

        Raises:
            ArgumentError: a size, edge type or number is none that is possible.
            ShardCorruptError: the arrays to be copied point outside the graph.
        """
        self.graph = graph
        self.seed = whole_at_least("seed", seed, 0)
        self.fanouts = fanouts_by_edge_type(graph, fanouts)
        self.num_hops = len(next(iter(self.fanouts.values())))
        self._drawer = HopDrawer(graph, num_threads=num_threads, in_memory=in_memory)
        pool = BufferPool()
        self._weights = {
            name: EdgeRows(graph, name, "weight", pool)
            for name in self.fanouts
            if graph.schema.edge(name).has_weight
        }

    def sample(
        self, seeds: Int64s | dict[NodeType, Int64s], *, epoch: int, batch: int
    ) -> SampledSubgraph:
        """Return the sampled layers below `seeds`.

        Args:
            seeds: Global ids, int64 [B], each once; by node type, or one array where the graph has
                one node type.
            epoch: Number of the epoch, at least 0.
            batch: Number of the batch within the epoch, at least 0.

        Raises:
            ArgumentError: seeds of the wrong type, out of range or given twice, or none; an unknown
                node type.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        names = self.graph.schema.node_types
        by_type = zip(names, seeds_by_type(self.graph, seeds), strict=True)
        given = {name: ids for name, ids in by_type if ids is not None}
        for name, ids in given.items():
            self.graph.owner(name, ids)  # checks that they are in range
        key = np.uint64(0)
        for value in (self.seed, epoch, batch):
            key = derive_keys(key, np.array([whole_at_least("epoch, batch", value, 0)]))[0]
        assembler = HopAssembler(self.graph.schema, self.fanouts, given, epoch=epoch, batch=batch)
        for hop in range(self.num_hops):
            for edge_type in assembler.edge_types:
                drawn = self._draw(edge_type, assembler.frontier(edge_type[2]), hop, key)
                assembler.add(edge_type, drawn)
            assembler.end_hop()
        return assembler.subgraph()

    @abstractmethod
    def _choose(
        self, edge_type: EdgeType, edges: InEdges, size: int, key: np.uint64
    ) -> tuple[npt.NDArray[np.bool_], Float64s]:
        """Return which edges come from drawn nodes, bool [E], and what those weigh, float64 [k]."""

    def _draw(self, edge_type: EdgeType, frontier: Int64s, hop: int, key: np.uint64) -> DrawnEdges:
        edges = self._in_edges(edge_type, frontier)
        size = self.fanouts[edge_type][hop]
        if size == -1:
            kept, weight = np.ones(len(edges.row), np.bool_), edges.share
        else:
            name = np.array([draw_key(edge_type)], np.uint64)
            key = derive_keys(derive_keys(key, np.array([hop]))[0], name)[0]
            kept, weight = self._choose(edge_type, edges, size, key)
        return DrawnEdges(
            num_picks=np.bincount(edges.row[kept], minlength=len(frontier)),
            sources=edges.source[kept],
            position=edges.position[kept],
            weight=(weight / edges.weight[kept]).astype(np.float32),
        )

    def _in_edges(self, edge_type: EdgeType, ids: Int64s) -> InEdges:
        drawn = self._drawer.draw(edge_type, ids, fanout=-1, epoch=0, batch=0)
        row = np.repeat(np.arange(len(ids)), drawn.num_picks)
        weight = np.ones(len(row))
        if edge_type in self._weights:
            weight = self._weights[edge_type].gather(drawn.position).astype(np.float64)
        total = np.bincount(row, weight, minlength=len(ids))
        some = weight > 0
        share = weight[some] / total[row[some]]
        return InEdges(
            row[some], drawn.sources[some], drawn.position[some], share, weight[some]
        )  # fmt: skip


def derive_keys(parent: np.uint64, values: npt.NDArray[np.generic]) -> Uint64s:
    """Return the key of each child of `parent`, uint64 [k]; see `csrc/rng.h`."""
    gamma = np.uint64(0x9E3779B97F4A7C15)
    with np.errstate(over="ignore"):
        return _mix(parent + gamma + _mix(values.astype(np.uint64) + gamma))


def uniform_numbers(keys: Uint64s) -> Float64s:
    """Return a number in (0, 1] for each key, float64 [k]."""
    return ((keys >> np.uint64(11)).astype(np.float64) + 1) * 2.0**-53


def _mix(z: Uint64s) -> Uint64s:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
