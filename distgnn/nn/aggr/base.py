"""Base of all aggregations."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.aggr.statistics import GroupStatistics


class Aggregation(nn.Module):
    r"""Base of aggregations: reduce the entries of each group to one.

    Groups lie along one dimension of `x`. They are named by `index` (one group an entry, in any
    order), or delimited by `ptr` when they are contiguous: group g has the entries
    ``ptr[g]:ptr[g + 1]``, as in a CSC adjacency. Given neither, all entries are one group.

    A subclass implements `forward`; an instance checks and completes the arguments before it is
    called, so that `index` and `dim_size` are always there.

    Shapes:
        - **input:** values :math:`(*, n, *)`, index :math:`(n)` or ptr :math:`(G + 1)`
        - **output:** :math:`(*, G, *)`
    """

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,
    ) -> Tensor:
        """Reduce each group of `x` to one entry.

        Args:
            x: Values, float [..., n, ...] with n entries along `dim`.
            index: Group of each entry, int64 [n].
            ptr: Limits of contiguous groups, int64 [G + 1].
            dim_size: Number of groups G; None: from `ptr`, or one more than the largest index.
            dim: Dimension along which groups lie.
            max_num_elements: Largest size of a group, for aggregations that pad groups.

        Returns:
            [..., G, ...]: the shape of `x` with G along `dim`.
        """
        raise NotImplementedError

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""

    def takes_statistics(self) -> bool:
        """Return whether `of` needs counts, sums, means, variances and extrema, but no values.

        Where neighbours' features are aggregated, such statistics need no messages.
        """
        return False

    def of(self, groups: GroupStatistics) -> Tensor:
        """Return the aggregate of each group, if `takes_statistics`."""
        raise NotImplementedError

    def __call__(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        **kwargs: Any,
    ) -> Tensor:
        """Check and complete the arguments of `forward`, and call it.

        Raises:
            ArgumentError: `dim` does not exist, the lengths of `x`, `index`, `ptr` and
                `dim_size` do not fit one another, or an index is not below `dim_size`.
        """
        index, dim_size = complete_groups(x, index, ptr, dim_size, dim)
        try:
            return super().__call__(x, index=index, ptr=ptr, dim_size=dim_size, dim=dim, **kwargs)
        except (IndexError, RuntimeError) as error:
            if not torch.compiler.is_compiling() and index.numel() > 0:
                low, high = int(index.min()), int(index.max())
                if low < 0 or high >= dim_size:
                    msg = (
                        f"index spans {low} to {high}, but there are {dim_size} groups (dim_size): "
                        f"raise dim_size or correct the index"
                    )
                    raise ArgumentError(msg) from error
            raise

    def reduce(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        reduce: str = "sum",
    ) -> Tensor:
        """Return the `reduce` (sum, mean, max or min) of each group, for use in subclasses."""
        index, dim_size = complete_groups(x, index, ptr, dim_size, dim)
        found = GroupStatistics(x, index, ptr, dim_size, dim)
        if reduce == "mean":
            return found.mean()
        if reduce == "max":
            return found.max()
        if reduce == "min":
            return found.min()
        return found.total()

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class StatisticAggregation(Aggregation):
    """Base of aggregations that are a function of `GroupStatistics` and can share them."""

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,  # noqa: ARG002 -- for aggregations that pad
    ) -> Tensor:
        """Reduce each group of `x`: see `Aggregation.forward`."""
        index, dim_size = complete_groups(x, index, ptr, dim_size, dim)
        return self.of(GroupStatistics(x, index, ptr, dim_size, dim))


def complete_groups(
    x: Tensor, index: Tensor | None, ptr: Tensor | None, dim_size: int | None, dim: int
) -> tuple[Tensor, int]:
    """Check the groups' description and return `index` and `dim_size`, derived where missing."""
    if not -x.dim() <= dim < x.dim():
        msg = f"dim={dim} does not exist in x of shape {list(x.shape)}"
        raise ArgumentError(msg)
    num_entries = x.size(dim)
    if ptr is not None:
        num_groups = ptr.numel() - 1
        if dim_size is not None and dim_size != num_groups:
            msg = (
                f"dim_size={dim_size}, but ptr (length {ptr.numel()}) delimits {num_groups} groups"
            )
            raise ArgumentError(msg)
        dim_size = num_groups
        if index is None:
            groups = torch.arange(num_groups, device=ptr.device)
            index = groups.repeat_interleave(ptr.diff(), output_size=num_entries)
    elif index is None:
        index = torch.zeros(num_entries, dtype=torch.int64, device=x.device)
        dim_size = dim_size or 1
    if index.dim() != 1 or index.numel() != num_entries:
        msg = (
            f"index has shape {list(index.shape)}, but x of shape {list(x.shape)} has "
            f"{num_entries} entries along dim={dim}: give one group an entry"
        )
        raise ArgumentError(msg)
    if dim_size is None:
        dim_size = int(index.max()) + 1 if index.numel() > 0 else 0
    return index, dim_size
