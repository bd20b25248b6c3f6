"""Statistics of groups of rows, each computed at most once and shared by the aggregations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from torch import Tensor


class GroupStatistics:
    """Counts, sums, means and extrema of the groups of `x`, computed on first use.

    Several aggregations of the same values (`MultiAggregation`, PNA) then pay for each sum once. A
    group without values has 0 for every statistic.
    """

    def __init__(
        self, x: Tensor, index: Tensor, ptr: Tensor | None, dim_size: int, dim: int
    ) -> None:
        """Take the values and their groups.

        Args:
            x: Values, float [..., n, ...] with n entries along `dim`.
            index: Group of each entry along `dim`, int64 [n].
            ptr: Limits of contiguous groups, int64 [dim_size + 1], if they are known; the counts
                then cost nothing.
            dim_size: Number of groups.
            dim: Dimension along which groups lie.
        """
        self.x = x
        self.index = index
        self.ptr = ptr
        self.dim_size = dim_size
        self.dim = dim % x.dim()
        self._total: Tensor | None = None
        self._counts: Tensor | None = None
        self._mean: Tensor | None = None
        self._mean_square: Tensor | None = None
        self._max: Tensor | None = None
        self._min: Tensor | None = None

    def counts(self) -> Tensor:
        """Return the number of entries of each group in the dtype of x, [dim_size] and ones."""
        if self._counts is None:
            if self.ptr is not None:
                counts = self.ptr.diff()
            else:
                counts = torch.zeros(self.dim_size, dtype=torch.int64, device=self.index.device)
                counts.index_add_(0, self.index, torch.ones_like(self.index))
            shape = [1] * self.x.dim()
            shape[self.dim] = -1
            self._counts = counts.to(self.x.dtype).view(shape)
        return self._counts

    def total(self) -> Tensor:
        """Return the sum of each group."""
        if self._total is None:
            self._total = self.sum_of(self.x)
        return self._total

    def mean(self) -> Tensor:
        """Return the mean of each group."""
        if self._mean is None:
            self._mean = self.total() / self.counts().clamp(min=1)
        return self._mean

    def mean_square(self) -> Tensor:
        """Return the mean of the squares of each group."""
        if self._mean_square is None:
            self._mean_square = self.mean_of(self.x * self.x)
        return self._mean_square

    def variance(self, *, semi_grad: bool = False) -> Tensor:
        """Return mean(x^2) - mean(x)^2 of each group; `semi_grad`: no gradient by the squares."""
        mean = self.mean()
        mean_square = self.mean_square()
        return (mean_square.detach() if semi_grad else mean_square) - mean * mean

    def max(self) -> Tensor:
        """Return the maximum of each group; values that tie for it share its gradient."""
        if self._max is None:
            self._max = self._extremum("amax")
        return self._max

    def min(self) -> Tensor:
        """Return the minimum of each group; values that tie for it share its gradient."""
        if self._min is None:
            self._min = self._extremum("amin")
        return self._min

    def sum_of(self, values: Tensor) -> Tensor:
        """Return the sum per group of other `values` of the same shape as x."""
        return scatter(values, self.index, self.dim, self.dim_size, "sum")

    def mean_of(self, values: Tensor) -> Tensor:
        """Return the mean per group of other `values` of the same shape as x."""
        return self.sum_of(values) / self.counts().clamp(min=1)

    def _extremum(self, reduce: str) -> Tensor:
        if torch.compiler.is_compiling():  # torch's own operator is one that a compiler can fuse
            return scatter(self.x, self.index, self.dim, self.dim_size, reduce[1:])
        values = self.x.movedim(self.dim, 0)
        out: Tensor = _Extremum.apply(  # type: ignore[no-untyped-call]
            values, self.index, self.dim_size, reduce
        )
        return out.movedim(0, self.dim)


class _Extremum(torch.autograd.Function):
    """Maximum or minimum per group along the first dimension, 0 for an empty group.

    The backward pass compares and gathers, four to six times faster on a CPU than that of
    `torch.Tensor.scatter_reduce`; it is differentiable itself.
    """

    @staticmethod
    def forward(ctx: Any, values: Tensor, index: Tensor, size: int, reduce: str) -> Tensor:
        where = index.view(-1, *[1] * (values.dim() - 1)).expand_as(values)
        out = values.new_zeros([size, *values.shape[1:]])
        out.scatter_reduce_(0, where, values, reduce, include_self=False)
        ctx.save_for_backward(values, index, out)
        return out

    @staticmethod
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor, None, None, None]:
        values, index, out = ctx.saved_tensors
        attains = (values == out.index_select(0, index)).to(grad_out.dtype)
        # An extremum of exactly 0 counts once more, as in scatter_reduce.
        ties = (out == 0).to(grad_out.dtype).index_add_(0, index, attains).clamp_(min=1)
        return (grad_out / ties).index_select(0, index) * attains, None, None, None
