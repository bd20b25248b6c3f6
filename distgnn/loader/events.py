"""Batches of a stream of events, in time order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True, eq=False)
class EventBatch:
    """B consecutive events, and a random destination for each."""

    src: Tensor
    """int64 [B]."""
    dst: Tensor
    """int64 [B]."""
    t: Tensor
    """Time, int64 [B], not decreasing."""
    neg_dst: Tensor
    """A random destination, int64 [B]."""
    index: Tensor
    """Position in the stream, int64 [B]: where features of the events lie."""

    def to(self, device: torch.device | str) -> Self:
        """Return the batch on `device`."""
        return type(self)(*(getattr(self, name).to(device) for name in self.__slots__))


class EventLoader:
    """Hands out events in time order, so that a model never learns from the future.

    A batch holds events that are no older than those of any batch before it, and every event comes
    once an epoch. Random destinations depend on (seed, epoch, batch) alone: an epoch that starts in
    the middle gives the batches that a whole one would have given.

    Args:
        src: Sources, int64 [E].
        dst: Destinations, int64 [E].
        t: Times, int64 [E], not decreasing.
        batch_size: Number of events of a batch; the last one may be smaller.
        begin: First event, e.g. of the test set.
        end: One more than the last event; None: all.
        num_dst: Random destinations are drawn from the `num_dst` nodes from `first_dst` on; None:
            up to the largest destination of the stream.
        first_dst: First of these nodes; None: the smallest destination of the stream.
        seed: Seed of the random destinations.

    Raises:
        ArgumentError: Events are out of time order, or sizes do not fit.
    """

    def __init__(
        self,
        src: Tensor,
        dst: Tensor,
        t: Tensor,
        batch_size: int,
        *,
        begin: int = 0,
        end: int | None = None,
        num_dst: int | None = None,
        first_dst: int | None = None,
        seed: int = 0,
    ) -> None:
        _check_stream(src, dst, t)
        end = src.numel() if end is None else end
        if not (0 <= begin < end <= src.numel() and batch_size > 0):
            msg = (
                f"begin={begin}, end={end} and batch_size={batch_size} do not name batches of "
                f"{src.numel()} events"
            )
            raise ArgumentError(msg)
        self.src, self.dst, self.t = src, dst, t
        self.batch_size = batch_size
        self.begin, self.end = begin, end
        self.first_dst = int(dst.min()) if first_dst is None else first_dst
        self.num_dst = int(dst.max()) + 1 - self.first_dst if num_dst is None else num_dst
        self.seed = seed

    def __len__(self) -> int:
        return -((self.begin - self.end) // self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[EventBatch]:
        """Yield the batches of an epoch from batch number `start` on."""
        for number in range(start, len(self)):
            begin = self.begin + number * self.batch_size
            events = slice(begin, min(begin + self.batch_size, self.end))
            size = events.stop - events.start
            yield EventBatch(
                self.src[events],
                self.dst[events],
                self.t[events],
                self._negatives(size, epoch, number),
                torch.arange(events.start, events.stop),
            )

    def _negatives(self, size: int, epoch: int, number: int) -> Tensor:
        generator = np.random.default_rng((self.seed, epoch, number))
        return torch.from_numpy(generator.integers(self.num_dst, size=size)) + self.first_dst


def _check_stream(src: Tensor, dst: Tensor, t: Tensor) -> None:
    for name, values in (("src", src), ("dst", dst), ("t", t)):
        if values.dtype != torch.int64 or values.shape != src.shape or values.dim() != 1:
            msg = (
                f"{name} is {values.dtype} of shape {list(values.shape)}, expected int64 "
                f"[{src.numel()}]"
            )
            raise ArgumentError(msg)
    late = (t[1:] < t[:-1]).nonzero().view(-1)
    if late.numel() > 0:
        at = int(late[0]) + 1
        msg = (
            f"event {at} at t={int(t[at])} comes after one at t={int(t[at - 1])}: sort the events "
            f"by time, with t.argsort(stable=True)"
        )
        raise ArgumentError(msg)
