"""Neighbour sampling over parts that several sampling actors hold."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Literal

import numpy as np

from distgnn.cluster.messages import DrawRequest, Traffic, num_bytes
from distgnn.cluster.peers import ask_all
from distgnn.exceptions import ArgumentError
from distgnn.samplers import BufferPool, DrawnEdges, DrawRule, HopAssembler
from distgnn.samplers._kernels import merge_draws
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.khop import fanouts_by_edge_type
from distgnn.samplers.registry import check_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from distgnn.cluster.messages import DrawReply, SamplingRule
    from distgnn.cluster.part_map import PartMap, Share
    from distgnn.cluster.peers import Peer, Pending
    from distgnn.samplers import SampledSubgraph
    from distgnn.schema import EdgeType, NodeType
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


PICKS: dict[str, Literal["uniform", "weighted"]] = {
    "neighbor": "uniform",
    "weighted": "weighted",
}
"""Samplers that need nothing but the in-edges of a node, and so draw at the owner of its part; by
the way in which they pick edges (`DrawRule`)."""


class RemoteSampler:
    """Draws what a sampler of one machine draws, edge for edge, asking the owners of parts.

    Each hop is one call to each other owner at most, all of them at the same time, while the own
    parts are drawn from. May be called from many threads, each at a batch of its own.
    """

    def __init__(
        self, graph: ShardedGraph, rule: SamplingRule, peers: Sequence[Peer], parts: PartMap
    ) -> None:
        """Prepare to sample.

        Args:
            graph: The graph, of which any parts may be open: its schema and ranges are used.
            rule: What is drawn.
            peers: All owners, in the numbering of `parts`.
            parts: Who owns which part.

        Raises:
            ArgumentError: a fanout or edge type is none that is possible, or the sampler is one
                that needs all parts at once.
        """
        if rule.sampler not in PICKS or rule.options:
            options = f" with options {dict(rule.options)}" if rule.options else ""
            msg = (
                f"the sampler {rule.sampler!r}{options} needs all parts on the machine that "
                f"samples, but this graph's parts are on several: use one of {', '.join(PICKS)} "
                "without options, or storage that all machines share"
            )
            raise ArgumentError(msg)
        check_options(rule.sampler, {}, replace=rule.replace)
        self._graph = graph
        self._fanouts = fanouts_by_edge_type(graph, rule.fanouts)
        self._num_hops = len(next(iter(self._fanouts.values())))
        self._rule = DrawRule(pick=PICKS[rule.sampler], replace=rule.replace)
        self._seed = whole_at_least("seed", rule.seed, 0)
        self._peers = peers
        self._parts = parts
        self._pool = BufferPool()

    def sample(
        self, seeds: dict[NodeType, Int64s], *, epoch: int, batch: int, traffic: Traffic
    ) -> SampledSubgraph:
        """Return the sampled neighbourhood of `seeds`.

        Args:
            seeds: Global ids by node type, int64 [B], each once.
            epoch: Number of the epoch, at least 0.
            batch: Number of the batch within the epoch, at least 0.
            traffic: What was asked of others is added here.

        Raises:
            ArgumentError: a seed is out of range or given twice.
            ClusterTimeoutError: an owner did not answer.
        """
        for name, ids in seeds.items():
            if len(np.unique(ids)) < len(ids):
                msg = f"seeds of type {name!r} hold a node more than once: give each node once"
                raise ArgumentError(msg)
        assembler = HopAssembler(self._graph.schema, self._fanouts, seeds, epoch=epoch, batch=batch)
        for hop in range(self._num_hops):
            started = time.perf_counter()
            self._expand(assembler, hop, epoch, batch, traffic)
            traffic.hop_s.append(time.perf_counter() - started)
        return assembler.subgraph()

    def _expand(
        self, assembler: HopAssembler, hop: int, epoch: int, batch: int, traffic: Traffic
    ) -> None:
        fanouts = {edge_type: self._fanouts[edge_type][hop] for edge_type in assembler.edge_types}
        frontiers = {name: assembler.frontier(name) for name in {dst for _, _, dst in fanouts}}
        shares = {
            name: self._parts.split(self._pool, self._graph.offsets(name), ids)
            for name, ids in frontiers.items()
        }
        requests = {
            owner: self._request(fanouts, nodes, epoch, batch)
            for owner, nodes in _by_owner(shares).items()
        }
        answers = ask_all(requests, self._ask, self._parts.own)
        for owner, request in requests.items():
            if owner != self._parts.own:
                traffic.num_calls += 1
                traffic.num_bytes += num_bytes(request.nodes) + num_bytes(answers[owner])
        for edge_type in assembler.edge_types:
            dst = edge_type[2]
            merged = self._merged(edge_type, len(frontiers[dst]), shares[dst], answers)
            assembler.add(edge_type, merged)
        assembler.end_hop()

    def _ask(self, owner: int, request: DrawRequest) -> Pending[DrawReply]:
        return self._peers[owner].draw(request)

    def _request(
        self, fanouts: dict[EdgeType, int], nodes: dict[NodeType, Int64s], epoch: int, batch: int
    ) -> DrawRequest:
        return DrawRequest(
            rule=self._rule,
            seed=self._seed,
            epoch=epoch,
            batch=batch,
            fanouts={name: fanout for name, fanout in fanouts.items() if name[2] in nodes},
            nodes=nodes,
        )

    def _merged(
        self,
        edge_type: EdgeType,
        num_nodes: int,
        shares: list[Share],
        answers: dict[int, DrawReply],
    ) -> DrawnEdges:
        drawn = [(share.places, answers[share.owner].edges[edge_type]) for share in shares]
        num_picks, sources, position = merge_draws(
            self._pool,
            num_nodes,
            [(places, edges.num_picks, edges.sources, edges.position) for places, edges in drawn],
        )
        return DrawnEdges(num_picks=num_picks, sources=sources, position=position)


def _by_owner(shares: dict[NodeType, list[Share]]) -> dict[int, dict[NodeType, Int64s]]:
    """Return the ids that each owner is asked for, by node type."""
    found: dict[int, dict[NodeType, Int64s]] = {}
    for name, of_type in shares.items():
        for share in of_type:
            found.setdefault(share.owner, {})[name] = share.ids
    return found
