"""Classes as unit rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.scatter import count_groups

if TYPE_CHECKING:
    from torch import Tensor


def one_hot(
    index: Tensor, num_classes: int | None = None, dtype: torch.dtype | None = None
) -> Tensor:
    """Return a row per class index, 1 in its column and 0 elsewhere.

    Args:
        index: Classes, int64 [n].
        num_classes: Number of classes C; None: one more than the largest.
        dtype: Type of the rows; None: torch's default float.

    Returns:
        [n, C].

    Raises:
        ArgumentError: `index` is not one-dimensional, or a class is not below `num_classes`.
    """
    if index.dim() != 1:
        msg = f"index has shape {list(index.shape)}, expected [n]"
        raise ArgumentError(msg)
    size = count_groups(index, num_classes)
    if index.numel() > 0 and not 0 <= int(index.min()) <= int(index.max()) < size:
        msg = f"index goes from {int(index.min())} to {int(index.max())}, expected 0 to {size - 1}"
        raise ArgumentError(msg)
    out = torch.zeros(index.numel(), size, dtype=dtype, device=index.device)
    return out.scatter_(1, index.unsqueeze(1), 1)
