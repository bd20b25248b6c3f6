"""The convolution of neural fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from distgnn.nn.adjacency import to_csc
from distgnn.nn.conv.features import num_targets, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.sparse import gather

if TYPE_CHECKING:
    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class MFConv(MessagePassing):
    r"""Molecular fingerprint convolution: linear maps of their own for each in-degree.

    From `"Convolutional Networks on Graphs for Learning Molecular Fingerprints"
    <https://arxiv.org/abs/1509.09292>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \mathbf{W}_1^{(\deg(i))} \mathbf{x}_i + \mathbf{W}_2^{(\deg(i))}
        \sum_{j \in \mathcal{N}(i)} \mathbf{x}_j

    Args:
        in_channels: Size of each input sample, -1 (taken from the first input), or sizes of
            sources and targets.
        out_channels: Size of each output sample.
        max_degree: Nodes of larger in-degree share the maps of this one. Default 10.
        bias: If False, no bias is learned. Default True.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`; edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`
    """

    fuses_csc = True

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        max_degree: int = 10,
        bias: bool = True,
        **kwargs: Any,
    ) -> None:
        kwargs.setdefault("aggr", "add")
        super().__init__(**kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.max_degree = max_degree
        sizes = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        degrees = range(max_degree + 1)
        self.lins_l = nn.ModuleList(Linear(sizes[0], out_channels, bias=bias) for _ in degrees)
        self.lins_r = nn.ModuleList(Linear(sizes[1], out_channels, bias=False) for _ in degrees)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        for linear in (*self.lins_l, *self.lins_r):
            linear.reset_parameters()

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
        count = num_targets(x_dst, edge_index, size)
        if self.can_fuse(x_src):
            csc, _ = self.sorted_edges(edge_index, x_src.size(0), count)
            aggregated = self.propagate(csc, x=x_src)
        else:
            csc, _ = to_csc(edge_index, x_src.size(0), count, self.flow)
            aggregated = self.propagate(edge_index, x=(x_src, x_dst), size=size)
        degree = csc.indptr.diff().clamp(max=self.max_degree)
        out = aggregated.new_zeros([*aggregated.shape[:-1], self.out_channels])
        for value, (linear, root) in enumerate(zip(self.lins_l, self.lins_r, strict=True)):
            rows = (degree == value).nonzero().view(-1)
            mapped = linear(aggregated.index_select(self.node_dim, rows))
            if x_dst is not None:
                mapped = mapped + root(x_dst.index_select(self.node_dim, rows))
            out = out.index_copy(self.node_dim, rows, mapped.to(out.dtype))
        return out

    def message(self, x_j: Tensor) -> Tensor:
        """Return the source's features."""
        return x_j

    def message_and_aggregate(self, edge_index: CSC, x: Tensor) -> Tensor:
        """Return the aggregate of the sources' features."""
        return gather(edge_index, x, self.aggr)
