"""Counting what an epoch did: loss, seeds, edges, time, and the time spent waiting for batches."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from torch import Tensor

    from distgnn.loader import MiniBatch
    from distgnn.train.learner import BatchResult


@dataclass(slots=True, kw_only=True)
class Totals:
    """Sums over batches."""

    loss: float = 0.0
    """Loss summed over seeds."""
    seeds: int = 0
    edges: int = 0
    """Sampled edges."""
    seconds: float = 0.0
    wait: float = 0.0
    """Seconds of these in which the loop waited for a batch."""

    def rates(self) -> dict[str, float]:
        """Return the mean loss, throughput, and the share of time spent waiting."""
        seconds = max(self.seconds, 1e-9)
        return {
            "loss": self.loss / max(self.seeds, 1),
            "seeds_per_s": self.seeds / seconds,
            "edges_per_s": self.edges / seconds,
            "loader_wait": self.wait / seconds,
        }

    @classmethod
    def joined(cls, every: Sequence[Totals]) -> Totals:
        """Return the totals of ranks that worked at the same time; waits are those of the worst."""
        return cls(
            loss=sum(mine.loss for mine in every),
            seeds=sum(mine.seeds for mine in every),
            edges=sum(mine.edges for mine in every),
            seconds=max(mine.seconds for mine in every),
            wait=max(mine.wait for mine in every),
        )

    def since(self, earlier: Totals) -> Totals:
        """Return what was added since `earlier`."""
        mine, other = asdict(self), asdict(earlier)
        return Totals(**{name: mine[name] - other[name] for name in mine})


@dataclass(slots=True)
class Meter:
    """Totals of the running epoch; losses stay on the device until `flush`."""

    totals: Totals = field(default_factory=Totals)
    _pending: list[tuple[int, Tensor]] = field(default_factory=list)
    _resumed: float = field(default_factory=time.perf_counter)

    def add(self, index: int, result: BatchResult, num_edges: int) -> None:
        """Count batch number `index` of the epoch."""
        self._pending.append((index, result.loss_sum))
        self.totals.seeds += result.num_seeds
        self.totals.edges += num_edges

    def flush(self) -> int | None:
        """Bring the totals up to date; return the first batch whose loss is not finite, if any."""
        now = time.perf_counter()
        self.totals.seconds += now - self._resumed
        self._resumed = now
        if not self._pending:
            return None
        values = torch.stack([loss for _, loss in self._pending]).tolist()
        batches = [index for index, _ in self._pending]
        self._pending.clear()
        for index, value in zip(batches, values, strict=True):
            if not math.isfinite(value):
                return index
            self.totals.loss += value
        return None

    def timed(self, batches: Iterable[Any]) -> Iterator[Any]:
        """Yield `batches`, counting the time that each took to arrive as waiting."""
        iterator = iter(batches)
        while True:
            started = time.perf_counter()
            try:
                batch = next(iterator)
            except StopIteration:
                return
            self.totals.wait += time.perf_counter() - started
            yield batch


def num_edges(batch: MiniBatch) -> int:
    """Return the number of sampled edges of a batch."""
    return sum(sum(hops) for hops in batch.num_sampled_edges_dict.values())
