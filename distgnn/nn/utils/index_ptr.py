"""Sorted indices and the limits of their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.nn.utils.scatter import count_groups

if TYPE_CHECKING:
    from torch import Tensor


def index2ptr(index: Tensor, size: int | None = None) -> Tensor:
    """Return where each group of a sorted index starts and the last one ends.

    Args:
        index: Group of each entry, int64 [E], not decreasing.
        size: Number of groups G; None: one more than the largest index.

    Returns:
        int64 [G + 1], from 0 to E.
    """
    groups = torch.arange(count_groups(index, size) + 1, dtype=index.dtype, device=index.device)
    return torch.searchsorted(index.contiguous(), groups)


def ptr2index(ptr: Tensor, output_size: int | None = None) -> Tensor:
    """Return the group of each entry: the inverse of `index2ptr`.

    Args:
        ptr: Limits of the groups, int64 [G + 1].
        output_size: Number of entries E; where it is known, a GPU need not be waited for.

    Returns:
        int64 [E].
    """
    groups = torch.arange(ptr.numel() - 1, dtype=ptr.dtype, device=ptr.device)
    return groups.repeat_interleave(ptr.diff(), output_size=output_size)
