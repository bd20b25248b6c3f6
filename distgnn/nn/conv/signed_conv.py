"""The convolution of signed graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.nn.conv.features import num_targets, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.sparse import gather

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class SignedConv(MessagePassing):
    r"""Signed graph convolution: one half of the output for friends, one for foes.

    From `"Signed Graph Convolutional Network" <https://arxiv.org/abs/1808.06354>`_. The first layer
    (`first_aggr`) computes

    .. math::
        \mathbf{x}^{+}_i &= \mathbf{\Theta}^{+} [\mathrm{mean}_{\mathcal{N}^{+}(i)} \mathbf{x}_j,
        \mathbf{x}_i]

        \mathbf{x}^{-}_i &= \mathbf{\Theta}^{-} [\mathrm{mean}_{\mathcal{N}^{-}(i)} \mathbf{x}_j,
        \mathbf{x}_i]

    and the others, on both halves,

    .. math::
        \mathbf{x}^{+}_i &= \mathbf{\Theta}^{+} [\mathrm{mean}_{\mathcal{N}^{+}(i)}
        \mathbf{x}^{+}_j, \mathrm{mean}_{\mathcal{N}^{-}(i)} \mathbf{x}^{-}_j, \mathbf{x}^{+}_i]

        \mathbf{x}^{-}_i &= \mathbf{\Theta}^{-} [\mathrm{mean}_{\mathcal{N}^{+}(i)}
        \mathbf{x}^{-}_j, \mathrm{mean}_{\mathcal{N}^{-}(i)} \mathbf{x}^{+}_j, \mathbf{x}^{-}_i]

    Args:
        in_channels: Size of each input sample (of one half, in all layers but the first).
        out_channels: Size of one half of the output.
        first_aggr: Whether this is the first layer.
        bias: If False, no bias is learned. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` (in all layers but the first
          :math:`2 F_{in}`) or :math:`((|\mathcal{V_s}|, F_{in}), (|\mathcal{V_t}|, F_{in}))`;
          positive and negative edges :math:`(2, |\mathcal{E}^{\pm}|)`, `SparseTensor` or `CSC`
        - **output:** :math:`(|\mathcal{V_t}|, 2 F_{out})`
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        first_aggr: bool,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("aggr", "mean")
        super().__init__(**kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.first_aggr = first_aggr
        aggregated = in_channels if first_aggr else 2 * in_channels
        self.lin_pos_l = Linear(aggregated, out_channels, bias=False)
        self.lin_pos_r = Linear(in_channels, out_channels, bias=bias)
        self.lin_neg_l = Linear(aggregated, out_channels, bias=False)
        self.lin_neg_r = Linear(in_channels, out_channels, bias=bias)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        for linear in (self.lin_pos_l, self.lin_pos_r, self.lin_neg_l, self.lin_neg_r):
            linear.reset_parameters()

    def forward(self, x: Features, pos_edge_index: Adjacency, neg_edge_index: Adjacency) -> Tensor:
        """Convolve.

        Args:
            x: Node features (see the class), or those of sources and targets.
            pos_edge_index: Positive edges: int64 [2, E], `SparseTensor` (its values are ignored)
                or `CSC`.
            neg_edge_index: Negative edges, likewise.

        Returns:
            Float [number of targets, 2 * out_channels].
        """
        x_src, x_dst = split(x, pos_edge_index)
        root = x_src if x_dst is None else x_dst
        if self.first_aggr:
            positive = self.lin_pos_l(self._mean(pos_edge_index, x_src, x_dst))
            negative = self.lin_neg_l(self._mean(neg_edge_index, x_src, x_dst))
            return torch.cat(
                [positive + self.lin_pos_r(root), negative + self.lin_neg_r(root)], dim=-1
            )
        size = self.in_channels
        of_friends = self._mean(pos_edge_index, x_src, x_dst)
        of_foes = self._mean(neg_edge_index, x_src, x_dst)
        positive = torch.cat([of_friends[..., :size], of_foes[..., size:]], dim=-1)
        negative = torch.cat([of_friends[..., size:], of_foes[..., :size]], dim=-1)
        return torch.cat(
            [
                self.lin_pos_l(positive) + self.lin_pos_r(root[..., :size]),
                self.lin_neg_l(negative) + self.lin_neg_r(root[..., size:]),
            ],
            dim=-1,
        )

    def message(self, x_j: Tensor) -> Tensor:
        """Return the source's features."""
        return x_j

    def message_and_aggregate(self, edge_index: CSC, x: Tensor) -> Tensor:
        """Return the aggregate of the sources' features."""
        return gather(edge_index, x, self.aggr)

    def _mean(self, edge_index: Adjacency, x_src: Tensor, x_dst: Tensor | None) -> Tensor:
        if not self.can_fuse(x_src):
            return self.propagate(edge_index, x=(x_src, x_dst))
        count = num_targets(x_dst, edge_index, None)
        csc, _ = self.sorted_edges(edge_index, x_src.size(0), count)
        return self.propagate(csc, x=x_src)

    def __repr__(self) -> str:
        name, sizes = type(self).__name__, f"{self.in_channels}, {self.out_channels}"
        return f"{name}({sizes}, first_aggr={self.first_aggr})"
