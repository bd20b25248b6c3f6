"""The generalised graph convolution of DeeperGCN."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.adjacency import reorder
from distgnn.nn.conv.features import check_edge_attr, count_edges, num_targets, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.norm.message_norm import MessageNorm
from distgnn.nn.ops import is_sparse_tensor
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features
    from distgnn.nn.conv.message_passing import Aggr

NORMS: dict[str, Callable[[int], nn.Module]] = {
    "batch": lambda size: nn.BatchNorm1d(size, affine=True),
    "layer": lambda size: nn.LayerNorm(size, elementwise_affine=True),
    "instance": lambda size: nn.InstanceNorm1d(size, affine=False),
}


class GENConv(MessagePassing):
    r"""Generalised aggregation of positive messages, followed by an MLP.

    From `"DeeperGCN: All You Need to Train Deeper GCNs" <https://arxiv.org/abs/2006.07739>`_.

    .. math::
        \mathbf{x}_i^{\prime} = \mathrm{MLP} \left( \mathbf{x}_i + \mathrm{AGG} \left( \left\{
        \mathrm{ReLU} \left( \mathbf{x}_j + \mathbf{e_{ji}} \right) + \epsilon : j \in
        \mathcal{N}(i) \right\} \right) \right)

    Args:
        in_channels: Size of each input sample, -1 (taken from the first input), or sizes of
            sources and targets.
        out_channels: Size of each output sample.
        aggr: Aggregation: ``"softmax"``, ``"powermean"``, any other name, a module or a list.
            Default ``"softmax"``.
        t: Initial inverse temperature of softmax. Default 1.
        learn_t: Whether it is learned. Default False.
        p: Initial power of powermean. Default 1.
        learn_p: Whether it is learned. Default False.
        msg_norm: Whether aggregates are scaled to their targets' norms. Default False.
        learn_msg_scale: Whether the factor of that is learned. Default False.
        norm: Normalisation in the MLP: ``"batch"``, ``"layer"`` or ``"instance"``. Default
            ``"batch"``.
        num_layers: Number of layers of the MLP. Default 2.
        expansion: Size of the MLP's hidden layers, in units of `out_channels`. Default 2.
        eps: What is added to messages, so that they are positive. Default 1e-7.
        bias: Whether the maps have biases. Default False.
        edge_dim: Size of an edge's features; None: as large as `out_channels`, if there are any.
            Default None.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`, the latter possibly None;
          edges :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge features
          :math:`(|\mathcal{E}|, D)` *(optional)*
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`

    Raises:
        ArgumentError: `norm` is unknown.
    """

    def __init__(
        self,
        in_channels: int | tuple[int, int],
        out_channels: int,
        aggr: Aggr = "softmax",
        t: float = 1.0,
        learn_t: bool = False,
        p: float = 1.0,
        learn_p: bool = False,
        msg_norm: bool = False,
        learn_msg_scale: bool = False,
        norm: str = "batch",
        num_layers: int = 2,
        expansion: int = 2,
        eps: float = 1e-7,
        bias: bool = False,
        edge_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        options, aggr = _aggregation(aggr, t, learn_t, p, learn_p)
        kwargs.setdefault("aggr_kwargs", options)
        super().__init__(aggr=aggr, **kwargs)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.eps = eps
        self.edge_dim = edge_dim
        src, dst = (in_channels, in_channels) if isinstance(in_channels, int) else in_channels
        if src != out_channels:
            self.lin_src = Linear(src, out_channels, bias=bias)
        if edge_dim is not None and edge_dim != out_channels:
            self.lin_edge = Linear(edge_dim, out_channels, bias=bias)
        if isinstance(aggr, list | tuple) and len(aggr) > 1:
            self.lin_aggr_out = Linear(len(aggr) * out_channels, out_channels, bias=bias)
        if dst != out_channels:
            self.lin_dst = Linear(dst, out_channels, bias=bias)
        sizes = [out_channels, *[out_channels * expansion] * (num_layers - 1), out_channels]
        self.mlp = _mlp(sizes, norm, bias=bias)
        if msg_norm:
            self.msg_norm = MessageNorm(learn_msg_scale)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        for module in self.children():
            if module is not self.aggr_module:
                reset(module)

    def forward(
        self,
        x: Features,
        edge_index: Adjacency,
        edge_attr: Tensor | None = None,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` (its values stand in for `edge_attr`) or `CSC`.
            edge_attr: Float [E, edge_dim], or [E, out_channels].
            size: Numbers of sources and targets, where features of targets are not given.

        Returns:
            Float [number of targets, out_channels].

        Raises:
            ArgumentError: Edge features are of another size than messages.
        """
        x_src, x_dst = split(x, edge_index)
        if hasattr(self, "lin_src"):
            x_src = self.lin_src(x_src)
        edges = self._edge_features(edge_index, edge_attr)
        if edges is None and not self.explain:
            # Without edge features a source sends all its targets one message: make it once.
            x_src = x_src.relu() + self.eps
        if not isinstance(edge_index, Tensor) or self.explain:
            csc, order = edge_index, None
        else:
            count = num_targets(x_dst, edge_index, size)
            csc, order = self.sorted_edges(edge_index, x_src.size(0), count)
        positive = edges is None and not self.explain
        out = self.propagate(
            csc, x=(x_src, x_dst), edges=reorder(order, edges), positive=positive, size=size
        )
        if hasattr(self, "lin_aggr_out"):
            out = self.lin_aggr_out(out)
        if hasattr(self, "msg_norm"):
            out = self.msg_norm(x_src if x_dst is None else x_dst, out)
        if x_dst is not None:
            out = out + (self.lin_dst(x_dst) if hasattr(self, "lin_dst") else x_dst)
        return self.mlp(out)

    def message(self, x_j: Tensor, edges: Tensor | None, positive: bool) -> Tensor:
        """Return the positive message of each edge."""
        if positive:
            return x_j
        return (x_j if edges is None else x_j + edges).relu() + self.eps

    def _edge_features(self, edge_index: Adjacency, edge_attr: Tensor | None) -> Tensor | None:
        if edge_attr is None and is_sparse_tensor(edge_index):
            edge_attr = edge_index.storage.value()
        if edge_attr is None and self.edge_dim is None:
            return None
        edge_dim = self.out_channels if self.edge_dim is None else self.edge_dim
        edge_attr = check_edge_attr(edge_attr, count_edges(edge_index), edge_dim)
        return self.lin_edge(edge_attr) if hasattr(self, "lin_edge") else edge_attr

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.in_channels}, {self.out_channels}, aggr={self.aggr})"


def _aggregation(
    aggr: Aggr, t: float, learn_t: bool, p: float, learn_p: bool
) -> tuple[dict[str, Any] | None, Aggr]:
    """Return the arguments of an aggregation by name, and its name."""
    if aggr in ("softmax", "softmax_sg"):
        return {"t": t, "learn": learn_t, "semi_grad": aggr == "softmax_sg"}, "softmax"
    if aggr in ("power", "powermean"):
        return {"p": p, "learn": learn_p}, "powermean"
    return None, aggr


def _mlp(sizes: list[int], norm: str, *, bias: bool) -> nn.Sequential:
    """Return linear maps with norm, ReLU and (no) dropout between, numbered as in checkpoints."""
    if norm not in NORMS:
        msg = f"norm={norm!r} is unknown{nearest(norm, NORMS)}"
        raise ArgumentError(msg)
    layers: list[nn.Module] = []
    for i, (size, next_size) in enumerate(pairwise(sizes)):
        if i:
            layers += [NORMS[norm](size), nn.ReLU(), nn.Identity()]
        layers.append(Linear(size, next_size, bias=bias))
    return nn.Sequential(*layers)
