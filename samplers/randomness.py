"""Random words that are a function of their key: Philox, a counter-based generator.

Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011. numpy promises that its bit
generators give the same words in all versions, which it does not for its distributions.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.samplers.base import Int64s

NUM_SMALL_BITS = 11
"""A double holds 53 of the 64 bits of a word."""


def random_words(count: int, *, seed: int, epoch: int, batch: int) -> npt.NDArray[np.uint64]:
    """Return `count` words for one batch, uint64 [count], each uniform below 2^64."""
    # A block of four words a count: the low half of the counter is left for counting up.
    counter = np.array([0, 0, batch, epoch], np.uint64)
    return np.random.Philox(key=seed, counter=counter).random_raw(count)


def below(bound: int, words: npt.NDArray[np.uint64]) -> Int64s:
    """Return a whole number in [0, bound) for each word, int64 [k]; bound < 2^32."""
    drawn = ((words >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32)
    return drawn.astype(np.int64)


def uniform(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return a number in [0, 1) for each word, float64 [k]."""
    scale = 2.0 ** -(64 - NUM_SMALL_BITS)
    return (words >> np.uint64(NUM_SMALL_BITS)).astype(np.float64) * scale


def epoch_words(count: int, *, seed: int, epoch: int) -> npt.NDArray[np.uint64]:
    """Return `count` words for one epoch, uint64 [count]."""
    key = np.array([seed, epoch], np.uint64)
    words: npt.NDArray[np.uint64] = np.random.Philox(key=key).random_raw(count)
    return words


def shuffled(count: int, *, seed: int, epoch: int) -> Int64s:
    """Return a permutation of 0 ... count - 1 for one epoch, int64 [count]: its words, sorted."""
    words = epoch_words(count, seed=seed, epoch=epoch)
    return np.argsort(words, kind="stable").astype(np.int64, copy=False)


class EpochOrder:
    """The order of `count` things in each epoch; that of the last epoch asked for is kept."""

    def __init__(self, count: int, *, seed: int) -> None:
        self._count = count
        self._seed = seed
        self._lock = Lock()
        self._known: tuple[int, Int64s] | None = None

    def of(self, epoch: int) -> Int64s:
        """Return a permutation of 0 ... count - 1, int64 [count]."""
        with self._lock:
            if self._known is None or self._known[0] != epoch:
                self._known = epoch, shuffled(self._count, seed=self._seed, epoch=epoch)
            return self._known[1]
