"""The order in which an epoch visits its seeds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def shuffled(num_seeds: int, *, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """Return a permutation of 0 ... num_seeds - 1, int64 [num_seeds], for one epoch.

    Places are sorted by words of the Philox generator keyed by (seed, epoch): numpy promises that
    its bit generators give the same words in all versions, which it does not for `permutation`.
    """
    words = np.random.Philox(key=np.array([seed, epoch], np.uint64)).random_raw(num_seeds)
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)
