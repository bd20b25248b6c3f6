"""What repeating a forward pass in the backward pass needs: the same draws, casts and buffers."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor, nn


@contextmanager
def scratch_buffers(module: nn.Module) -> Iterator[None]:
    """Let `module` write into copies of its buffers, which are thrown away.

    A repeated forward pass would otherwise update running statistics twice. The buffers themselves
    are put back, not overwritten: autograd may have saved them.
    """
    kept = [
        (owner, name, buffer)
        for owner in module.modules()
        for name, buffer in owner.named_buffers(recurse=False)
    ]
    for owner, name, buffer in kept:
        setattr(owner, name, buffer.clone())
    try:
        yield
    finally:
        for owner, name, buffer in kept:
            setattr(owner, name, buffer)


@dataclass(slots=True, frozen=True)
class RandomState:
    """State of the CPU's generator and of that of the device which computes."""

    cpu: Tensor
    cuda: Tensor | None

    @classmethod
    def current(cls, device: torch.device) -> RandomState:
        """Return the present state."""
        cuda = torch.cuda.get_rng_state(device) if device.type == "cuda" else None
        return cls(torch.get_rng_state(), cuda)

    def equals(self, other: RandomState) -> bool:
        """Return whether no number was drawn between the two."""
        if not torch.equal(self.cpu, other.cpu):
            return False
        return self.cuda is None or other.cuda is None or torch.equal(self.cuda, other.cuda)

    def restore(self, device: torch.device) -> None:
        """Make this the present state."""
        torch.set_rng_state(self.cpu)
        if self.cuda is not None:
            torch.cuda.set_rng_state(self.cuda, device)


@contextmanager
def replayed(state: RandomState | None, device: torch.device) -> Iterator[None]:
    """Draw from `state` on, and go on afterwards where the generators were. None: draw as usual."""
    if state is None:
        yield
        return
    present = RandomState.current(device)
    state.restore(device)
    try:
        yield
    finally:
        present.restore(device)


@dataclass(slots=True, frozen=True)
class AutocastState:
    """Whether and to what operations are cast, on the CPU and on the device which computes."""

    settings: tuple[tuple[str, bool, torch.dtype], ...]

    @classmethod
    def current(cls, device: torch.device) -> AutocastState:
        """Return the present state."""
        kinds = ["cpu"] if device.type == "cpu" else ["cpu", device.type]
        return cls(
            tuple((k, torch.is_autocast_enabled(k), torch.get_autocast_dtype(k)) for k in kinds)
        )

    @contextmanager
    def active(self) -> Iterator[None]:
        """Cast as in this state, without the cache of cast weights.

        A cast that is made and cached without gradient would be used with gradient later on, and
        cut the weight off.
        """
        with ExitStack() as stack:
            for kind, enabled, dtype in self.settings:
                stack.enter_context(
                    torch.autocast(kind, dtype=dtype, enabled=enabled, cache_enabled=False)
                )
            yield
