"""Several ranges of positions, one behind the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def joined_ranges(start: Tensor, count: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positions of ranges, and which range each is of.

    Args:
        start: First position of each range, int64 [R].
        count: Number of positions of each range, int64 [R].

    Returns:
        The range of each position, int64 [P], and the positions, int64 [P].
    """
    owner = torch.arange(count.numel(), device=count.device).repeat_interleave(count)
    shift = start - (count.cumsum(0) - count)
    return owner, shift[owner] + torch.arange(owner.numel(), device=owner.device)
