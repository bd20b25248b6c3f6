"""Batches made by threads ahead of their use, handed out in order."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from distgnn.exceptions import ArgumentError, LoaderTimeoutError
from distgnn.samplers.checks import whole_at_least

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefetch:
    """How far ahead batches are made, and by how many threads.

    Raises:
        ArgumentError: a number is too small.
    """

    num_threads: int = 1
    """Threads that make batches, each its own; 0 makes them when they are asked for, in the
    caller's thread."""
    num_ahead: int = 4
    """Batches that may be in the making or ready before they are asked for; at least as many as
    threads are used."""
    timeout_s: float = 600.0
    """How long a batch may take before `LoaderTimeoutError`."""

    def __post_init__(self) -> None:
        whole_at_least("num_threads", self.num_threads, 0)
        whole_at_least("prefetch", self.num_ahead, 0)

    def epoch(
        self, make: Callable[[int], Batch], num_batches: int, *, epoch: int, start: int = 0
    ) -> Iterator[Batch]:
        """Return batches `start` ... num_batches - 1 of an epoch, in order.

        Dropping the iterator, or closing it, ends its threads.

        Args:
            make: Makes the batch of a number; called from any thread.
            num_batches: Batches of the epoch.
            epoch: Number of the epoch, for messages.
            start: Number of the first batch.

        Raises:
            ArgumentError: `epoch` is negative, or `start` is not a batch of the epoch or its end.
            LoaderTimeoutError: a batch took longer than `timeout_s` (while iterating).
        """
        whole_at_least("epoch", epoch, 0)
        if whole_at_least("start", start, 0) > num_batches:
            msg = f"start = {start} is beyond the {num_batches} batches of an epoch"
            raise ArgumentError(msg)
        if self.num_threads == 0:
            return (make(index) for index in range(start, num_batches))
        return self._prefetched(make, num_batches, epoch, start)

    def _prefetched(
        self, make: Callable[[int], Batch], num_batches: int, epoch: int, start: int
    ) -> Iterator[Batch]:
        pending: deque[Future[Batch]] = deque()
        executor = ThreadPoolExecutor(self.num_threads, thread_name_prefix="distgnn-loader")
        upcoming = iter(range(start, num_batches))
        num_ahead = max(self.num_ahead, self.num_threads)
        patience_s = self.timeout_s
        try:
            for index in range(start, num_batches):
                # One more than are kept ahead: the one that is about to be handed out.
                while len(pending) <= num_ahead and (ahead := next(upcoming, None)) is not None:
                    pending.append(executor.submit(make, ahead))
                self._await(pending[0], epoch, index)
                # No name for the batch here: its memory is free when the consumer lets go of it.
                yield pending.popleft().result()
        except LoaderTimeoutError:
            patience_s = 0
            raise
        finally:
            for future in pending:
                future.cancel()
            # Threads end with the batch that they are at, unless one hangs.
            _, running = wait(pending, timeout=patience_s)
            executor.shutdown(wait=not running)

    def _await(self, future: Future[Batch], epoch: int, index: int) -> None:
        try:
            future.result(self.timeout_s)
        except TimeoutError as error:
            if future.done():
                raise
            msg = (
                f"batch {index} of epoch {epoch} was not ready after {self.timeout_s:g} s: the "
                "disk that holds the graph may hang, or memory is short and the machine swaps; "
                "raise `timeout_s` if batches are that large"
            )
            raise LoaderTimeoutError(msg) from error
