"""LSTM aggregation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.aggr.base import Aggregation, complete_groups
from distgnn.nn.utils.degree import degree


class LSTMAggregation(Aggregation):
    r"""An LSTM over the entries of each group, in their order.

    From `"Inductive Representation Learning on Large Graphs" <https://arxiv.org/abs/1706.02216>`_.
    It is not permutation invariant. Groups are padded with zeros to the longest, and the output at
    the last padded step is the aggregate, also of shorter groups.

    Args:
        in_channels: Size of each input sample.
        out_channels: Size of each output sample.
        **kwargs: Further arguments of `torch.nn.LSTM`.

    Shapes:
        - **input:** :math:`(n, F_{in})`, groups contiguous and in order
        - **output:** :math:`(G, F_{out})`

    Raises:
        ArgumentError: Entries are not sorted by group, or `x` is not a matrix.
    """

    def __init__(self, in_channels: int, out_channels: int, **kwargs: Any) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.lstm = nn.LSTM(in_channels, out_channels, batch_first=True, **kwargs)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.lstm.reset_parameters()

    def forward(
        self,
        x: Tensor,
        index: Tensor | None = None,
        ptr: Tensor | None = None,
        dim_size: int | None = None,
        dim: int = -2,
        max_num_elements: int | None = None,
    ) -> Tensor:
        """Run the LSTM over each group of `x`, float [n, in_channels]."""
        index, dim_size = complete_groups(x, index, ptr, dim_size, dim)
        if x.dim() != 2 or dim not in (0, -2):
            msg = f"x has shape {list(x.shape)} (dim={dim}), but an LSTM aggregates [n, features]"
            raise ArgumentError(msg)
        if ptr is None and bool((index[1:] < index[:-1]).any()):
            msg = "index is not sorted: an LSTM needs the edges sorted by target (sort_edge_index)"
            raise ArgumentError(msg)
        dense = pad_groups(x, index, dim_size, max_num_elements)
        if dense.size(0) == 0 or dense.size(1) == 0:
            size_out = self.lstm.proj_size or self.out_channels
            return x.new_zeros(dim_size, size_out * (2 if self.lstm.bidirectional else 1))
        return self.lstm(dense)[0][:, -1]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels})"


def pad_groups(x: Tensor, index: Tensor, num_groups: int, max_size: int | None = None) -> Tensor:
    """Return the groups of `x` (sorted by group) as rows of equal length, padded with zeros.

    Args:
        x: float [n, F].
        index: Group of each entry, int64 [n], not decreasing.
        num_groups: Number of groups G.
        max_size: Length of a row; entries beyond are left out. None: the largest group's size.

    Returns:
        float [G, max_size, F].
    """
    counts = degree(index, num_groups, torch.int64)
    if max_size is None:
        max_size = int(counts.max()) if num_groups > 0 else 0
    start = counts.cumsum(0) - counts
    position = torch.arange(index.numel(), device=index.device) - start.index_select(0, index)
    slot = index * max_size + position
    kept = position < max_size
    if not bool(kept.all()):
        x, slot = x[kept], slot[kept]
    dense = x.new_zeros(num_groups * max_size, x.size(-1)).index_copy(0, slot, x)
    return dense.view(num_groups, max_size, x.size(-1))
