"""The convolutions of graph isomorphism networks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.conv.features import check_edge_attr, check_width, num_targets, split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.linear import Linear
from distgnn.nn.reset import reset
from distgnn.nn.sparse import FUSED, NeighbourStatistics, gather, gather_sum

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.csc import CSC
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features


class _Isomorphism(MessagePassing):
    """What both convolutions share: the network `nn` and the weight `eps` of a node itself."""

    eps: Tensor

    def __init__(
        self, network: Callable[..., Any], eps: float, train_eps: bool, **kwargs: Any
    ) -> None:
        kwargs.setdefault("aggr", "add")
        super().__init__(**kwargs)
        self.nn = network
        self.initial_eps = eps
        if train_eps:
            self.eps = nn.Parameter(torch.empty(1))
        else:
            self.register_buffer("eps", torch.empty(1))

    def reset_parameters(self) -> None:
        """Draw all parameters anew and set `eps` to its first value."""
        super().reset_parameters()
        reset(self.nn)
        self.eps.data.fill_(self.initial_eps)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(nn={self.nn})"


class GINConv(_Isomorphism):
    r"""Graph isomorphism convolution: a network of the sum over neighbours and the node itself.

    From `"How Powerful are Graph Neural Networks?" <https://arxiv.org/abs/1810.00826>`_.

    .. math::
        \mathbf{x}^{\prime}_i = h_{\mathbf{\Theta}} \left( (1 + \epsilon) \cdot \mathbf{x}_i +
        \sum_{j \in \mathcal{N}(i)} \mathbf{x}_j \right)

    Args:
        nn: The network h, from [*, in_channels] to [*, out_channels].
        eps: First value of :math:`\epsilon`. Default 0.
        train_eps: Whether :math:`\epsilon` is learned. Default False.
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
        nn: Callable[..., Any],
        eps: float = 0.0,
        train_eps: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(nn, eps, train_eps, **kwargs)
        self.reset_parameters()

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
        if not self.can_fuse(x_src):
            out = self.propagate(edge_index, x=(x_src, x_dst), size=size)
            return self.nn(out if x_dst is None else out + (1 + self.eps) * x_dst)
        num_dst = num_targets(x_dst, edge_index, size)
        csc, _ = self.sorted_edges(edge_index, x_src.size(0), num_dst)
        # The node itself is one more term of the sum, if it is among the sources.
        within = isinstance(x, Tensor) and self.aggr in ("add", "sum")
        within = within and not self.eps.requires_grad
        own = (1 + self.eps).to(x_src.dtype).expand(num_dst) if within else None
        out = self.propagate(csc, x=x_src, own=own)
        return self.nn(out if within or x_dst is None else out + (1 + self.eps) * x_dst)

    def message(self, x_j: Tensor) -> Tensor:
        """Return the source's features."""
        return x_j

    def message_and_aggregate(self, edge_index: CSC, x: Tensor, own: Tensor | None) -> Tensor:
        """Return the aggregate of the sources' features, plus `own` times the target's."""
        if own is not None:
            return gather_sum(edge_index, x, diag=own)
        if isinstance(self.aggr, str) and self.aggr in FUSED:
            return gather(edge_index, x, self.aggr)
        return self.aggr_module.of(NeighbourStatistics(edge_index, x))


class GINEConv(_Isomorphism):
    r"""Graph isomorphism convolution with edge features.

    From `"Strategies for Pre-training Graph Neural Networks" <https://arxiv.org/abs/1905.12265>`_.

    .. math::
        \mathbf{x}^{\prime}_i = h_{\mathbf{\Theta}} \left( (1 + \epsilon) \cdot \mathbf{x}_i +
        \sum_{j \in \mathcal{N}(i)} \mathrm{ReLU}(\mathbf{x}_j + \mathbf{e}_{j,i}) \right)

    Args:
        nn: The network h, from [*, in_channels] to [*, out_channels].
        eps: First value of :math:`\epsilon`. Default 0.
        train_eps: Whether :math:`\epsilon` is learned. Default False.
        edge_dim: Size of edge features; a linear map brings them to the size of node features.
            Default None: they have it already.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{s}), (|\mathcal{V_t}|, F_{t}))`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`, edge features
          :math:`(|\mathcal{E}|, D)`
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`

    Raises:
        ArgumentError: The input size of `nn` cannot be told, or (in forward) edge features are
            missing or of another size.
    """

    def __init__(
        self,
        nn: nn.Module,
        eps: float = 0.0,
        train_eps: bool = False,
        edge_dim: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(nn, eps, train_eps, **kwargs)
        self.lin = None if edge_dim is None else Linear(edge_dim, _input_size(nn))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew and set `eps` to its first value."""
        super().reset_parameters()
        if self.lin is not None:
            self.lin.reset_parameters()

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
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_attr: Float [E, edge_dim]; None: the values of the `SparseTensor` or `CSC`.
            size: Numbers of sources and targets, where features of targets are not given.

        Returns:
            Float [number of targets, out_channels].
        """
        x_src, x_dst = split(x, edge_index)
        out = self.propagate(edge_index, x=(x_src, x_dst), edge_attr=edge_attr, size=size)
        return self.nn(out if x_dst is None else out + (1 + self.eps) * x_dst)

    def message(self, x_j: Tensor, edge_attr: Tensor | None) -> Tensor:
        """Return ReLU(features of the source + features of the edge)."""
        if edge_attr is None:
            msg = "edge_attr is missing: GINEConv adds edge features [E, edge_dim] to messages"
            raise ArgumentError(msg)
        if self.lin is not None:
            edge_attr = check_edge_attr(edge_attr, x_j.size(0), self.lin.in_channels)
            edge_attr = self.lin(edge_attr)
            check_width(x_j, self.lin.out_channels)
        elif edge_attr.shape[-1:] != x_j.shape[-1:]:
            msg = (
                f"edge_attr has shape {list(edge_attr.shape)}, expected {list(x_j.shape)} as x_j: "
                f"give GINEConv edge_dim={edge_attr.size(-1)} to map it"
            )
            raise ArgumentError(msg)
        return (x_j + edge_attr).relu()


def _input_size(network: nn.Module) -> int:
    first = network[0] if isinstance(network, nn.Sequential) else network
    for name in ("in_features", "in_channels"):
        if hasattr(first, name):
            return int(getattr(first, name))
    msg = f"edge_dim needs the input size of nn, and {type(first).__name__} does not tell it"
    raise ArgumentError(msg)
