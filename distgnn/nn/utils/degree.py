"""Number of edges per node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.nn.utils.scatter import count_groups

if TYPE_CHECKING:
    from torch import Tensor


def degree(index: Tensor, num_nodes: int | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """Return how often each node occurs in `index`.

    Args:
        index: One end of each edge, int64 [E].
        num_nodes: Number of nodes N; None: one more than the largest index.
        dtype: Type of the result; None: torch's default float.

    Returns:
        [N].
    """
    size = count_groups(index, num_nodes)
    out = torch.zeros(size, dtype=dtype or torch.get_default_dtype(), device=index.device)
    return out.index_add_(0, index, torch.ones_like(index, dtype=out.dtype))
