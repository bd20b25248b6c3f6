"""What every sampler takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from distgnn.schema import EdgeType, NodeType

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledEdges:
    """The sampled edges of one type as CSC: a row for each expanded node of the destination type.

    Row i is local node i of that type. Its edges are ``indptr[i]:indptr[i + 1]``.
    """

    indptr: Int64s
    """int64 [rows + 1]."""
    indices: Int64s
    """int64 [E]: local id of the source, among the nodes of the source type."""
    position: Int64s
    """int64 [E]: place of the edge among all edges of the type, part 0 first, in shard order."""
    num_per_hop: list[int]
    """Number of edges drawn at each hop, seeds' in-edges first."""
    weight: npt.NDArray[np.float32] | None = None
    """float32 [E]: importance weights, where the sampler gives some; they multiply the weights that
    the graph's edges have."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SampledSubgraph:
    """The sampled neighbourhood of a batch of seeds.

    Nodes of a type are numbered from 0 in the order of their first visit: seeds (in the order in
    which they were given), then those found at the first hop, and so on. Each is expanded once, at
    the hop after its first visit; those of the last hop are not.

    An induced subgraph has seeds first as well, then its other nodes, as one hop; every node has a
    row (so that networks of any depth run on it), which tells it from a sampled neighbourhood.

    Arrays lie in pooled memory that is used again once no array refers to it any longer.
    """

    nodes: dict[NodeType, Int64s]
    """int64 [N] for every node type: global ids by local id."""
    num_nodes_per_hop: dict[NodeType, list[int]]
    """For every node type the number first visited at each hop; entry 0 counts the seeds."""
    edges: dict[EdgeType, SampledEdges]
    """For every edge type that the sampler follows."""
    epoch: int
    batch: int
    seed_weight: npt.NDArray[np.float32] | None = None
    """float32 [B]: factor of each seed's loss, None: 1. The loss of a batch is the weighted sum
    over its seeds, divided by their number."""
    trees: dict[NodeType, Int64s] | None = None
    """int64 [N] for every node type, where trees are disjoint: the number of the seed in whose tree
    each node is, seeds being counted through all node types in the schema's order."""


class Sampler(Protocol):
    """Draws the neighbourhood of seeds; may be called from several threads at once.

    The edges drawn are a function of the sampler's seed, the epoch, the batch and the raw graph,
    and of nothing else: not of parts, threads or machines.
    """

    def sample(
        self, seeds: Int64s | dict[NodeType, Int64s], *, epoch: int, batch: int
    ) -> SampledSubgraph:
        """Return the neighbourhood of `seeds` (global ids, int64 [B], by node type)."""
        ...


@runtime_checkable
class BatchSampler(Protocol):
    """Chooses the seeds of its batches itself; may be called from several threads at once.

    Batches are a function of the sampler's arguments, the epoch, the batch and the raw graph, as
    those of a `Sampler` are.
    """

    @property
    def num_batches(self) -> int:
        """Number of batches of an epoch, the same for each."""
        ...

    def sample_batch(self, *, epoch: int, batch: int) -> SampledSubgraph:
        """Return the subgraph of batch number `batch` of an epoch."""
        ...
