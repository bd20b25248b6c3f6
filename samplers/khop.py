"""What samplers of the neighbour family share: draws over several hops, each by one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers._kernels import BufferPool
from distgnn.samplers._kernels import NeighborSampler as Kernel
from distgnn.samplers.base import SampledEdges, SampledSubgraph
from distgnn.samplers.checks import is_whole, whole_at_least
from distgnn.samplers.rows import EdgeRows, NodeRows
from distgnn.samplers.rule import kernel_rule
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from distgnn.samplers.base import Int64s
    from distgnn.samplers.rule import DrawRule
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

Fanouts = Sequence[int] | Mapping["EdgeType", Sequence[int]]

MAX_TABLE_BYTES = 1 << 29
"""Largest table, for each node type and thread, that numbers nodes directly (8 bytes a node of the
graph); larger node types get a hash table over the nodes of the batch, at 0.7 of the speed."""


class KHopSampler:
    """Draws in-neighbours, hop by hop, over all parts of a graph that is open on this machine.

    Which in-edges are drawn for a node depends on (seed, epoch, batch, edge type, the node's row in
    the raw table) through a counter-based generator. Without replacement the picks for a fanout are
    the first of the picks for any larger one; a node with no more neighbours than the fanout gets
    each of them once, in shard order.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        fanouts: Fanouts,
        rule: DrawRule,
        *,
        disjoint: bool = False,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
    ) -> None:
        """Prepare to sample, which may copy the in-edges into memory.

        Args:
            graph: The graph.
            fanouts: For each hop, seeds' in-edges first, how many in-edges are drawn for a node, at
                least 1, or -1 for all. A mapping gives them by edge type, as many hops for each;
                edge types that it leaves out are not followed.
            rule: How edges are drawn.
            disjoint: Whether each seed gets a tree of its own, which shares no node with another's.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share the draws of one batch. The result is the same; several
                batches at a time (`distgnn.loader.NodeLoader`) use several cores better.
            in_memory: Whether in-edges are copied into memory that is faster to draw from, 4 bytes
                an edge and 16 a node, once for all samplers of `graph`; by default if that is at
                most a quarter of the machine's memory (see `distgnn.samplers.topology`).

        Raises:
            ArgumentError: a fanout, edge type or number is none that is possible, or the graph
                lacks what the rule needs.
            ShardCorruptError: the arrays to be copied point outside the graph, or times of in-edges
                are not sorted.
        """
        self.graph = graph
        self.rule = rule
        self.disjoint = disjoint
        self.seed = whole_at_least("seed", seed, 0)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        self.fanouts = fanouts_by_edge_type(graph, fanouts)
        self.num_hops = len(next(iter(self.fanouts.values())))
        self._eids: dict[EdgeType, EdgeRows] = {}
        self._times: dict[NodeType, NodeRows] = {}
        topology, kernel_rule_ = kernel_rule(graph, rule, self.fanouts, in_memory=in_memory)
        self._kernel = Kernel(
            topology,
            fanouts=[self.fanouts.get(edge_type, []) for edge_type in graph.schema.edge_types],
            rule=kernel_rule_,
            disjoint=disjoint,
            max_table_bytes=MAX_TABLE_BYTES,
        )

    def sample(
        self,
        seeds: Int64s | dict[NodeType, Int64s],
        *,
        epoch: int,
        batch: int,
        times: Int64s | dict[NodeType, Int64s] | None = None,
    ) -> SampledSubgraph:
        """Return the sampled neighbourhood of `seeds`.

        Args:
            seeds: Global ids, int64 [B], each once (in disjoint trees as often as you like); by
                node type, or one array where the graph has one node type.
            epoch: Number of the epoch, at least 0.
            batch: Number of the batch within the epoch, at least 0.
            times: For draws by time the time of each seed, int64 [B], in the form of `seeds`; by
                default the seed's own.

        Raises:
            ArgumentError: seeds of the wrong type, out of range or given twice, or none; an unknown
                node type; times that do not go with the seeds.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        schema = self.graph.schema
        by_type = seeds_by_type(self.graph, seeds)
        nodes, edges = self._kernel.sample(
            by_type,
            None if self.rule.times is None and times is None else self._seed_times(by_type, times),
            seed=self.seed,
            epoch=whole_at_least("epoch", epoch, 0),
            batch=whole_at_least("batch", batch, 0),
            num_threads=self.num_threads,
        )
        found = dict(zip(schema.node_types, nodes, strict=True))
        return SampledSubgraph(
            nodes={name: ids for name, (ids, _, _) in found.items()},
            num_nodes_per_hop={name: counts for name, (_, _, counts) in found.items()},
            edges={
                edge_type: SampledEdges(
                    indptr=indptr,
                    indices=indices,
                    position=position,
                    num_per_hop=counts,
                    weight=weight,
                )
                for edge_type, (indptr, indices, position, weight, counts) in zip(
                    schema.edge_types, edges, strict=True
                )
                if edge_type in self.fanouts
            },
            epoch=epoch,
            batch=batch,
            trees={name: trees for name, (_, trees, _) in found.items() if trees is not None}
            or None,
        )

    def edge_ids(self, subgraph: SampledSubgraph, edge_type: EdgeType) -> Int64s:
        """Return the row in the raw edge table of each sampled edge, int64 [E].

        Raises:
            ArgumentError: `edge_type` is not one that this sampler follows.
        """
        if edge_type not in self.fanouts:
            raise ArgumentError(_unknown_edge_type(edge_type, self.fanouts))
        if edge_type not in self._eids:
            self._eids[edge_type] = EdgeRows(self.graph, edge_type, "eid", BufferPool())
        return self._eids[edge_type].gather(subgraph.edges[edge_type].position)

    def _seed_times(
        self,
        seeds: Sequence[Int64s | None],
        times: Int64s | dict[NodeType, Int64s] | None,
    ) -> Int64s:
        """Return the times of all seeds, types one after the other, int64 [B]."""
        names = self.graph.schema.node_types
        if times is not None and not isinstance(times, Mapping):
            times = {names[0]: times} if len(names) == 1 else {"": times}
        found = []
        for name, ids in zip(names, seeds, strict=True):
            if ids is None:
                continue
            given = self._own_times(name, ids) if times is None else times.get(name)
            if not isinstance(given, np.ndarray) or given.dtype != np.int64 or given.ndim != 1:
                msg = f"times of seeds of type {name!r} must be an array int64 [B], got {given!r}"
                raise ArgumentError(msg)
            if len(given) != len(ids):
                msg = f"there are {len(given)} times for {len(ids)} seeds of type {name!r}"
                raise ArgumentError(msg)
            found.append(given)
        return np.concatenate(found)

    def _own_times(self, node_type: NodeType, ids: Int64s) -> Int64s:
        if not self.graph.schema.node(node_type).has_time:
            msg = (
                f"seeds of type {node_type!r} carry no time of their own: give `times`, one for "
                "each seed"
            )
            raise ArgumentError(msg)
        if node_type not in self._times:
            self._times[node_type] = NodeRows(self.graph, node_type, "time", BufferPool())
        return self._times[node_type].gather(ids)


def seeds_by_type(
    graph: ShardedGraph, seeds: Int64s | dict[NodeType, Int64s]
) -> list[Int64s | None]:
    """Return the seeds of each node type of `graph`, in the schema's order; None: no seeds.

    Raises:
        ArgumentError: an unknown node type, no seeds, or one array for several node types.
    """
    names = graph.schema.node_types
    if not isinstance(seeds, Mapping):
        if len(names) != 1:
            msg = f"the graph has node types {', '.join(names)}: give seeds as {{type: ids}}"
            raise ArgumentError(msg)
        seeds = {names[0]: seeds}
    for name in seeds:
        if name not in names:
            msg = f"seeds are given for node type {name!r}, unknown{nearest(name, names)}"
            raise ArgumentError(msg)
    if not any(len(ids) for ids in seeds.values()):
        msg = "there are no seeds: give the global id of one node at least"
        raise ArgumentError(msg)
    return [seeds.get(name) for name in names]


def _unknown_edge_type(edge_type: Any, known: Mapping[EdgeType, object]) -> str:
    if not (isinstance(edge_type, tuple) and len(edge_type) == 3):
        return f"{edge_type!r} is no edge type: it is a tuple (source, relation, destination)"
    key = edge_key(edge_type)
    return f"there is no edge type {key!r} here{nearest(key, map(edge_key, known))}"


def fanouts_by_edge_type(graph: ShardedGraph, fanouts: Fanouts) -> dict[EdgeType, list[int]]:
    """Return the fanouts of each edge type that is followed, in the schema's order.

    Raises:
        ArgumentError: an unknown edge type, a fanout that is not possible, or numbers of hops that
            differ.
    """
    known = dict.fromkeys(graph.schema.edge_types)
    if not isinstance(fanouts, Mapping):
        fanouts = dict.fromkeys(known, fanouts)
    for edge_type in fanouts:
        if edge_type not in known:
            raise ArgumentError(_unknown_edge_type(edge_type, known))
    # In the schema's order, on which the numbering of nodes depends.
    checked = {name: _checked_fanouts(name, fanouts[name]) for name in known if name in fanouts}
    lengths = {edge_key(name): len(hops) for name, hops in checked.items()}
    if not lengths:
        msg = "fanouts name no edge type: give those that are to be followed"
        raise ArgumentError(msg)
    if len(set(lengths.values())) > 1:
        msg = f"fanouts must have the same number of hops for each edge type, got {lengths}"
        raise ArgumentError(msg)
    return checked


def _checked_fanouts(edge_type: EdgeType, fanouts: Any) -> list[int]:
    where = f"fanouts of {edge_key(edge_type)!r}"
    if isinstance(fanouts, str) or not isinstance(fanouts, (Sequence, np.ndarray)):
        msg = f"{where} must be a list with a number for each hop, got {fanouts!r}"
        raise ArgumentError(msg)
    if not len(fanouts):
        msg = f"{where} are empty: give a number for each hop, such as [15, 10]"
        raise ArgumentError(msg)
    for fanout in fanouts:
        if not is_whole(fanout) or (fanout < 1 and fanout != -1):
            msg = f"{where} hold {fanout!r}: a fanout is at least 1, or -1 for all neighbours"
            raise ArgumentError(msg)
    return [int(fanout) for fanout in fanouts]
