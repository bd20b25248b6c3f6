"""Softmax over the entries of each group."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.scatter import count_groups, group_maximum

if TYPE_CHECKING:
    from torch import Tensor


def softmax(
    src: Tensor,
    index: Tensor | None = None,
    ptr: Tensor | None = None,
    num_nodes: int | None = None,
    dim: int = 0,
) -> Tensor:
    r"""Softmax within groups: :math:`e^{x_k - m} / (\sum_{l \in g(k)} e^{x_l - m} + 10^{-16})`.

    m is the (detached) maximum of the group. Groups are named by `index` or, when they are
    contiguous, delimited by `ptr`; with both, `ptr` is used.

    Args:
        src: Scores, float [..., n, ...] with n entries along `dim`.
        index: Group of each entry, int64 [n].
        ptr: Limits of the groups, int64 [G + 1].
        num_nodes: Number of groups; None: one more than the largest index.
        dim: Dimension along which groups lie.

    Returns:
        The shape of `src`; each group sums to 1.

    Raises:
        ArgumentError: Neither `index` nor `ptr` is given.
    """
    if ptr is not None:
        num_nodes = ptr.numel() - 1
        groups = torch.arange(num_nodes, device=ptr.device)
        index = groups.repeat_interleave(ptr.diff(), output_size=src.size(dim))
    if index is None:
        msg = "softmax needs the groups: give index (one group an entry) or ptr (their limits)"
        raise ArgumentError(msg)
    size = count_groups(index, num_nodes)
    values = src.movedim(dim, 0)
    maximum = group_maximum(values, index, size)
    exponential = (values - maximum.index_select(0, index)).exp()
    total = exponential.new_zeros([size, *values.shape[1:]]).index_add(0, index, exponential)
    return (exponential / (total + 1e-16).index_select(0, index)).movedim(0, dim)
