"""Where the ranks of a run and its driver leave notes for each other."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from distgnn.exceptions import ClusterError, ClusterTimeoutError

if TYPE_CHECKING:
    from distgnn.exceptions import DistgnnError
    from distgnn.train.run import TrainResult


@dataclass(slots=True, kw_only=True)
class Notes:
    """What the driver finds on the board."""

    lines: list[str] = field(default_factory=list)
    """What the first rank has to say since the last look."""
    failure: DistgnnError | None = None
    """An error that trying again does not mend."""
    result: TrainResult | None = None
    """What came out."""
    attempts: int = 0
    """How often a group of ranks has begun."""
    silent_s: float = 0.0
    """Seconds since the first rank was last heard of."""


class RunBoard:
    """The body of the actor; the driver starts it on its own node, so it lives as long."""

    def __init__(self) -> None:
        self._notes = Notes()
        self._signal: int | None = None
        self._heard = time.monotonic()

    def begin(self) -> int:
        """Note that a group of ranks begins; return how many did before."""
        self._heard = time.monotonic()
        self._notes.attempts += 1
        return self._notes.attempts - 1

    def beat(self, lines: list[str]) -> int | None:
        """Note that the first rank lives, and its lines; return the signal to stop, if any."""
        self._heard = time.monotonic()
        self._notes.lines += lines
        return self._signal

    def fail(self, error: DistgnnError) -> None:
        """Note the first error that ends the run."""
        self._notes.failure = self._notes.failure or error

    def finish(self, result: TrainResult) -> None:
        """Note the result."""
        self._notes.result = result

    def stop(self, signal: int) -> None:
        """Ask the ranks to save a checkpoint and stop."""
        self._signal = signal

    def look(self) -> Notes:
        """Return what is there, and take the lines off."""
        self._notes.silent_s = time.monotonic() - self._heard
        notes, self._notes = (
            self._notes,
            Notes(
                failure=self._notes.failure,
                result=self._notes.result,
                attempts=self._notes.attempts,
            ),
        )
        return notes


class Board:
    """Calls the actor, each time with a deadline; may be sent to ranks.

    Args:
        actor: handle of a `RunBoard`.
        timeout_s: deadline of a call in seconds.
    """

    def __init__(self, actor: Any, timeout_s: float) -> None:
        self._actor = actor
        self._timeout_s = timeout_s

    @classmethod
    def start(cls, timeout_s: float) -> Board:
        """Start the actor on this node."""
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        actor = ray.remote(RunBoard).options(num_cpus=0, scheduling_strategy=here).remote()
        return cls(actor, timeout_s)

    def begin(self) -> int:
        """See `RunBoard.begin`."""
        return int(self._call("begin"))

    def beat(self, lines: list[str]) -> int | None:
        """See `RunBoard.beat`."""
        signal: int | None = self._call("beat", lines)
        return signal

    def fail(self, error: DistgnnError) -> None:
        """See `RunBoard.fail`."""
        self._call("fail", error)

    def finish(self, result: TrainResult) -> None:
        """See `RunBoard.finish`."""
        self._call("finish", result)

    def stop(self, signal: int) -> None:
        """See `RunBoard.stop`."""
        self._call("stop", signal)

    def look(self) -> Notes:
        """See `RunBoard.look`."""
        notes: Notes = self._call("look")
        return notes

    def _call(self, name: str, *arguments: Any) -> Any:
        """Call the actor.

        Raises:
            ClusterTimeoutError: it did not answer in time.
            ClusterError: it is gone.
        """
        try:
            return ray.get(getattr(self._actor, name).remote(*arguments), timeout=self._timeout_s)
        except GetTimeoutError as error:
            msg = (
                f"the driver's node did not answer within {self._timeout_s:g} s "
                "(cluster.timeout_s): it is overloaded or cut off; continue with --resume"
            )
            raise ClusterTimeoutError(msg) from error
        except RayError as error:
            msg = f"the driver's node is gone ({error}); continue with --resume"
            raise ClusterError(msg) from error
