"""Which seeds of a step a rank takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distgnn.exceptions import ArgumentError
from distgnn.loader.seed_order import shuffled, shuffled_in_groups

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RankShare:
    """The place of a rank among all that train together.

    A step's seeds are cut into `num_ranks` contiguous shares that differ by one seed at most, the
    larger ones first; so every seed is trained on once, and all ranks take as many steps.

    Raises:
        ArgumentError: there is no such rank.
    """

    rank: int = 0
    num_ranks: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.num_ranks:
            msg = f"rank = {self.rank} is not one of num_ranks = {self.num_ranks}"
            raise ArgumentError(msg)

    def of(self, num_seeds: int) -> slice:
        """Return which of the `num_seeds` seeds of a step are this rank's; possibly none."""
        size, larger = divmod(num_seeds, self.num_ranks)
        start = self.rank * size + min(self.rank, larger)
        return slice(start, start + size + (self.rank < larger))


ONLY_RANK = RankShare()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SeedSchedule:
    """The seeds of every step of every epoch, and the share of a rank in them."""

    seeds: Int64s
    """Global ids, int64 [n], in the order that an unshuffled epoch has."""
    batch_size: int
    """Seeds of a step, over all ranks."""
    shuffle: bool = False
    """Whether each epoch has its own random order."""
    seed: int = 0
    """Key of that order."""
    share: RankShare = ONLY_RANK
    """Whose seeds `pick` returns."""
    num_groups: int = 1
    """Groups of seeds, each shuffled by itself, of which each gives an equal share of every step.
    With `seeds` sorted by part, and as many groups as ranks, a rank keeps to its own parts."""

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return -(-len(self.seeds) // self.batch_size)

    def order(self, epoch: int) -> Int64s:
        """Return all seeds in the order of `epoch`, int64 [n]: step s has [s * B, (s + 1) * B)."""
        if not self.shuffle:
            return self.seeds
        key: dict[str, Any] = {"seed": self.seed, "epoch": epoch}
        num_seeds = len(self.seeds)
        if self.num_groups == 1:
            return self.seeds[shuffled(num_seeds, **key)]
        per_group = self.batch_size / self.num_groups
        if per_group != int(per_group):
            msg = (
                f"batch_size = {self.batch_size} is no multiple of num_groups = {self.num_groups}: "
                "every group gives the same number of seeds to a step"
            )
            raise ArgumentError(msg)
        places = shuffled_in_groups(num_seeds, self.num_groups, int(per_group), **key)
        return self.seeds[places]

    def pick(self, order: Int64s, step: int) -> tuple[Int64s, bool]:
        """Return this rank's seeds of a step, and whether they are padding.

        A rank without seeds gets the step's first one, because it must take part in the collective
        calls of a step; it counts for nothing.

        Args:
            order: What `order` returned for the epoch.
            step: Number of the step within it, from 0.
        """
        seeds = order[step * self.batch_size : (step + 1) * self.batch_size]
        mine = seeds[self.share.of(len(seeds))]
        return (mine, False) if len(mine) else (seeds[:1], True)
