"""The processes that train one model together, as the training loop sees them.

The loop is the same code for one process and for many. Where ranks must agree, it calls a method of
`Ranks`, which every rank reaches the same number of times in the same order.
"""

from __future__ import annotations

import io
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

from distgnn.exceptions import ConfigError
from distgnn.loader.share import RankShare

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from torchmetrics import MetricCollection

Value = TypeVar("Value")


class Ranks(Protocol):
    """The ranks that train together; all methods but `share` and `is_first` are collective."""

    share: RankShare

    @property
    def is_first(self) -> bool:
        """Whether this rank is the one that writes checkpoints and logs."""

    def sum(self, value: float) -> float:
        """Return the sum of the ranks' values."""

    def any(self, flag: bool) -> bool:  # noqa: FBT001
        """Return whether the flag is set on any rank."""

    def gather(self, value: Value) -> list[Value]:
        """Return the picklable values of all ranks, in order."""

    def from_first(self, value: Value) -> Value:
        """Return the first rank's picklable value."""

    def wrap(self, model: nn.Module, *, sync_batch_norm: bool) -> nn.Module:
        """Return `model` such that a backward pass averages gradients over the ranks.

        Raises:
            ConfigError: batch norms cannot be synchronised on this kind of device.
        """

    def equalise(self, model: nn.Module) -> None:
        """Give each rank the first one's buffers (running statistics), which are those saved."""

    def synced(self, metrics: MetricCollection) -> AbstractContextManager[None]:
        """Return the context in which the states of `metrics` are those of all ranks together."""


class OneRank:
    """This process alone."""

    share = RankShare()
    is_first = True

    def sum(self, value: float) -> float:
        """Return `value`."""
        return value

    def any(self, flag: bool) -> bool:  # noqa: FBT001
        """Return `flag`."""
        return flag

    def gather(self, value: Value) -> list[Value]:
        """Return the one value."""
        return [value]

    def from_first(self, value: Value) -> Value:
        """Return `value`."""
        return value

    def wrap(self, model: nn.Module, *, sync_batch_norm: bool) -> nn.Module:
        """Return `model`: one rank's statistics are everybody's."""
        del sync_batch_norm
        return model

    def equalise(self, model: nn.Module) -> None:
        """Do nothing."""

    def synced(self, metrics: MetricCollection) -> AbstractContextManager[None]:
        """Return a context that does nothing."""
        del metrics
        return nullcontext()


class GroupRanks:
    """The default process group of torch.distributed, which can do collectives on the CPU.

    Numbers and flags travel in tensors on the CPU (gloo), so that no step waits for a GPU.
    """

    def __init__(self) -> None:
        self.share = RankShare(rank=distributed.get_rank(), num_ranks=distributed.get_world_size())

    @property
    def is_first(self) -> bool:
        """Whether this is rank 0."""
        return self.share.rank == 0

    def sum(self, value: float) -> float:
        """Return the sum of the ranks' values."""
        total = torch.tensor(value, dtype=torch.float64)
        distributed.all_reduce(total)
        return float(total)

    def any(self, flag: bool) -> bool:  # noqa: FBT001
        """Return whether the flag is set on any rank."""
        return self.sum(float(flag)) > 0

    def gather(self, value: Value) -> list[Value]:
        """Return the values of all ranks, in order."""
        packed: list[Any] = [None] * self.share.num_ranks
        distributed.all_gather_object(packed, _pack(value))
        return [_unpack(data) for data in packed]

    def from_first(self, value: Value) -> Value:
        """Return the first rank's value."""
        packed: list[Any] = [_pack(value) if self.is_first else None]
        distributed.broadcast_object_list(packed, src=0)
        found: Value = _unpack(packed[0])
        return found

    def wrap(self, model: nn.Module, *, sync_batch_norm: bool) -> nn.Module:
        """Return `model` under DDP."""
        device = next(model.parameters()).device
        if sync_batch_norm and device.type != "cuda":
            msg = (
                "cluster.sync_batch_norm = true needs CUDA devices, but the ranks train on "
                f"{device.type!r}: leave it out, or use another norm (model.norm = 'layer_norm')"
            )
            raise ConfigError(msg)
        if sync_batch_norm:
            model = nn.SyncBatchNorm.convert_sync_batchnorm(model)
        # In a heterogeneous graph, or on a rank without seeds, a type may not occur in a batch.
        return DistributedDataParallel(
            model,
            device_ids=[device] if device.type == "cuda" else None,
            find_unused_parameters=True,
        )

    def equalise(self, model: nn.Module) -> None:
        """Give each rank the first one's buffers."""
        for buffer in model.buffers():
            distributed.broadcast(buffer, src=0)

    @contextmanager
    def synced(self, metrics: MetricCollection) -> Iterator[None]:
        """Within the context, the states of `metrics` are those of all ranks together."""
        members = [metric for _, metric in metrics.items(keep_base=True, copy_state=False)]
        for metric in members:
            metric.sync()
        try:
            yield
        finally:
            for metric in members:
                metric.unsync()


def _pack(value: Any) -> bytes:
    """Return `value` as bytes; torch's own collectives of objects fail on tensors of bytes."""
    file = io.BytesIO()
    torch.save(value, file)
    return file.getvalue()


def _unpack(data: bytes) -> Any:
    return torch.load(io.BytesIO(data), weights_only=False)


def is_peer_failure(error: BaseException) -> bool:
    """Return whether `error` says that another rank died or did not answer in time."""
    return isinstance(error, distributed.DistError) or "gloo/" in str(error)
