"""Random walks over a sharded graph: uniform, biased as in node2vec, with restarts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from distgnn.exceptions import ArgumentError
from distgnn.samplers._kernels import derive_key, random_walks
from distgnn.samplers.adjacency import adjacency, one_edge_type
from distgnn.samplers.checks import whole_at_least
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from distgnn.samplers.adjacency import Direction
    from distgnn.samplers.base import Int64s
    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph


class RandomWalks:
    """Walks along the edges of one type, from node to neighbour.

    Grover and Leskovec, "node2vec: scalable feature learning for networks", KDD 2016: having come
    from t to v, an edge to x is taken with a weight of 1 / p if x = t, 1 if there is an edge from t
    to x, and 1 / q otherwise; parallel edges count each. Drawn by rejection: exact, and without
    tables of second-order weights. The first step is uniform, and all are with p = q = 1.

    Where a walk goes depends on (seed, epoch, the start's row in the raw table, the number of the
    walk from there): not on the partitioning, threads, or the other starts.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        edge_type: EdgeType | None = None,
        *,
        length: int,
        walks_per_node: int = 1,
        p: float = 1.0,
        q: float = 1.0,
        restart: float = 0.0,
        direction: Direction = "out",
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to walk, which may copy edges into memory.

        Args:
            graph: The graph, open on this machine.
            edge_type: The type whose edges are followed, from a node type to itself; may be left
                out where the graph has one.
            length: Steps of a walk, at least 1.
            walks_per_node: Walks from each start.
            p: Reluctance to go back at once; positive.
            q: Reluctance to go away from where the walk came from; positive.
            restart: Probability, in [0, 1), with which a step leads back to the start instead of
                along an edge; the step after that is uniform (random walk with restart).
            direction: ``"out"``: from the source of an edge to its destination; this copies the
                edges into memory, 4 bytes an edge and 16 a node. ``"in"``: the other way, as shards
                hold them; the same where the graph holds each edge both ways.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the walks.
            in_memory: Whether in-edges are copied; see `NeighborSampler`.

        Raises:
            ArgumentError: an argument is none that is possible.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        self.edge_type = one_edge_type(graph, edge_type)
        if self.edge_type[0] != self.edge_type[2]:
            msg = (
                f"walks along {edge_key(self.edge_type)!r} cannot go on: it leads from "
                f"{self.edge_type[0]!r} to {self.edge_type[2]!r}; use MetapathWalks"
            )
            raise ArgumentError(msg)
        self.length = whole_at_least("length", length, 1)
        self.walks_per_node = whole_at_least("walks_per_node", walks_per_node, 1)
        self.p, self.q = _positive("p", p), _positive("q", q)
        if not 0 <= restart < 1:
            msg = f"restart = {restart!r} is no probability in [0, 1)"
            raise ArgumentError(msg)
        self.restart = float(restart)
        self.seed = whole_at_least("seed", seed, 0)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        self._adjacency = adjacency(graph, self.edge_type, direction, in_memory=in_memory)

    def sample(self, starts: Int64s, *, epoch: int) -> Int64s:
        """Return walks from `starts`.

        A walk at a node without neighbours stays there (until it restarts).

        Args:
            starts: Global ids, int64 [B]. One given twice gets the same walks twice.
            epoch: Number of the epoch, at least 0; other epochs give other walks.

        Returns:
            Global ids, int64 [B, walks_per_node, length + 1], the start first.

        Raises:
            ArgumentError: starts of the wrong type or out of range.
        """
        key = walk_key(self.seed, epoch, [self._adjacency.key])
        walks: Int64s = random_walks(
            self._adjacency,
            starts,
            key=key,
            walks_per_start=self.walks_per_node,
            num_steps=self.length,
            p=self.p,
            q=self.q,
            restart=self.restart,
            num_threads=self.num_threads,
        )
        return walks


def walk_key(seed: int, epoch: int, edge_keys: list[int]) -> int:
    """Return the key of an epoch's walks along edges of the given keys."""
    key = 0
    for value in (seed, whole_at_least("epoch", epoch, 0), *edge_keys):
        key = derive_key(key, value)
    return key


def _positive(name: str, value: float) -> float:
    if not 0 < value < math.inf:
        msg = f"{name} = {value!r} must be a positive number"
        raise ArgumentError(msg)
    return float(value)
