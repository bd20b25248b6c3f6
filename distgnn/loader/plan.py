"""What a rank draws at every step: for seeds that it is given, or from a sampler that chooses them.

Both plans have as many steps on every rank; a rank that has nothing left draws padding, because it
must take part in the collective calls of a step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.loader.share import RankShare, SeedSchedule
    from distgnn.samplers import BatchSampler, SampledSubgraph, Sampler
    from distgnn.schema import NodeType


@dataclass(frozen=True, slots=True)
class SeedPlan:
    """The neighbourhoods of scheduled seeds."""

    sampler: Sampler
    schedule: SeedSchedule
    node_type: NodeType

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return len(self.schedule)

    def epoch(self, epoch: int) -> Callable[[int], tuple[SampledSubgraph, bool]]:
        """Return what draws a step of `epoch`: its subgraph, and whether it is padding."""
        order = self.schedule.order(epoch)

        def draw(step: int) -> tuple[SampledSubgraph, bool]:
            chosen, is_padding = self.schedule.pick(order, step)
            sampled = self.sampler.sample({self.node_type: chosen}, epoch=epoch, batch=step)
            return sampled, is_padding

        return draw


@dataclass(frozen=True, slots=True)
class BatchPlan:
    """The batches of a sampler that chooses its seeds: step s of W ranks has W of them.

    Rank r takes batch s * W + r, so that W ranks learn what one rank learns that accumulates the
    gradients of W batches.
    """

    sampler: BatchSampler
    share: RankShare

    def __len__(self) -> int:
        """Return the number of steps of an epoch."""
        return -(-self.sampler.num_batches // self.share.num_ranks)

    def epoch(self, epoch: int) -> Callable[[int], tuple[SampledSubgraph, bool]]:
        """Return what draws a step of `epoch`: its subgraph, and whether it is padding."""

        def draw(step: int) -> tuple[SampledSubgraph, bool]:
            first = step * self.share.num_ranks
            mine = first + self.share.rank
            is_padding = mine >= self.sampler.num_batches
            batch = first if is_padding else mine
            return self.sampler.sample_batch(epoch=epoch, batch=batch), is_padding

        return draw
