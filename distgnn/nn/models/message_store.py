"""The events of which a temporal network has not yet told its nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from distgnn.nn.utils.ranges import joined_ranges

if TYPE_CHECKING:
    from collections.abc import Callable

MIN_CAPACITY = 1024
GROWTH = 2


class StoredEvents(NamedTuple):
    """Events found for some nodes, node after node, each node's in the order they were put."""

    row: Tensor
    """Which of the nodes asked for an event belongs to, int64 [M]."""
    t: Tensor
    """Time, int64 [M]."""
    position: Tensor
    """Where the event lies in the arrays of the store, int64 [M]."""

    def take(self, index: Tensor) -> StoredEvents:
        """Return the events at `index`, int64 [m]."""
        return StoredEvents(self.row[index], self.t[index], self.position[index])


class MessageStore:
    """Keeps, for each node, the events of the last batch that touched it.

    Events lie in one array, a batch behind the other; a node knows its first event and their
    number. What newer batches have replaced is squeezed out when the array is full, so that
    memory is bounded by the events still referred to and a batch costs only its own size.

    Args:
        num_nodes: Number of nodes N.
        like: A float tensor whose type and device raw messages take.
        raw_msg_dim: Size of a raw message.
    """

    other: Tensor
    """The node at the other end of each event."""
    raw_msg: Tensor
    """The raw message of each event."""

    def __init__(self, num_nodes: int, like: Tensor, raw_msg_dim: int) -> None:
        self.start = torch.zeros(num_nodes, dtype=torch.int64, device=like.device)
        self.count = torch.zeros_like(self.start)
        self.other = self.start.new_empty(0)
        self.t = self.start.new_empty(0)
        self.raw_msg = like.new_empty(0, raw_msg_dim)
        self.size = 0

    def put(self, nodes: Tensor, other: Tensor, t: Tensor, raw_msg: Tensor) -> None:
        """Replace the events of `nodes` by these.

        Args:
            nodes: The node that each event is kept for, int64 [E].
            other: The node at its other end, int64 [E].
            t: Its time, int64 [E].
            raw_msg: Its raw message, float [E, raw_msg_dim]; kept without its gradient.
        """
        num_events = nodes.numel()
        nodes, order = nodes.sort(stable=True)
        touched, counts = torch.unique_consecutive(nodes, return_counts=True)
        self.count[touched] = 0
        if self.size + num_events > self.t.numel():
            self._make_room(num_events)
        end = self.size + num_events
        self.other[self.size : end] = other[order]
        self.t[self.size : end] = t[order]
        self.raw_msg[self.size : end] = raw_msg.detach()[order]
        self.start[touched] = self.size + counts.cumsum(0) - counts
        self.count[touched] = counts
        self.size = end

    def find(self, n_id: Tensor) -> StoredEvents:
        """Return the events of the nodes `n_id`, int64 [n]."""
        row, position = joined_ranges(self.start[n_id], self.count[n_id])
        return StoredEvents(row, self.t[position], position)

    def clear(self) -> None:
        """Forget all events."""
        self.count.zero_()
        self.size = 0

    def apply(self, function: Callable[[Tensor], Tensor]) -> None:
        """Replace all tensors by what `function`, that of `Module._apply`, makes of them."""
        for name in ("start", "count", "other", "t", "raw_msg"):
            setattr(self, name, function(getattr(self, name)))

    def _make_room(self, num_events: int) -> None:
        """Squeeze out events that nothing refers to and leave room for `num_events` at least."""
        nodes = self.count.nonzero().view(-1)
        counts = self.count[nodes]
        _, position = joined_ranges(self.start[nodes], counts)
        self.start[nodes] = counts.cumsum(0) - counts
        self.size = position.numel()
        capacity = max(GROWTH * (self.size + num_events), MIN_CAPACITY)
        for name in ("other", "t", "raw_msg"):
            old = getattr(self, name)
            new = old.new_empty(capacity, *old.shape[1:])
            new[: self.size] = old[position]
            setattr(self, name, new)
