"""The sampling actor: a plain class, made remote where it is started (`sampler_group`)."""

from __future__ import annotations

import os
import platform
import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distgnn.cluster.batch_maker import BatchMaker
from distgnn.cluster.part_map import PartMap
from distgnn.cluster.part_server import PartServer
from distgnn.exceptions import DistgnnError
from distgnn.shards import ShardedGraph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from distgnn.cluster.messages import (
        DrawReply,
        DrawRequest,
        GatherReply,
        GatherRequest,
        ServerInfo,
        StreamRequest,
        WireBatch,
        WireDtype,
    )
    from distgnn.cluster.peers import Peer

SERVE, PRODUCE, WATCH = "serve", "produce", "watch"
"""Concurrency groups of an actor's methods: answers to peers, batches for trainers, signs of life.
None of them waits for another group of the same actor, so peers that ask one another get on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorSetup:
    """What a sampling actor is started with, and started again with after it died."""

    name: str
    path: str
    """Directory of the graph on the actor's machine."""
    parts: tuple[tuple[int, ...], ...]
    """The parts of each actor of the group."""
    own: int
    """Number of this actor."""
    num_threads: int = 2
    """Batches in the making at the same time, for each stream."""
    wire_dtype: WireDtype = "float32"
    cache_bytes: int = 0


class SamplingActor:
    """Serves its parts to peers, and makes batches for trainers.

    The graph is opened at the first call: what is wrong with it is then an answer to a question,
    which a constructor's failure is not.
    """

    def __init__(
        self, setup: ActorSetup, connect: Callable[[ActorSetup, PartServer], Sequence[Peer]]
    ) -> None:
        """Prepare to serve.

        Args:
            setup: What to serve.
            connect: Returns all actors of the group as peers, this one among them.
        """
        self._setup = setup
        self._connect = connect
        # Two, since peers that fill their caches at the same time answer one another.
        self._open_lock, self._connect_lock = threading.Lock(), threading.Lock()
        self._server: PartServer | None = None
        self._maker: BatchMaker | None = None
        self._current: dict[str, int] = {}

    def ping(self) -> int:
        """Show that the process is alive; returns its id."""
        return os.getpid()

    def info(self) -> ServerInfo:
        """Open the parts and return what they are.

        Raises:
            ShardError: they cannot be opened; the message names the machine.
        """
        return self._opened().info()

    def draw(self, request: DrawRequest) -> DrawReply:
        """Answer a peer (`PartServer.draw`)."""
        return self._opened().draw(request)

    def gather(self, request: GatherRequest) -> GatherReply:
        """Answer a peer (`PartServer.gather`)."""
        return self._opened().gather(request)

    def end_stream(self, stream: str, number: int) -> None:
        """End the requests of a stream up to `number`: their trainer wants no more of them."""
        self._current[stream] = max(self._current.get(stream, -1), number + 1)

    def batches(self, request: StreamRequest) -> Iterator[WireBatch]:
        """Yield the batches of a request, in order; several are in the making at a time.

        It ends early when a newer request of the same stream has come.

        Raises:
            DistgnnError: a batch cannot be made.
        """
        self._current[request.stream] = max(self._current.get(request.stream, -1), request.number)
        maker = self._connected()
        upcoming = iter(range(len(request.batches)))
        pending: deque[Future[WireBatch]] = deque()
        executor = ThreadPoolExecutor(self._setup.num_threads, thread_name_prefix="distgnn-batch")
        try:
            while True:
                while len(pending) < self._setup.num_threads:
                    if (at := next(upcoming, None)) is None:
                        break
                    pending.append(executor.submit(self._make, maker, request, at))
                if not pending or self._current[request.stream] != request.number:
                    return
                yield pending.popleft().result()
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    def _make(self, maker: BatchMaker, request: StreamRequest, at: int) -> WireBatch:
        return maker.make(
            request.rule,
            request.node_type,
            request.seeds[request.bounds[at] : request.bounds[at + 1]],
            epoch=request.epoch,
            batch=request.batches[at],
            open_parts=request.open_parts,
        )

    def _opened(self) -> PartServer:
        with self._open_lock:
            if self._server is None:
                setup = self._setup
                try:
                    graph = ShardedGraph.open(setup.path, parts=setup.parts[setup.own])
                except DistgnnError as error:
                    raise type(error)(self._where(error)) from error
                self._server = PartServer(graph, name=setup.name, node=node_name())
            return self._server

    def _connected(self) -> BatchMaker:
        server = self._opened()
        with self._connect_lock:
            if self._maker is None:
                setup = self._setup
                self._maker = BatchMaker(
                    server.graph,
                    self._connect(setup, server),
                    PartMap(setup.parts, server.graph.num_parts, setup.own),
                    wire_dtype=setup.wire_dtype,
                    cache_bytes=setup.cache_bytes,
                )
            return self._maker

    def _where(self, error: DistgnnError) -> str:
        parts = ", ".join(map(str, self._setup.parts[self._setup.own]))
        return (
            f"sampling actor {self._setup.name} on node {node_name()} cannot open part(s) {parts}: "
            f"{error}"
        )


def node_name() -> str:
    """Return the name of this machine, as messages give it."""
    return platform.node()
