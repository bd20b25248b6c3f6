"""Random walks along a metapath of a heterogeneous graph."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from distgnn.exceptions import ArgumentError, MetapathError
from distgnn.samplers._kernels import metapath_walks
from distgnn.samplers.adjacency import adjacency, one_edge_type
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.walk import walk_key
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distgnn.samplers.base import Int64s
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

DEAD_END = -1
"""Stands for all places of a walk after a node that has no edge to go on."""


class MetapathWalks:
    """Walks that follow one edge type after the other, each edge with the same chance.

    Dong, Chawla and Swami, "metapath2vec: scalable representation learning for heterogeneous
    networks", KDD 2017. Where a walk goes depends on (seed, epoch, metapath, the start's row in the
    raw table, the number of the walk from there) and on nothing else.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        metapath: Sequence[EdgeType],
        *,
        length: int | None = None,
        walks_per_node: int = 1,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to walk: the metapath's edges are copied into memory, 4 bytes each.

        Args:
            graph: The graph, open on this machine.
            metapath: Edge types, each starting at the node type where the one before it ends; edges
                are followed from source to destination.
            length: Steps of a walk, by default one for each edge type. Longer walks begin the
                metapath again, which must then end at the type where it starts.
            walks_per_node: Walks from each start.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the walks.
            in_memory: Whether in-edges are copied too; see `NeighborSampler`.

        Raises:
            ArgumentError: an edge type that does not exist, or a metapath that does not chain.
            MetapathError: walks are longer than a metapath that does not lead back to its start.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        if len(metapath) == 0:
            msg = "metapath is empty: give edge types (source type, relation, destination type)"
            raise ArgumentError(msg)
        self.metapath = [one_edge_type(graph, edge_type) for edge_type in metapath]
        self.length = len(metapath) if length is None else whole_at_least("length", length, 1)
        _check_chain(self.metapath, self.length)
        self.walks_per_node = whole_at_least("walks_per_node", walks_per_node, 1)
        self.seed = whole_at_least("seed", seed, 0)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        self._path = [
            adjacency(graph, edge_type, "out", in_memory=in_memory) for edge_type in self.metapath
        ]

    @property
    def node_types(self) -> list[NodeType]:
        """The node type at each place of a walk, length + 1 of them."""
        steps = (self.metapath[step % len(self.metapath)] for step in range(self.length))
        return [self.metapath[0][0], *(destination for _, _, destination in steps)]

    def sample(self, starts: Int64s, *, epoch: int) -> Int64s:
        """Return walks from `starts`.

        Args:
            starts: Global ids of the metapath's first node type, int64 [B].
            epoch: Number of the epoch, at least 0; other epochs give other walks.

        Returns:
            Global ids (of the type that `node_types` names at each place), int64
            [B, walks_per_node, length + 1], the start first. Places after a node without an edge to
            go on hold `DEAD_END`, -1.

        Raises:
            ArgumentError: starts of the wrong type or out of range.
        """
        walks: Int64s = metapath_walks(
            self._path,
            starts,
            key=walk_key(self.seed, epoch, [step.key for step in self._path]),
            walks_per_start=self.walks_per_node,
            num_steps=self.length,
            num_threads=self.num_threads,
        )
        return walks


def _check_chain(metapath: list[EdgeType], length: int) -> None:
    for before, after in pairwise(metapath):
        if before[2] != after[0]:
            msg = (
                f"metapath does not chain: {edge_key(before)!r} ends at {before[2]!r}, but "
                f"{edge_key(after)!r} starts at {after[0]!r}"
            )
            raise ArgumentError(msg)
    if length > len(metapath) and metapath[0][0] != metapath[-1][2]:
        msg = (
            f"length = {length} is longer than the metapath ({len(metapath)} steps), which does "
            f"not end at the type where it starts ({metapath[-1][2]!r}, {metapath[0][0]!r}): "
            "shorten walks or close the metapath"
        )
        raise MetapathError(msg)
