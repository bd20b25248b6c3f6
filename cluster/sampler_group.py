"""Starting sampling actors on the machines that hold the parts, and stopping them."""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import ray

from distgnn.cluster.ray_actors import ActorRef, Deadlines, infos, start_actor
from distgnn.cluster.sampling_actor import ActorSetup
from distgnn.exceptions import ArgumentError, ClusterError, ShardError
from distgnn.shards.manifest import load_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType

    from distgnn.cluster.messages import ServerInfo, WireDtype

_LOG = logging.getLogger(__name__)

PART_RESOURCE = "distgnn_part_{part}"
"""Ray resource of a machine that holds part `part` of the graph on its own disk: start its node
with ``ray start --resources '{"distgnn_part_0": 1, "distgnn_part_1": 1}'``."""

_SHARE_OF_RESOURCE = 0.001
"""What an actor reserves of a part's resource: any number of them may lie beside one another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupSettings:
    """How sampling actors work.

    Raises:
        ArgumentError: a number is too small.
    """

    num_samplers: int = 1
    """Actors, where all machines share the storage; else one for each machine with parts."""
    split_parts: bool = True
    """Whether each actor owns some of the parts and asks the others for the rest. Otherwise each
    opens all of them: right for actors that share a disk, where a call costs more than it saves."""
    num_cpus: float = 1.0
    """Cores that Ray reserves for an actor."""
    num_threads: int = 2
    """Batches that an actor makes at the same time, for each rank that it feeds."""
    wire_dtype: WireDtype = "float32"
    """Type in which features travel between machines."""
    cache_bytes: int = 0
    """Size of the features of other actors' nodes that each actor keeps."""
    deadlines: Deadlines = field(default_factory=Deadlines)

    def __post_init__(self) -> None:
        for name in ("num_samplers", "num_threads"):
            if getattr(self, name) < 1:
                msg = f"{name} must be at least 1, got {getattr(self, name)}"
                raise ArgumentError(msg)


@dataclass(frozen=True, slots=True)
class Samplers:
    """The actors of a group, as ranks know them; may be sent to other processes."""

    actors: tuple[ActorRef, ...]
    parts: tuple[tuple[int, ...], ...]
    """Of each actor."""

    def of_rank(self, rank: int, num_ranks: int) -> list[ActorRef]:
        """Return the actors that feed a rank: several, or one that feeds others too."""
        mine = [actor for i, actor in enumerate(self.actors) if i % num_ranks == rank]
        return mine or [self.actors[rank % len(self.actors)]]


class SamplerGroup:
    """Sampling actors that were started here; they end with `close`, or with this process."""

    def __init__(self, samplers: Samplers, handles: list[Any]) -> None:
        self.samplers = samplers
        self._handles = handles  # actors live as long as these do

    @classmethod
    def start(cls, path: Path, settings: GroupSettings) -> Self:
        """Start the actors and wait until all have opened their parts.

        Machines that hold parts on disks of their own say so by resources (`PART_RESOURCE`): each
        gets an actor for its parts, and that actor is only started again where they are. Without
        such resources the storage is shared, and actors run anywhere.

        Args:
            path: Directory of the graph, the same on all machines; its manifest must be here.
            settings: How the actors work.

        Raises:
            ShardError: a machine lacks a part, or has another version of the graph than the others.
            ClusterTimeoutError: an actor was not there in time.
        """
        num_parts = load_manifest(path).num_parts
        placed = _parts_by_resource(num_parts) or _parts_anywhere(num_parts, settings)
        group = uuid.uuid4().hex[:8]
        namespace = ray.get_runtime_context().namespace
        names = [f"distgnn-sampler-{number}-{group}" for number in range(len(placed))]
        actors = tuple(ActorRef(name, namespace, settings.deadlines) for name in names)
        parts = tuple(of_actor for of_actor, _ in placed)
        handles = []
        for own, (_, resources) in enumerate(placed):
            setup = ActorSetup(
                name=names[own],
                path=str(path),
                parts=parts,
                own=own,
                num_threads=settings.num_threads,
                wire_dtype=settings.wire_dtype,
                cache_bytes=settings.cache_bytes,
            )
            where: dict[str, Any] = {"resources": resources} if resources else _SPREAD
            options = {"num_cpus": settings.num_cpus, **where}
            handles.append(start_actor(actors[own], setup, actors, options))
        started = cls(Samplers(actors, parts), handles)
        try:
            check_same(infos(actors, settings.deadlines.start_s))
        except BaseException:
            started.close()
            raise
        return started

    def close(self) -> None:
        """End all actors."""
        for actor in self.samplers.actors:
            actor.stop()
        self._handles.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


_SPREAD = {"scheduling_strategy": "SPREAD"}


def check_same(servers: Sequence[ServerInfo]) -> None:
    """Check that all actors have opened the same graph.

    Raises:
        ShardError: two have not; the message names their machines.
        ClusterError: two run different versions of distgnn.
    """
    first = servers[0]
    for other in servers[1:]:
        pair = f"{_where(first)} and {_where(other)}"
        if other.version != first.version:
            msg = (
                f"{pair} run distgnn {first.version} and {other.version}: install the same version "
                "on all machines"
            )
            raise ClusterError(msg)
        if other.fingerprint != first.fingerprint:
            msg = (
                f"{pair} hold different versions of the graph {first.path} (fingerprints "
                f"{first.fingerprint[:12]} and {other.fingerprint[:12]}): copy the same one to both"
            )
            raise ShardError(msg)
        if other.layout != first.layout:
            msg = (
                f"{pair} hold the graph {first.path} partitioned in different ways: copy the parts "
                "of one partitioning to both"
            )
            raise ShardError(msg)


def _where(server: ServerInfo) -> str:
    return f"node {server.node} ({server.name})"


def _parts_by_resource(num_parts: int) -> list[tuple[tuple[int, ...], dict[str, float]]]:
    """Return parts and resources of an actor for each machine that names parts as resources."""
    placed = []
    names = {PART_RESOURCE.format(part=part): part for part in range(num_parts)}
    nodes: list[dict[str, Any]] = ray.nodes()
    for node in nodes:
        parts = sorted(names[name] for name in node["Resources"] if name in names)
        if node["Alive"] and parts:
            resources = {PART_RESOURCE.format(part=p): _SHARE_OF_RESOURCE for p in parts}
            placed.append((tuple(parts), resources))
    missing = set(range(num_parts)) - {part for parts, _ in placed for part in parts}
    if placed and missing:
        part = min(missing)
        msg = (
            f"no machine of the cluster holds part {part} of the graph: its node must be started "
            f"with the resource {PART_RESOURCE.format(part=part)!r}"
        )
        raise ClusterError(msg)
    return sorted(placed, key=lambda actor: actor[0])


def _parts_anywhere(
    num_parts: int, settings: GroupSettings
) -> list[tuple[tuple[int, ...], dict[str, float]]]:
    """Return the parts of actors that may run on any machine."""
    if not settings.split_parts:
        return [(tuple(range(num_parts)), {})] * settings.num_samplers
    if settings.num_samplers > num_parts:
        msg = (
            f"num_samplers = {settings.num_samplers}, but the graph has {num_parts} parts for them "
            "to own: give fewer, or partition the graph into more parts"
        )
        raise ArgumentError(msg)
    split = np.array_split(np.arange(num_parts), settings.num_samplers)
    return [(tuple(map(int, parts)), {}) for parts in split]
