"""The feature service: rows of any part, from the own parts, a cache, or their owners."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.cluster.messages import GatherRequest, Traffic, num_bytes
from distgnn.cluster.part_server import features, offsets
from distgnn.cluster.peers import ask_all
from distgnn.cluster.wire import place
from distgnn.samplers import BufferPool

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from distgnn.cluster.feature_cache import FeatureCache
    from distgnn.cluster.messages import Column, EncodedRows, GatherReply, WireDtype
    from distgnn.cluster.part_map import PartMap, Share
    from distgnn.cluster.peers import Peer, Pending
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """Rows of one column that one owner gives, and where they go."""

    column: Column
    ids: Int64s
    places: Int64s


class Gatherer:
    """Gathers rows of columns over all parts; one call to each other owner at most."""

    def __init__(
        self,
        graph: ShardedGraph,
        peers: Sequence[Peer],
        parts: PartMap,
        *,
        wire_dtype: WireDtype = "float32",
        cache: FeatureCache | None = None,
    ) -> None:
        """Prepare to gather.

        Args:
            graph: The graph, of which any parts may be open: its schema and ranges are used.
            peers: All owners, in the numbering of `parts`.
            parts: Who owns which part.
            wire_dtype: Type in which features of other owners travel, unless they are stored in a
                smaller one.
            cache: Features of other owners that are at hand.
        """
        self._graph = graph
        self._peers = peers
        self._parts = parts
        self._wire_dtype = wire_dtype
        self._cache = cache
        self._pool = BufferPool()

    def gather(
        self, wanted: dict[Column, Int64s], traffic: Traffic
    ) -> dict[Column, npt.NDArray[Any]]:
        """Return the rows of columns, features as float32 [k, D].

        Args:
            wanted: Global ids (node columns) or positions (edge columns), int64 [k].
            traffic: What was asked of others is added here.

        Raises:
            ArgumentError: a row is out of range, or there is no such column.
            ClusterTimeoutError: an owner did not answer.
        """
        started = time.perf_counter()
        found: dict[Column, npt.NDArray[Any]] = {}
        pieces: dict[int, list[_Piece]] = {}
        for column, ids in wanted.items():
            shares = self._parts.split(self._pool, offsets(self._graph, column), ids)
            spec = features(self._graph, column)
            if spec is not None:
                found[column] = np.empty((len(ids), spec.dim), np.float32)
            for share in shares:
                piece = self._from_cache(column, share, found, traffic)
                if len(piece.ids):
                    pieces.setdefault(share.owner, []).append(piece)
        self._place(wanted, pieces, self._answers(pieces, traffic), found)
        traffic.hop_s.append(time.perf_counter() - started)
        return found

    def _from_cache(
        self, column: Column, share: Share, found: dict[Column, Any], traffic: Traffic
    ) -> _Piece:
        """Place what is at hand, and return what must be asked for."""
        piece = _Piece(column, share.ids, share.places)
        if self._cache is None or share.owner == self._parts.own or column not in found:
            return piece
        slots = self._cache.find(column, share.ids)
        if slots is None:
            return piece
        hit = slots >= 0
        traffic.num_cache_lookups += len(hit)
        traffic.num_cache_hits += int(hit.sum())
        place(found[column], share.places[hit], self._cache.rows(column), picks=slots[hit])
        return _Piece(column, share.ids[~hit], share.places[~hit])

    def _answers(self, pieces: dict[int, list[_Piece]], traffic: Traffic) -> dict[int, GatherReply]:
        own = self._parts.own
        requests = {
            owner: GatherRequest(
                {piece.column: piece.ids for piece in of_owner},
                # Nothing travels from the own parts: they are read in full.
                "float32" if owner == own else self._wire_dtype,
            )
            for owner, of_owner in pieces.items()
        }
        answers = ask_all(requests, self._ask, own)
        for owner, request in requests.items():
            if owner != own:
                traffic.num_calls += 1
                traffic.num_bytes += num_bytes(request.rows) + num_bytes(answers[owner])
        return answers

    def _ask(self, owner: int, request: GatherRequest) -> Pending[GatherReply]:
        return self._peers[owner].gather(request)

    def _place(
        self,
        wanted: dict[Column, Int64s],
        pieces: dict[int, list[_Piece]],
        answers: dict[int, GatherReply],
        found: dict[Column, npt.NDArray[Any]],
    ) -> None:
        for owner, of_owner in pieces.items():
            for piece in of_owner:
                rows: EncodedRows = answers[owner].rows[piece.column]
                if piece.column not in found:
                    shape = (len(wanted[piece.column]), *rows.values.shape[1:])
                    found[piece.column] = np.empty(shape, rows.values.dtype)
                place(found[piece.column], piece.places, rows)
