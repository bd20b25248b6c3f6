"""From the seeds of a batch to what a trainer needs of it."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.cluster.feature_cache import FeatureCache, fill_cache, joined_rows
from distgnn.cluster.gatherer import Gatherer
from distgnn.cluster.messages import (
    BatchEdges,
    Column,
    EncodedRows,
    GatherRequest,
    Traffic,
    WireBatch,
)
from distgnn.cluster.remote_sampler import RemoteSampler
from distgnn.exceptions import ArgumentError
from distgnn.samplers import BatchSampler, BufferPool, make_sampler
from distgnn.samplers.registry import chooses_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from distgnn.cluster.messages import SamplingRule, WireDtype
    from distgnn.cluster.part_map import PartMap
    from distgnn.cluster.peers import Peer
    from distgnn.samplers import SampledEdges, SampledSubgraph, Sampler
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


class BatchMaker:
    """Makes batches of a graph whose parts several actors hold; called from many threads.

    A batch is a function of the graph, the rule, the seeds, the epoch and the number of the batch:
    whoever makes it, and however often, makes the same one.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        peers: Sequence[Peer],
        parts: PartMap,
        *,
        wire_dtype: WireDtype = "float32",
        cache_bytes: int = 0,
    ) -> None:
        """Prepare to make batches; fills the cache, which asks the peers for rows.

        Args:
            graph: The graph, with the own parts open.
            peers: All owners, in the numbering of `parts`.
            parts: Who owns which part.
            wire_dtype: Type in which features travel.
            cache_bytes: Size of the features of other owners that are kept.

        Raises:
            ClusterTimeoutError: an owner did not answer.
        """
        self._graph = graph
        self._peers = peers
        self._parts = parts
        self._wire_dtype: WireDtype = wire_dtype
        self._samplers: dict[str, Sampler | RemoteSampler] = {}
        self._lock = threading.Lock()
        cache = None
        if cache_bytes and not graph.is_whole:
            cache = self._filled_cache(cache_bytes)
        self._gather = Gatherer(graph, peers, parts, wire_dtype=wire_dtype, cache=cache)

    def make(
        self,
        rule: SamplingRule,
        node_type: NodeType,
        seeds: Int64s,
        *,
        epoch: int,
        batch: int,
        open_parts: Sequence[int] = (),
    ) -> WireBatch:
        """Return a batch.

        Args:
            rule: What is drawn.
            node_type: Type of the seeds.
            seeds: Global ids, int64 [B], each once.
            epoch: Number of the epoch, at least 0.
            batch: Number of the batch within the epoch, at least 0.
            open_parts: Parts whose node features are left out.

        Raises:
            ArgumentError: seeds, fanouts or numbers that are not possible.
            ClusterTimeoutError: an owner did not answer.
        """
        traffic = Traffic(num_batches=1)
        subgraph = self.sample(rule, {node_type: seeds}, epoch, batch, traffic)
        rows = self._gather.gather(self._wanted(subgraph, node_type, open_parts), traffic)
        return WireBatch(
            epoch=epoch,
            index=batch,
            batch_size=len(seeds),
            nodes=subgraph.nodes,
            num_nodes_per_hop=subgraph.num_nodes_per_hop,
            edges={name: _edges(name, found, rows) for name, found in subgraph.edges.items()},
            x={
                name: rows[Column(name, "x")]
                for name in subgraph.nodes
                if Column(name, "x") in rows
            },
            y=rows.get(Column(node_type, "y")),
            seed_weight=subgraph.seed_weight,
            traffic=traffic,
        )

    def sample(
        self,
        rule: SamplingRule,
        seeds: dict[NodeType, Int64s],
        epoch: int,
        batch: int,
        traffic: Traffic,
    ) -> SampledSubgraph:
        """Return the sampled neighbourhood of `seeds`; in one call where all parts are here."""
        sampler = self._sampler(rule)
        if isinstance(sampler, RemoteSampler):
            return sampler.sample(seeds, epoch=epoch, batch=batch, traffic=traffic)
        return sampler.sample(seeds, epoch=epoch, batch=batch)

    def _sampler(self, rule: SamplingRule) -> Sampler | RemoteSampler:
        key = repr(rule)
        with self._lock:
            if key not in self._samplers:
                self._samplers[key] = self._new_sampler(rule)
            return self._samplers[key]

    def _new_sampler(self, rule: SamplingRule) -> Sampler | RemoteSampler:
        if not self._graph.is_whole:
            return RemoteSampler(self._graph, rule, self._peers, self._parts)
        if chooses_seeds(rule.sampler):
            msg = (
                f"the sampler {rule.sampler!r} chooses the seeds of its batches itself, which "
                "sampling actors cannot: let the ranks sample (num_samplers = 0)"
            )
            raise ArgumentError(msg)
        sampler = make_sampler(
            rule.sampler,
            self._graph,
            rule.fanouts,
            replace=rule.replace,
            seed=rule.seed,
            options=rule.options,
        )
        assert not isinstance(sampler, BatchSampler)  # it would choose seeds
        return sampler

    def _wanted(
        self, subgraph: SampledSubgraph, node_type: NodeType, open_parts: Sequence[int]
    ) -> dict[Column, Int64s]:
        schema = self._graph.schema
        wanted: dict[Column, Int64s] = {}
        for node in schema.nodes:
            if node.features is not None:
                ids = subgraph.nodes[node.type]
                absent = ~within(self._graph.offsets(node.type), open_parts, ids)
                wanted[Column(node.type, "x")] = ids[absent]
        if schema.node(node_type).label is not None:
            batch_size = subgraph.num_nodes_per_hop[node_type][0]
            wanted[Column(node_type, "y")] = subgraph.nodes[node_type][:batch_size]
        for edge in schema.edges:
            if edge.type in subgraph.edges:
                position = subgraph.edges[edge.type].position
                if edge.has_weight:
                    wanted[Column(edge.type, "weight")] = position
                if edge.features is not None:
                    wanted[Column(edge.type, "edge_attr")] = position
        return wanted

    def _filled_cache(self, cache_bytes: int) -> FeatureCache:
        def fetch(column: Column, ids: Int64s) -> EncodedRows:
            shares = self._parts.split(pool, self._graph.offsets(str(column.type)), ids)
            asked = [
                (share, self._peers[share.owner].gather(self._cache_request(column, share.ids)))
                for share in shares
            ]
            answers = [(share, pending.result().rows[column]) for share, pending in asked]
            order = np.argsort(np.concatenate([share.places for share, _ in answers]))
            return _reordered([rows for _, rows in answers], order)

        pool = BufferPool()
        return fill_cache(self._graph, cache_bytes, self._wire_dtype, fetch)

    def _cache_request(self, column: Column, ids: Int64s) -> GatherRequest:
        return GatherRequest({column: ids}, self._wire_dtype)


def within(offsets: Int64s, parts: Sequence[int], ids: Int64s) -> npt.NDArray[np.bool_]:
    """Return for each id whether it lies in one of `parts`, bool [n].

    Args:
        offsets: Bounds of the parts' ranges of ids, int64 [num_parts + 1].
        parts: Numbers of parts.
        ids: int64 [n], in range.
    """
    if len(parts) == len(offsets) - 1:
        return np.ones(len(ids), bool)
    found = np.zeros(len(ids), bool)
    for part in parts:
        found |= (ids >= offsets[part]) & (ids < offsets[part + 1])
    return found


def _edges(
    edge_type: EdgeType, edges: SampledEdges, rows: dict[Column, npt.NDArray[Any]]
) -> BatchEdges:
    weight = rows.get(Column(edge_type, "weight"))
    if edges.weight is not None:
        weight = edges.weight if weight is None else weight * edges.weight
    return BatchEdges(
        indptr=edges.indptr,
        indices=edges.indices,
        num_per_hop=edges.num_per_hop,
        weight=weight,
        edge_attr=rows.get(Column(edge_type, "edge_attr")),
    )


def _reordered(pieces: list[EncodedRows], order: Int64s) -> EncodedRows:
    joined = joined_rows(pieces)
    factors = None if joined.factors is None else joined.factors[order]
    return EncodedRows(joined.values[order], joined.stored_as, factors)
