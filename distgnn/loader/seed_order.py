"""The order in which an epoch visits its seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from distgnn.samplers.randomness import epoch_words, shuffled

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = ["shuffled", "shuffled_in_groups"]


def shuffled_in_groups(
    num_seeds: int, num_groups: int, per_step: int, *, seed: int, epoch: int
) -> npt.NDArray[np.int64]:
    """Return a permutation that draws on groups of neighbouring places evenly, int64 [num_seeds].

    The places are cut into `num_groups` contiguous groups (sizes differ by one at most, the larger
    ones first), each shuffled by itself; a step takes the next `per_step` of every group in turn.
    """
    sizes = _group_sizes(num_seeds, num_groups)
    group = np.repeat(np.arange(num_groups), sizes)
    places = np.lexsort((epoch_words(num_seeds, seed=seed, epoch=epoch), group))
    starts = np.cumsum(sizes) - sizes
    step = (np.arange(num_seeds) - starts[group]) // per_step
    taken = np.lexsort((np.arange(num_seeds), group, step))
    return places[taken].astype(np.int64, copy=False)


def _group_sizes(num_seeds: int, num_groups: int) -> npt.NDArray[np.int64]:
    size, larger = divmod(num_seeds, num_groups)
    return size + (np.arange(num_groups) < larger).astype(np.int64)
