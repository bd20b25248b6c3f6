"""Which sampling actor answers for which part of the graph."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distgnn.exceptions import ArgumentError
from distgnn.samplers._kernels import split_by_owner

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from distgnn.samplers import BufferPool

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Share:
    """What one owner is asked for."""

    owner: int
    ids: Int64s
    """int64 [k]."""
    places: Int64s
    """int64 [k]: where each id was in what was split, rising."""


class PartMap:
    """Answers for each part which actor to ask, as seen from one of them.

    A part may lie with several actors: each asks itself if it can, else the first that has it.
    """

    def __init__(self, parts: Sequence[Sequence[int]], num_parts: int, own: int) -> None:
        """Prepare to split.

        Args:
            parts: The parts of each actor.
            num_parts: Parts of the graph.
            own: Number of the actor that asks.

        Raises:
            ArgumentError: a part lies with nobody, or there is no such part.
        """
        self.own = own
        self.num_owners = len(parts)
        owners: dict[int, int] = {}
        for actor in (own, *range(len(parts))):
            for part in parts[actor]:
                owners.setdefault(part, actor)
        missing = sorted(set(range(num_parts)) - set(owners))
        if missing or len(owners) != num_parts:
            unknown = sorted(set(owners) - set(range(num_parts)))
            msg = (
                f"parts {missing or unknown} of the graph's {num_parts} parts are "
                f"{'with no sampling actor' if missing else 'not there'}: every part must lie on "
                "the machine of at least one actor"
            )
            raise ArgumentError(msg)
        self._owner_of_part = [owners[part] for part in range(num_parts)]

    def split(self, pool: BufferPool, offsets: Int64s, ids: Int64s) -> list[Share]:
        """Return what each owner is asked for; owners without any are left out.

        Args:
            pool: Where the result lies.
            offsets: Bounds of the parts' ranges, int64 [num_parts + 1].
            ids: int64 [n], in any order, of those ranges.

        Raises:
            ArgumentError: an id is out of range.
        """
        found, places, counts = split_by_owner(
            pool, offsets, self._owner_of_part, self.num_owners, ids
        )
        shares, begin = [], 0
        for owner, count in enumerate(counts):
            mine = slice(begin, begin + count)
            if count:
                shares.append(Share(owner, found[mine], places[mine]))
            begin += count
        return shares
