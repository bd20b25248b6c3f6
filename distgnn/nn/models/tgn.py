"""Temporal graph networks: a memory per node that a stream of events updates."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.events import check_events, check_nodes
from distgnn.nn.models.last_neighbors import LastNeighborLoader
from distgnn.nn.models.message_store import MessageStore, StoredEvents
from distgnn.nn.reset import reset
from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "IdentityMessage",
    "LastAggregator",
    "LastNeighborLoader",
    "MeanAggregator",
    "TGNMemory",
    "TimeEncoder",
]

FLUSHED_AT_ONCE = 1 << 16
"""Nodes whose memory is computed together when all of them are updated."""


class TGNMemory(nn.Module):
    r"""The memory of a temporal graph network (https://arxiv.org/abs/2006.10637).

    Each event between i and j at time t leaves a message at both ends,

    .. math::
        \mathbf{m}_i = \mathrm{msg}(\mathbf{s}_i, \mathbf{s}_j, \mathbf{e}_{ij},
        \phi(t - t_i^-)), \quad
        \mathbf{s}_i \leftarrow \mathrm{GRU}(\mathrm{agg}(\mathbf{m}_i^{(1)}, \ldots),
        \mathbf{s}_i)

    with :math:`t_i^-` the time of the node's last update. Messages are applied one batch late: in
    training, ``memory(n_id)`` computes what the stored messages make of the memory, so that the
    message function is learned, ``update_state`` writes that for the nodes of a batch and then
    stores the batch's events. In evaluation ``update_state`` stores first and writes at once, and
    ``memory(n_id)`` reads. Only the last batch of events of a node is kept. Leaving training
    (``train(False)``) applies all stored messages to all nodes, without gradient, and clears them.

    Raw messages are stored without their gradient. Stored messages are not in the state_dict.

    Args:
        num_nodes: Number of nodes N.
        raw_msg_dim: Size of an event's own features.
        memory_dim: Size of the memory.
        time_dim: Size of the time encoding.
        message_module: msg: takes (memory of the node, memory of the other end, raw message, time
            encoding), each message by itself, and has `out_channels`. Destinations get a copy of
            their own. With `LastAggregator` only the last message of a node is made.
        aggregator_module: agg: takes (messages [M, F], index [M], t [M], number of nodes n) and
            returns [n, F].

    Shapes:
        - **input:** node ids :math:`(n)`
        - **output:** memory :math:`(n, F_{memory})`, times of the last updates :math:`(n)`

    Raises:
        ArgumentError: Ids are out of range, shapes do not fit, or events are older than those of
            an earlier call of `update_state`.
    """

    memory: Tensor
    last_update: Tensor

    def __init__(
        self,
        num_nodes: int,
        raw_msg_dim: int,
        memory_dim: int,
        time_dim: int,
        message_module: Any,
        aggregator_module: Callable[..., Any],
    ) -> None:
        super().__init__()
        self.num_nodes = num_nodes
        self.raw_msg_dim = raw_msg_dim
        self.memory_dim = memory_dim
        self.time_dim = time_dim
        self.msg_s_module: Any = message_module
        self.msg_d_module: Any = copy.deepcopy(message_module)
        self.aggr_module: Any = aggregator_module
        self.time_enc = TimeEncoder(time_dim)
        self.gru = nn.GRUCell(self.msg_s_module.out_channels, memory_dim)
        self.register_buffer("memory", torch.zeros(num_nodes, memory_dim))
        self.register_buffer("last_update", torch.zeros(num_nodes, dtype=torch.int64))
        # Scratch space of torch-geometric's class, whose checkpoints hold it.
        self.register_buffer("_assoc", torch.zeros(num_nodes, dtype=torch.int64))
        self._stores = [MessageStore(num_nodes, self.memory, raw_msg_dim) for _ in range(2)]
        self._latest: int | None = None
        self.reset_parameters()

    @property
    def device(self) -> torch.device:
        """Where the memory lies."""
        return self.memory.device

    def reset_parameters(self) -> None:
        """Draw all parameters anew and forget all events."""
        for module in (self.msg_s_module, self.msg_d_module, self.aggr_module):
            reset(module)
        self.time_enc.reset_parameters()
        self.gru.reset_parameters()
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all events: memory and times become 0."""
        self.detach()
        self.memory.zero_()
        self.last_update.zero_()
        self._clear_stores()
        self._latest = None

    def detach(self) -> None:
        """Cut the memory off from the gradient of earlier batches."""
        self.memory.detach_()

    def forward(self, n_id: Tensor) -> tuple[Tensor, Tensor]:
        """Return the memory of nodes, and the time when it was last updated.

        Args:
            n_id: Node ids, int64 [n].

        Returns:
            Float [n, memory_dim] and int64 [n].
        """
        check_nodes("n_id", n_id, self.num_nodes)
        if self.training:
            return self._updated(n_id)
        return self.memory[n_id], self.last_update[n_id]

    def update_state(self, src: Tensor, dst: Tensor, t: Tensor, raw_msg: Tensor) -> None:
        """Take in a batch of events, not older than any of the batches before.

        Args:
            src: Sources, int64 [E].
            dst: Destinations, int64 [E].
            t: Times, int64 [E].
            raw_msg: Features, float [E, raw_msg_dim].
        """
        check_events(src, dst, self.num_nodes, t)
        if raw_msg.shape != (src.numel(), self.raw_msg_dim):
            expected = [src.numel(), self.raw_msg_dim]
            msg = f"raw_msg has shape {list(raw_msg.shape)}, expected {expected} (raw_msg_dim)"
            raise ArgumentError(msg)
        if src.numel() == 0:
            return
        self._check_order(t)
        n_id = torch.unique(torch.cat([src, dst]))
        if self.training:
            self._write(n_id, *self._updated(n_id))
        for store, own, other in zip(self._stores, (src, dst), (dst, src), strict=True):
            store.put(own, other, t, raw_msg)
        if not self.training:
            self._write(n_id, *self._updated(n_id))

    def train(self, mode: bool = True) -> Self:
        """Set the mode; leaving training applies all stored messages (see the class)."""
        if self.training and not mode:
            with torch.no_grad():
                nodes = torch.arange(self.num_nodes, device=self.device)
                parts = [self._updated(part) for part in torch.split(nodes, FLUSHED_AT_ONCE)]
                self.detach()
                self._write(nodes, *map(torch.cat, zip(*parts, strict=True)))
            self._clear_stores()
        return super().train(mode)

    def _updated(self, n_id: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the stored messages make of the memory of `n_id`, and their latest times."""
        found = [store.find(n_id) for store in self._stores]
        row, t = _joined(found)
        last_update = scatter(t, row, 0, n_id.numel(), "max")
        if type(self.aggr_module) is LastAggregator:  # no other messages need to be made
            last = last_of_each(row, t, last_update)
            num_as_source = found[0].row.numel()
            as_source = last < num_as_source
            found = [
                found[0].take(last[as_source]),
                found[1].take(last[~as_source] - num_as_source),
            ]
            row, t = _joined(found)
        messages = [
            self._messages(n_id, *parts)
            for parts in zip(
                self._stores, found, (self.msg_s_module, self.msg_d_module), strict=True
            )
        ]
        aggregate = self.aggr_module(torch.cat(messages), row, t, n_id.numel())
        return self.gru(aggregate, self.memory[n_id]), last_update

    def _messages(
        self, n_id: Tensor, store: MessageStore, events: StoredEvents, module: Callable[..., Any]
    ) -> Tensor:
        own, other = n_id[events.row], store.other[events.position]
        raw_msg = store.raw_msg[events.position]
        t_enc = self.time_enc((events.t - self.last_update[own]).to(raw_msg.dtype))
        return module(self.memory[own], self.memory[other], raw_msg, t_enc)

    def _write(self, n_id: Tensor, memory: Tensor, last_update: Tensor) -> None:
        self.memory[n_id] = memory.to(self.memory.dtype)
        self.last_update[n_id] = last_update

    def _check_order(self, t: Tensor) -> None:
        if t.device.type != "cpu":
            return
        first, last = (int(value) for value in t.aminmax())
        if self._latest is not None and first < self._latest:
            msg = (
                f"an event at t={first} comes after one at t={self._latest}: sort events by time, "
                f"and call reset_state() before starting over"
            )
            raise ArgumentError(msg)
        self._latest = last

    def _clear_stores(self) -> None:
        for store in self._stores:
            store.clear()

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for store in self._stores:
            store.apply(fn)
        return self

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        self._latest = None  # what is loaded may be of an earlier time
        self.detach()
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)


def _joined(found: list[StoredEvents]) -> tuple[Tensor, Tensor]:
    """Return the rows and times of all events."""
    return torch.cat([events.row for events in found]), torch.cat([events.t for events in found])


class IdentityMessage(nn.Module):
    r"""Message function of TGN (https://arxiv.org/abs/2006.10637) that only concatenates.

    .. math::
        \mathbf{m} = \mathbf{s}_{src} \, \Vert \, \mathbf{s}_{dst} \, \Vert \, \mathbf{e} \, \Vert
        \, \phi(\Delta t)

    Args:
        raw_msg_dim: Size of an event's own features.
        memory_dim: Size of the memory.
        time_dim: Size of the time encoding.

    Shapes:
        - **input:** :math:`(M, F_{memory})` twice, :math:`(M, F_{raw})`, :math:`(M, F_{time})`
        - **output:** :math:`(M, 2 F_{memory} + F_{raw} + F_{time})`
    """

    def __init__(self, raw_msg_dim: int, memory_dim: int, time_dim: int) -> None:
        super().__init__()
        self.out_channels = raw_msg_dim + 2 * memory_dim + time_dim

    def forward(self, z_src: Tensor, z_dst: Tensor, raw_msg: Tensor, t_enc: Tensor) -> Tensor:
        """Concatenate the memories of both ends, the raw message and the time encoding."""
        return torch.cat([z_src, z_dst, raw_msg, t_enc], dim=-1)


class LastAggregator(nn.Module):
    """Message aggregator of TGN (https://arxiv.org/abs/2006.10637): the most recent message.

    Shapes:
        - **input:** messages :math:`(M, F)`, index :math:`(M)`, times :math:`(M)`, number of nodes
          :math:`n`
        - **output:** :math:`(n, F)`
    """

    def forward(self, msg: Tensor, index: Tensor, t: Tensor, dim_size: int) -> Tensor:
        """Return the message of greatest time per node (the first of several), 0 without any."""
        last = last_of_each(index, t, scatter(t, index, 0, dim_size, "max"))
        return msg.new_zeros(dim_size, msg.size(-1)).index_copy(0, index[last], msg[last])


def last_of_each(index: Tensor, t: Tensor, latest: Tensor) -> Tensor:
    """Return the position of each node's latest message, the first of several: int64 [at most n].

    Args:
        index: The node of each message, int64 [M].
        t: Its time, int64 [M].
        latest: The latest time of each node, int64 [n].
    """
    candidate = (t == latest[index]).nonzero().view(-1)
    first = torch.full_like(latest, index.numel())
    first = first.scatter_reduce(0, index[candidate], candidate, "amin")
    return first[first < index.numel()]


class MeanAggregator(nn.Module):
    """Message aggregator of TGN (https://arxiv.org/abs/2006.10637): the mean of the messages.

    Shapes:
        - **input:** messages :math:`(M, F)`, index :math:`(M)`, times :math:`(M)`, number of nodes
          :math:`n`
        - **output:** :math:`(n, F)`
    """

    def forward(
        self,
        msg: Tensor,
        index: Tensor,
        t: Tensor,  # noqa: ARG002 -- the interface of aggregators
        dim_size: int,
    ) -> Tensor:
        """Return the mean message per node, 0 without any."""
        return scatter(msg, index, 0, dim_size, "mean")


class TimeEncoder(nn.Module):
    r"""Learned Fourier features of time spans: :math:`\cos(\mathbf{w} t + \mathbf{b})`.

    From `"Inductive Representation Learning on Temporal Graphs"
    <https://arxiv.org/abs/2002.07962>`_.

    Args:
        out_channels: Size of the encoding.

    Shapes:
        - **input:** time spans :math:`(M)`
        - **output:** :math:`(M, F_{out})`
    """

    def __init__(self, out_channels: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.lin = nn.Linear(1, out_channels)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.lin.reset_parameters()

    def forward(self, t: Tensor) -> Tensor:
        """Encode time spans, float [M], as float [M, out_channels]."""
        return self.lin(t.view(-1, 1)).cos()
