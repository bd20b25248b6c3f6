"""The order in which streaming partitioners read the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def stream_order(num_nodes: int, seed: int) -> npt.NDArray[np.int32]:
    """Return a random permutation of the nodes, int32 [N].

    Random rather than raw order: a heterogeneous graph lists one node type after another, and the
    first type would be placed before any of its neighbours.
    """
    return np.random.default_rng(seed).permutation(np.arange(num_nodes, dtype=np.int32))
