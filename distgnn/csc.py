"""The adjacency that the loader hands to models: the in-neighbours of each target, as CSC."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(slots=True, eq=False)
class CSC:
    """In-neighbours of `num_dst` targets among `num_src` sources, sorted by target.

    Targets are the first `num_dst` of the sources: local node i is target row i. The edges of
    target i are positions ``indptr[i]:indptr[i + 1]`` of `indices`, so an edge attribute in edge
    order lines up with `indices`.

    The reverse order that a backward pass needs is computed at most once, on first use
    (`transpose_cache`).
    """

    indptr: Tensor
    """int64 [num_dst + 1], from 0 to the number of edges, not decreasing."""
    indices: Tensor
    """int64 [E], the source of each edge."""
    num_src: int
    weight: Tensor | None = None
    """Float [E] edge weights, or None: every edge weighs 1."""
    transpose_cache: tuple[Tensor, Tensor, Tensor] | None = None
    """Sorted by source: indptr int64 [num_src + 1], targets int64 [E], edge positions int64 [E]."""
    cut_cache: CSC | None = None
    """`without_empty_tail`, if there is a tail."""
    src_scale: Tensor | None = None
    """Float [num_src]: degree^-1/2 of each source in the larger graph that these rows are taken
    from; normalisations then take it instead of counting edges, of which not all are here."""

    @property
    def num_dst(self) -> int:
        """Number of targets (rows)."""
        return self.indptr.numel() - 1

    @property
    def num_edges(self) -> int:
        """Number of edges."""
        return self.indices.numel()

    def targets(self) -> Tensor:
        """Return the target of each edge, int64 [E]."""
        rows = torch.arange(self.num_dst, device=self.indptr.device)
        return rows.repeat_interleave(self.indptr.diff(), output_size=self.num_edges)

    def edge_index(self) -> Tensor:
        """Return the edges as int64 [2, E]: sources, then targets."""
        return torch.stack([self.indices, self.targets()])

    def transpose(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return (and remember) the edges sorted by source: the parts of `transpose_cache`."""
        if self.transpose_cache is None:
            indptr, position = group_by(self.indices, self.num_src)
            self.transpose_cache = (indptr, self.targets()[position], position)
        return self.transpose_cache

    def trim(self, num_dst: int, num_src: int, num_edges: int | None = None) -> CSC:
        """Return the first `num_dst` rows, their sources all below `num_src`; shares storage.

        `num_edges`, where it is known, saves reading it from `indptr`.
        """
        if num_edges is None:
            num_edges = int(self.indptr[num_dst])
        weight = None if self.weight is None else self.weight[:num_edges]
        return CSC(self.indptr[: num_dst + 1], self.indices[:num_edges], num_src, weight)

    def without_empty_tail(self) -> CSC:
        """Return the rows up to the last one with edges; all of them while a graph is traced.

        What it remembers is kept with this adjacency.
        """
        if torch.compiler.is_compiling() or self.indptr.device.type != "cpu":
            return self
        if self.cut_cache is None:
            num_dst = int(torch.searchsorted(self.indptr, self.num_edges))
            if num_dst == self.num_dst:
                return self
            self.cut_cache = self.trim(num_dst, self.num_src, self.num_edges)
        return self.cut_cache

    def square(self) -> CSC:
        """Return this adjacency with every source a target: rows without edges are added."""
        missing = self.num_src - self.num_dst
        if missing == 0:
            return self
        indptr = torch.cat([self.indptr, self.indptr[-1:].expand(missing)])
        return CSC(indptr, self.indices, self.num_src, self.weight)

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """Return this adjacency on `device`, without the remembered transpose."""
        weight = None if self.weight is None else self.weight.to(device, non_blocking=non_blocking)
        return type(self)(
            self.indptr.to(device, non_blocking=non_blocking),
            self.indices.to(device, non_blocking=non_blocking),
            self.num_src,
            weight,
        )


def group_by(keys: Tensor, num_groups: int) -> tuple[Tensor, Tensor]:
    """Sort edges by a key, in linear time and keeping the order of equal keys.

    Args:
        keys: int64 [E], each at least 0 and below `num_groups`.
        num_groups: Number of different keys.

    Returns:
        indptr, int64 [num_groups + 1], and the position of each sorted edge in `keys`, int64 [E].
    """
    narrow = keys.int() if num_groups < 2**31 else keys  # half the passes of the radix sort
    found, position = torch.sort(narrow, stable=True)
    limits = torch.arange(num_groups + 1, dtype=found.dtype, device=keys.device)
    return torch.searchsorted(found, limits), position
