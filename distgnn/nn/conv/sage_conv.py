"""The GraphSAGE convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor

from distgnn.nn.conv.features import aggregate_first, num_targets, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.row_linear import row_linear, row_linear_sum
from distgnn.nn.sparse import FUSED, NeighbourStatistics, gather

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features
    from distgnn.nn.conv.message_passing import Aggr

LINEAR = ("sum", "add", "mean")


class SAGEConv(MessagePassing):
    r"""GraphSAGE: linear maps of a node's features and of the aggregate of its neighbours'.

    From `"Inductive Representation Learning on Large Graphs" <https://arxiv.org/abs/1706.02216>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \mathbf{W}_1 \mathbf{x}_i + \mathbf{W}_2 \cdot
        \mathrm{mean}_{j \in \mathcal{N}(i)} \mathbf{x}_j

    With `project`, neighbours are :math:`\sigma(\mathbf{W}_3 \mathbf{x}_j + \mathbf{b})`.

    Args:
        in_channels: Size of each input sample, -1 (taken from the first input), or sizes of
            sources and targets.
        out_channels: Size of each output sample.
        aggr: Aggregation by name, module, or a list of them (concatenated). Default ``"mean"``.
        normalize: Scale each output row to length 1. Default False.
        root_weight: If False, the target's own features are not added. Default True.
        project: Whether neighbours pass a linear map and a ReLU first. Default False.
        bias: If False, no bias is learned. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`, the latter possibly None;
          edges :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`
    """

    fuses_csc = True
    fuses_statistics = True

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        aggr: Aggr = "mean",
        normalize: bool = False,
        root_weight: bool = True,
        project: bool = False,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        self.in_channels = in_channels
        self.out_channels = out_channels
        sizes = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        if aggr == "lstm":
            lstm = {"in_channels": sizes[0], "out_channels": sizes[0]}
            kwargs["aggr_kwargs"] = {**lstm, **(kwargs.get("aggr_kwargs") or {})}
        super().__init__(aggr, **kwargs)
        self.normalize = normalize
        self.root_weight = root_weight
        self.project = project
        if project:
            self.lin = Linear(sizes[0], sizes[0], bias=True)
        self.lin_l = Linear(_aggregated_size(aggr, sizes[0]), out_channels, bias=bias)
        if root_weight:
            self.lin_r = Linear(sizes[1], out_channels, bias=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        if self.project:
            self.lin.reset_parameters()
        self.lin_l.reset_parameters()
        if self.root_weight:
            self.lin_r.reset_parameters()

    def forward(
        self, x: Features, edge_index: Adjacency, size: tuple[int, int] | None = None
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` (its values are ignored) or `CSC`.
            size: Numbers of sources and targets, where features of targets are not given.

        Returns:
            Float [number of targets, out_channels].
        """
        x_src, x_dst = split(x, edge_index)
        if self.project:
            x_src = self.lin(x_src).relu()
        if self.can_fuse(x_src):
            num_dst = num_targets(x_dst, edge_index, size)
            csc, _ = self.sorted_edges(edge_index, x_src.size(0), num_dst)
            out = self._fused(x_src, x_dst, csc)
        else:
            out = self.lin_l(self.propagate(edge_index, x=(x_src, x_dst), size=size))
            if self.root_weight and x_dst is not None:
                out = out + self.lin_r(x_dst)
        return F.normalize(out, p=2.0, dim=-1) if self.normalize else out

    def message(self, x_j: Tensor) -> Tensor:
        """Return the source's features."""
        return x_j

    def message_and_aggregate(self, edge_index: CSC, x: Tensor) -> Tensor:
        """Return the aggregate of the sources' features."""
        if isinstance(self.aggr, str) and self.aggr in FUSED:
            return gather(edge_index, x, self.aggr)
        return self.aggr_module.of(NeighbourStatistics(edge_index, x))

    def _fused(self, x_src: Tensor, x_dst: Tensor | None, csc: CSC) -> Tensor:
        root = x_dst if self.root_weight else None
        if root is not None:
            self.lin_r.prepare(root)
        if self._is_linear() and not aggregate_first(csc, x_src.size(1), self.out_channels):
            # Sums and means commute with a linear map: aggregate the smaller features.
            self.lin_l.prepare(x_src)
            out = self.propagate(csc, x=row_linear(x_src, self.lin_l.weight))
            if root is not None:
                return out + row_linear(root, self.lin_r.weight, self.lin_l.bias)
            return out if self.lin_l.bias is None else out + self.lin_l.bias
        if root is None:
            return self.lin_l(self.propagate(csc, x=x_src))
        # Targets without in-edges have an aggregate of 0: those at the end are left out.
        found = self.propagate(csc.without_empty_tail(), x=x_src)
        self.lin_l.prepare(found)
        weight, bias = self.lin_l.weight, self.lin_l.bias
        return row_linear_sum(root, self.lin_r.weight, bias, found, weight)

    def _is_linear(self) -> bool:
        return isinstance(self.aggr, str) and self.aggr in LINEAR

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.in_channels}, {self.out_channels}, aggr={self.aggr})"


def _aggregated_size(aggr: Any, in_channels: int) -> int:
    """Return the size of aggregated features: a list of aggregations concatenates."""
    return in_channels * len(aggr) if isinstance(aggr, list | tuple) else in_channels
