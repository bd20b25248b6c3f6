"""What a recurrent event network knows of an event's past, and batches of events."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

HISTORY = ("h_sub", "h_sub_t", "h_obj", "h_obj_t")


@dataclass(slots=True, eq=False)
class Event:
    """A fact of a temporal knowledge graph: at time `t`, `sub` is in relation `rel` to `obj`."""

    sub: int
    rel: int
    obj: int
    t: int
    h_sub: Tensor | None = None
    """Objects of the subject's past events of that relation, int64 [n]; by `History`."""
    h_sub_t: Tensor | None = None
    """The bucket (0: the oldest) of each of these, int64 [n]."""
    h_obj: Tensor | None = None
    """Subjects of the object's past events of that relation, int64 [m]."""
    h_obj_t: Tensor | None = None
    """The bucket of each of these, int64 [m]."""


class History:
    """Gives each event its history: what happened in the `seq_len` time steps before its own.

    A time step is a time at which something happened. Call it on all events in time order.

    Args:
        seq_len: Number of time steps looked back.
    """

    def __init__(self, seq_len: int) -> None:
        if seq_len < 1:
            msg = f"seq_len={seq_len} must be positive"
            raise ArgumentError(msg)
        self.seq_len = seq_len
        self._t: int | None = None
        self._step = 0
        # Per (node, relation): time step and other node of its events, oldest first.
        self._as_sub: defaultdict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)
        self._as_obj: defaultdict[tuple[int, int], deque[tuple[int, int]]] = defaultdict(deque)

    def __call__(self, data: Any) -> Any:
        """Set `h_sub`, `h_sub_t`, `h_obj` and `h_obj_t` of an event and return it.

        Args:
            data: An `Event`, or anything that has its attributes (numbers or tensors of one entry).

        Raises:
            ArgumentError: The event is older than one that came before.
        """
        sub, rel, obj, t = (int(getattr(data, name)) for name in ("sub", "rel", "obj", "t"))
        self._advance(t)
        data.h_sub, data.h_sub_t = self._past(self._as_sub[sub, rel])
        data.h_obj, data.h_obj_t = self._past(self._as_obj[obj, rel])
        self._as_sub[sub, rel].append((self._step, obj))
        self._as_obj[obj, rel].append((self._step, sub))
        return data

    def _advance(self, t: int) -> None:
        if self._t is not None and t < self._t:
            msg = f"an event at t={t} comes after one at t={self._t}: sort the events by time"
            raise ArgumentError(msg)
        self._step += self._t is not None and t > self._t
        self._t = t

    def _past(self, events: deque[tuple[int, int]]) -> tuple[Tensor, Tensor]:
        first = self._step - self.seq_len
        while events and events[0][0] < first:
            events.popleft()
        past = [(node, step - first) for step, node in events if step < self._step]
        nodes, buckets = torch.tensor(past, dtype=torch.int64).view(-1, 2).t().contiguous()
        return nodes, buckets

    def __repr__(self) -> str:
        return f"PreTransform(seq_len={self.seq_len})"


@dataclass(slots=True, eq=False)
class EventBatch:
    """B events and their histories, one behind the other."""

    sub: Tensor
    """int64 [B], as `rel`, `obj` and `t`."""
    rel: Tensor
    obj: Tensor
    t: Tensor
    h_sub: Tensor
    """Histories of the subjects, int64 [n]; see `Event`."""
    h_sub_t: Tensor
    h_sub_batch: Tensor
    """The event (0 to B - 1) that each entry of `h_sub` belongs to, int64 [n]."""
    h_obj: Tensor
    h_obj_t: Tensor
    h_obj_batch: Tensor

    @classmethod
    def collate(cls, events: Sequence[Any]) -> Self:
        """Make a batch of events that `History` has seen; a `collate_fn` for torch's DataLoader.

        Raises:
            ArgumentError: An event has no history.
        """
        parts = {}
        for name in ("sub", "rel", "obj", "t"):
            parts[name] = torch.tensor(
                [int(getattr(event, name)) for event in events], dtype=torch.int64
            )
        for name in HISTORY:
            found = [getattr(event, name) for event in events]
            if any(part is None for part in found):
                msg = f"an event has no {name}: call RENet.pre_transform(seq_len) on each event"
                raise ArgumentError(msg)
            parts[name] = torch.cat(found) if found else torch.empty(0, dtype=torch.int64)
            if not name.endswith("_t"):
                sizes = torch.tensor([part.numel() for part in found], dtype=torch.int64)
                parts[f"{name}_batch"] = torch.arange(len(events)).repeat_interleave(sizes)
        return cls(**parts)

    def to(self, device: torch.device | str) -> Self:
        """Return the batch on `device`."""
        return type(self)(*(getattr(self, name).to(device) for name in self.__slots__))
