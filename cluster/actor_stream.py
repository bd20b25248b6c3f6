"""The batches of one actor, whatever happens to it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import ray
from ray.exceptions import RayError

from distgnn.cluster.messages import StreamRequest
from distgnn.cluster.ray_actors import Vigil, plain_errors

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.cluster.messages import SamplingRule, WireBatch
    from distgnn.cluster.ray_actors import ActorRef
    from distgnn.schema import NodeType

    Int64s = npt.NDArray[np.int64]


class ActorStream:
    """Takes batches from an actor in order, and asks for the rest anew when the actor dies."""

    def __init__(
        self,
        actor: ActorRef,
        rule: SamplingRule,
        *,
        stream: str,
        node_type: NodeType,
        epoch: int,
        seeds: dict[int, Int64s],
        open_parts: tuple[int, ...],
        num_ahead: int,
    ) -> None:
        """Ask for batches; the first ones are made while the caller does something else.

        Args:
            actor: Who makes them.
            rule: What is drawn.
            stream: Name of the stream: a new one of this name ends the one before.
            node_type: Type of the seeds.
            epoch: Number of the epoch.
            seeds: Global ids of each batch by its number, in the order in which they are wanted.
            open_parts: Parts whose features are read here.
            num_ahead: Batches that are ready or under way.
        """
        self._actor, self._rule = actor, rule
        self._stream, self._node_type, self._epoch = stream, node_type, epoch
        self._seeds = seeds
        self._open_parts, self._num_ahead = open_parts, num_ahead
        self._generator: Any = None
        self._number = -1
        self._restarts = 0
        if seeds:
            self._ask()

    def take(self, batch: int) -> WireBatch:
        """Return the next batch.

        Args:
            batch: Its number, the first of those that were not taken yet.

        Raises:
            ClusterTimeoutError: the actor did not come back in time.
            DistgnnError: the actor could not make the batch.
        """
        vigil = Vigil(self._actor, f"batch {batch} of epoch {self._epoch}")
        while True:
            try:
                found = self._next(vigil)
            except RayError:
                # The process died, or the machine that kept the batch did; `plain_errors` has made
                # what the actor raised by itself one of ours.
                self._restarts += 1
                vigil.look()
                self._ask()
                continue
            del self._seeds[batch]
            return found

    def take_restarts(self) -> int:
        """Return how often the actor was lost since this was last asked."""
        restarts, self._restarts = self._restarts, 0
        return restarts

    def close(self) -> None:
        """Tell the actor to stop; it need not be there to hear it."""
        self._generator = None
        if self._seeds and self._number >= 0:
            self._actor.tell("end_stream", self._stream, self._number)
        self._seeds = {}

    def _ask(self) -> None:
        self._number = time.time_ns()  # rises over all processes that ask for this stream
        seeds = list(self._seeds.values())
        request = StreamRequest(
            stream=self._stream,
            number=self._number,
            rule=self._rule,
            node_type=self._node_type,
            epoch=self._epoch,
            batches=list(self._seeds),
            seeds=np.concatenate(seeds),
            bounds=np.concatenate([[0], np.cumsum([len(ids) for ids in seeds])]),
            open_parts=self._open_parts,
        )
        self._generator = self._actor.stream(request, self._num_ahead)

    def _next(self, vigil: Vigil) -> WireBatch:
        silence_s = self._actor.deadlines.silence_s
        generator = self._generator
        while not ray.wait([generator], timeout=silence_s)[0]:
            vigil.look()
        with plain_errors(self._actor):
            ref = next(generator)
            while not ray.wait([ref], timeout=silence_s)[0]:
                vigil.look()
            batch: WireBatch = ray.get(ref)
        return batch
