"""Number the pairs of nodes that could be edges, and draw some of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.edges import MAX_KEY

if TYPE_CHECKING:
    from torch import Tensor

Kind = Literal["all", "no_loops", "undirected"]


@dataclass(frozen=True, slots=True)
class Pairs:
    """The candidate pairs (source, target) of each of G graphs, numbered from 0 in each graph.

    Kind ``"all"`` is every pair; ``"no_loops"`` leaves out pairs of a node with itself;
    ``"undirected"`` counts (i, j) and (j, i) as one pair, and no loops either.
    """

    num_src: Tensor
    """Number of sources per graph, int64 [G]."""
    num_dst: Tensor
    """Number of targets per graph, int64 [G]; the same nodes unless the kind is ``"all"``."""
    kind: Kind

    def counts(self) -> Tensor:
        """Return the number of pairs per graph, int64 [G].

        Raises:
            ArgumentError: They are too many to be numbered.
        """
        num_pairs = float((self.num_src.double() * self.num_dst.double()).sum())
        if num_pairs > MAX_KEY:
            msg = f"{num_pairs:.3g} pairs of nodes cannot be numbered by int64: sample per part"
            raise ArgumentError(msg)
        if self.kind == "all":
            return self.num_src * self.num_dst
        ordered = self.num_src * (self.num_src - 1)
        return ordered if self.kind == "no_loops" else ordered // 2

    def number(self, graph: Tensor, src: Tensor, dst: Tensor) -> Tensor:
        """Return the number of each pair in its graph, int64 [n]; no pair may be left out."""
        if self.kind == "all":
            return src * self.num_dst[graph] + dst
        size = self.num_src[graph]
        if self.kind == "no_loops":
            return src * (size - 1) + dst - (dst > src).long()
        # Each unordered pair is (i, i + step mod n) for one step <= n / 2; for the step n / 2
        # itself, i < n / 2.
        low, high = torch.minimum(src, dst), torch.maximum(src, dst)
        step = high - low
        around = 2 * step > size
        return torch.where(around, (size - step - 1) * size + high, (step - 1) * size + low)

    def pair(self, graph: Tensor, number: Tensor) -> tuple[Tensor, Tensor]:
        """Return source and target of numbered pairs, int64 [n] each: the inverse of `number`."""
        if self.kind == "all":
            width = self.num_dst[graph]
            return number // width, number % width
        size = self.num_src[graph]
        if self.kind == "no_loops":
            src, dst = number // (size - 1), number % (size - 1)
            return src, dst + (dst >= src).long()
        first = number % size
        second = (first + number // size + 1) % size
        return torch.minimum(first, second), torch.maximum(first, second)


def draw_distinct(sizes: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Draw `counts[g]` different numbers below `sizes[g]` for every g, all subsets equally likely.

    Args:
        sizes: int64 [G].
        counts: int64 [G], at most `sizes`.

    Returns:
        The group of each draw, not decreasing, and the draws in random order, int64 [n] each.
    """
    many = 2 * counts > sizes
    few = _draw_few(sizes, counts.masked_fill(many, 0))
    if not bool(many.any()):
        return few
    groups, numbers = _permute(sizes.masked_fill(~many, 0), counts)
    groups, numbers = torch.cat([few[0], groups]), torch.cat([few[1], numbers])
    order = torch.sort(groups, stable=True).indices
    return groups[order], numbers[order]


def _draw_few(sizes: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Draw with repetition a few more than needed, and keep the first different ones."""
    share = counts.double() / sizes.clamp(min=1)
    expected = -sizes * torch.log1p(-share)  # until that many different ones were met
    margin = torch.where(counts > 0, 4 * counts.double().sqrt() + 8, 0)
    while True:
        trials = (expected + margin).ceil().long()
        groups = group_of_each(trials)
        below = sizes[groups]
        numbers = torch.randint(MAX_KEY, below.shape, device=below.device) % below
        fresh = _first_occurrences(groups, numbers, sizes)
        found = fresh.cumsum(0)
        before = torch.cat([found.new_zeros(1), found])[trials.cumsum(0) - trials]
        kept = fresh & (found - before[groups] <= counts[groups])
        if int(kept.sum()) == int(counts.sum()):
            return groups[kept], numbers[kept]
        margin = 2 * margin


def _permute(sizes: Tensor, counts: Tensor) -> tuple[Tensor, Tensor]:
    """Shuffle all numbers below each size, and keep the first `counts` of them."""
    groups = group_of_each(sizes)
    first = sizes.cumsum(0) - sizes
    shuffled = torch.randperm(groups.numel(), device=sizes.device)
    shuffled = shuffled[torch.sort(groups[shuffled], stable=True).indices]
    place = torch.arange(groups.numel(), device=sizes.device) - first[groups]
    kept = place < counts[groups]
    return groups[kept], (shuffled - first[groups])[kept]


def _first_occurrences(groups: Tensor, numbers: Tensor, sizes: Tensor) -> Tensor:
    keys, order = torch.sort((sizes.cumsum(0) - sizes)[groups] + numbers, stable=True)
    fresh = torch.ones_like(keys, dtype=torch.bool)
    fresh[1:] = keys[1:] != keys[:-1]
    return torch.empty_like(fresh).index_copy_(0, order, fresh)


def group_of_each(counts: Tensor) -> Tensor:
    """Return ``[0] * counts[0] + [1] * counts[1] + ...``."""
    return torch.arange(counts.numel(), device=counts.device).repeat_interleave(counts)


def num_samples_of(asked: float | None, num_edges: Tensor) -> Tensor:
    """Return how many negatives each graph wants: `asked`, or a share of its edges, int64 [G].

    Raises:
        ArgumentError: `asked` is negative.
    """
    if asked is None:
        return num_edges
    if asked < 0 or not math.isfinite(asked):
        msg = (
            f"num_neg_samples={asked} must be a number of samples (int), a multiple of the number "
            f"of edges (float), or None: as many as there are edges"
        )
        raise ArgumentError(msg)
    if isinstance(asked, int):
        return torch.full_like(num_edges, asked)
    return (asked * num_edges.double()).long()
