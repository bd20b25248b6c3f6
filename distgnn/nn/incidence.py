"""Edges between two sets of nodes, sorted by either end when that is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from distgnn.csc import group_by
from distgnn.exceptions import ArgumentError

Array = npt.NDArray[np.generic]


@dataclass(frozen=True)
class Incidence:
    """Edges j -> i, sorted by either end when it is first needed.

    Raises:
        ArgumentError: An edge names a node that does not exist.
    """

    i: Tensor
    """Where sums go, int64 [E]."""
    j: Tensor
    """int64 [E]."""
    num_i: int
    num_j: int
    reverse: Incidence | None = None
    """The same edges seen from the other end, if that exists already."""

    def __post_init__(self) -> None:
        if self.reverse is not None:
            return
        for name, nodes, size in (("target", self.i, self.num_i), ("source", self.j, self.num_j)):
            if nodes.numel() > 0 and not 0 <= int(nodes.min()) <= int(nodes.max()) < size:
                found = f"{int(nodes.min())} to {int(nodes.max())}"
                msg = f"edges have {name}s from {found}, expected 0 to {size - 1}"
                raise ArgumentError(msg)

    @classmethod
    def at(cls, i: Tensor, num_i: int) -> Incidence:
        """Return edges to `i` whose other end is the edge itself."""
        return cls(i, torch.arange(i.numel(), device=i.device), num_i, i.numel())

    @cached_property
    def flipped(self) -> Incidence:
        """The same edges with their ends exchanged."""
        return self.reverse or Incidence(self.j, self.i, self.num_j, self.num_i, self)

    @cached_property
    def by_i(self) -> tuple[Array, Array | None]:
        """Limits of each node's edges, [n_i + 1], and the edges sorted by i; None: they are."""
        if bool((self.i.diff() >= 0).all()):
            nodes = torch.arange(self.num_i + 1)
            return torch.searchsorted(self.i, nodes).numpy(), None
        indptr, order = group_by(self.i, self.num_i)
        return indptr.numpy(), order.numpy()

    @cached_property
    def at_i(self) -> tuple[Array, Array | None, Array]:
        """What kernels that sum at i take."""
        return (*self.by_i, self.j.contiguous().numpy())

    @cached_property
    def ends(self) -> tuple[Array, Array]:
        """What kernels that go edge by edge take."""
        return self.i.contiguous().numpy(), self.j.contiguous().numpy()
