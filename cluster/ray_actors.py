"""Sampling actors as Ray runs them: calls with deadlines, and what is done when one falls silent.

A *dead* actor is started again by Ray, and calls of it that may be repeated are. A *hung* one (its
process is stopped, or its machine is gone without a word) looks alive to Ray for a long time: here
it is asked for a sign of life, killed if none comes, and so becomes a dead one.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from distgnn.cluster.peers import LocalPeer
from distgnn.cluster.sampling_actor import PRODUCE, SERVE, WATCH, SamplingActor
from distgnn.exceptions import ClusterError, ClusterTimeoutError, DistgnnError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distgnn.cluster.messages import (
        DrawReply,
        DrawRequest,
        GatherReply,
        GatherRequest,
        ServerInfo,
        StreamRequest,
    )
    from distgnn.cluster.part_server import PartServer
    from distgnn.cluster.peers import Peer, Pending
    from distgnn.cluster.sampling_actor import ActorSetup

_LOG = logging.getLogger(__name__)

_PAUSE_S = 0.1
"""Between two questions to an actor that Ray is starting again: they fail at once."""


class Life(Enum):
    """What a sign of life says."""

    ALIVE = "it answers"
    RESTARTING = "its process died, and Ray starts it again"
    SILENT = "its process is there, but does not answer"
    GONE = "it was stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadlines:
    """How long to wait for a sampling actor, in seconds."""

    start_s: float = 120.0
    """How long all actors may take to start and to open their parts."""
    silence_s: float = 10.0
    """Without an answer for so long, an actor is asked for a sign of life, and killed if none comes
    within as much again."""
    restart_s: float = 60.0
    """How long an actor that died may take to come back."""
    answer_s: float = 300.0
    """How long an actor that is alive may take for one answer or batch."""


@dataclass(frozen=True, slots=True)
class ActorRef:
    """One sampling actor of a group; may be sent to other processes."""

    name: str
    """Ray's name of it, unique to the group."""
    namespace: str
    deadlines: Deadlines

    def call(self, method: str, *arguments: object) -> RayCall:
        """Call a method that may be repeated; it is, if the actor dies meanwhile."""
        return RayCall(self, method, arguments)

    def send(self, method: str, arguments: tuple[object, ...]) -> Any:
        """Call a method once; returns Ray's reference to the answer."""
        return getattr(self._handle(), method).options(concurrency_group=SERVE).remote(*arguments)

    def stream(self, request: StreamRequest, num_ahead: int) -> Any:
        """Ask for batches: Ray's generator, at most `num_ahead` of them unclaimed.

        It ends with an error when the actor dies: the batches that are missing are asked for anew.
        """
        options = {
            "num_returns": "streaming",
            "concurrency_group": PRODUCE,
            "max_task_retries": 0,
            "_generator_backpressure_num_objects": num_ahead,
        }
        return self._handle().batches.options(**options).remote(request)

    def tell(self, method: str, *arguments: object) -> None:
        """Call a method without waiting for it; nothing happens if the actor is not there."""
        with suppress(RayActorError, ValueError):
            found = getattr(self._handle(), method)
            found.options(concurrency_group=WATCH, max_task_retries=0).remote(*arguments)

    def life(self) -> Life:
        """Ask for a sign of life."""
        try:
            ping = self._handle().ping.options(concurrency_group=WATCH, max_task_retries=0).remote()
            ray.get(ping, timeout=self.deadlines.silence_s)
        except GetTimeoutError:
            return Life.SILENT
        except RayActorError:
            return Life.RESTARTING
        except ValueError:
            return Life.GONE
        return Life.ALIVE

    def restart(self) -> None:
        """Kill the process; Ray starts it again."""
        _LOG.warning(
            "sampling actor %s gave no sign of life for %g s: killed, to be started again",
            self.name, self.deadlines.silence_s,
        )  # fmt: skip
        ray.kill(self._handle(), no_restart=False)

    def stop(self) -> None:
        """Kill the process for good."""
        try:
            ray.kill(self._handle(), no_restart=True)
        except ValueError:
            return  # it is gone already

    def _handle(self) -> Any:
        return _handle(self.name, self.namespace)


@lru_cache(maxsize=256)
def _handle(name: str, namespace: str) -> Any:
    """Return a handle that stays good when the actor is started again, and keeps nobody alive."""
    return ray.get_actor(name, namespace)


class Vigil:
    """Waiting for something of an actor, with its deadlines."""

    def __init__(self, actor: ActorRef, what: str) -> None:
        """Begin to wait.

        Args:
            actor: Who is waited for.
            what: What is waited for, for messages.
        """
        self._actor, self._what = actor, what
        self._asked = self._heard = time.monotonic()

    def look(self) -> Life:
        """Look after an actor that has been silent for a while; kill one that hangs.

        Raises:
            ClusterTimeoutError: a deadline is over, or the actor is gone for good.
        """
        deadlines, life = self._actor.deadlines, self._actor.life()
        now = time.monotonic()
        if life is Life.ALIVE:
            self._heard = now
        if life is Life.SILENT:
            self._actor.restart()
        if life is Life.RESTARTING:
            time.sleep(_PAUSE_S)
        if now - self._heard > deadlines.restart_s or life is Life.GONE:
            raise ClusterTimeoutError(self._lost(life, now - self._heard))
        if now - self._asked > deadlines.answer_s + deadlines.restart_s:
            msg = (
                f"sampling actor {self._actor.name} is alive, but did not give {self._what} within "
                f"{now - self._asked:.0f} s: its disk may hang, or its machine swaps; raise "
                "cluster.timeout_s if batches are that large"
            )
            raise ClusterTimeoutError(msg)
        return life

    def _lost(self, life: Life, waited_s: float) -> str:
        return (
            f"sampling actor {self._actor.name} did not give {self._what}, and did not come back "
            f"within {waited_s:.0f} s ({life.value}): its machine may be down, or no machine that "
            "is left holds its parts; start one that does (`ray status` shows which are there), "
            "then go on with --resume"
        )


class RayCall:
    """A call of an actor that is under way."""

    def __init__(self, actor: ActorRef, method: str, arguments: tuple[object, ...]) -> None:
        self._actor, self._method, self._arguments = actor, method, arguments
        self.ref = actor.send(method, arguments)

    def result(self) -> Any:
        """Wait for the answer.

        Raises:
            ClusterTimeoutError: the actor did not answer in time, and did not come back.
            DistgnnError: what the actor raised.
        """
        vigil = Vigil(self._actor, f"an answer to {self._method!r}")
        while True:
            while not ray.wait([self.ref], timeout=self._actor.deadlines.silence_s)[0]:
                vigil.look()
            try:
                with plain_errors(self._actor):
                    return ray.get(self.ref)
            except RayActorError:
                # Ray repeats a call of an actor that died, but not of one that was just killed.
                vigil.look()
                self.ref = self._actor.send(self._method, self._arguments)


class RayPeer:
    """Another sampling actor."""

    def __init__(self, actor: ActorRef) -> None:
        self._actor = actor

    def draw(self, request: DrawRequest) -> Pending[DrawReply]:
        """Ask for the draws of a hop."""
        return self._actor.call("draw", request)

    def gather(self, request: GatherRequest) -> Pending[GatherReply]:
        """Ask for rows."""
        return self._actor.call("gather", request)


class plain_errors:  # noqa: N801 - used like a function
    """Raises what an actor raised, without Ray's wrapping and the actor's traceback."""

    def __init__(self, actor: ActorRef) -> None:
        self._actor = actor

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if not isinstance(error, RayTaskError) or isinstance(error.cause, RayActorError):
            return
        if isinstance(error.cause, DistgnnError):
            raise error.cause from None
        msg = f"sampling actor {self._actor.name} failed: {error.cause!r}"
        raise ClusterError(msg) from error


@dataclass(frozen=True, slots=True)
class ConnectByName:
    """Makes the peers of an actor: itself in its process, the others by Ray."""

    actors: tuple[ActorRef, ...]

    def __call__(self, setup: ActorSetup, server: PartServer) -> Sequence[Peer]:
        """Return all actors of the group as peers."""
        return [
            LocalPeer(server) if number == setup.own else RayPeer(actor)
            for number, actor in enumerate(self.actors)
        ]


def start_actor(
    actor: ActorRef, setup: ActorSetup, actors: tuple[ActorRef, ...], options: dict[str, Any]
) -> Any:
    """Start the process of an actor; returns the handle that keeps it alive.

    Args:
        actor: Its name.
        setup: What it serves.
        actors: The whole group.
        options: Of Ray: where it may run, and what it reserves.
    """
    groups = {SERVE: 4, PRODUCE: 16, WATCH: 1}
    remote: Any = ray.remote
    return (
        remote(concurrency_groups=groups)(SamplingActor)
        .options(
            name=actor.name,
            namespace=actor.namespace,
            max_restarts=-1,
            max_task_retries=-1,
            **options,
        )
        .remote(setup, ConnectByName(actors))
    )


def infos(actors: Sequence[ActorRef], timeout_s: float) -> list[ServerInfo]:
    """Return what each actor has opened, in their order, once all have started.

    An actor that waits for a machine with room for it gives no sign of life, so none is asked for.

    Raises:
        ClusterTimeoutError: an actor has not started in time.
        DistgnnError: an actor could not open its parts.
    """
    calls = [actor.call("info") for actor in actors]
    refs = [call.ref for call in calls]
    _, late = ray.wait(refs, num_returns=len(refs), timeout=timeout_s)
    # What an actor could not open says more than that another one is late.
    found = [call.result() for call in calls if call.ref not in late]
    if late:
        names = [actor.name for actor, ref in zip(actors, refs, strict=True) if ref in late]
        msg = (
            f"sampling actors {', '.join(names)} have not started within {timeout_s:g} s: no "
            "machine of the cluster has room for them (`ray status`), or its disk is slow; raise "
            "cluster.placement_timeout_s, or ask for fewer cores"
        )
        raise ClusterTimeoutError(msg)
    return found
