"""How many nodes an edge_index speaks of."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def maybe_num_nodes(edge_index: Tensor, num_nodes: int | None = None) -> int:
    """Return `num_nodes`, or one more than the largest node of `edge_index` (0 if it is empty)."""
    if num_nodes is not None:
        return num_nodes
    return int(edge_index.max()) + 1 if edge_index.numel() > 0 else 0
