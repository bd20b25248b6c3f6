"""The edge convolution of dynamic graph CNNs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.nn.conv.features import split
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.conv.features import Features
    from distgnn.nn.conv.message_passing import Aggr


class EdgeConv(MessagePassing):
    r"""Edge convolution: the maximum of a network of both ends of each edge.

    From `"Dynamic Graph CNN for Learning on Point Clouds" <https://arxiv.org/abs/1801.07829>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \max_{j \in \mathcal{N}(i)}
        h_{\mathbf{\Theta}}(\mathbf{x}_i \, \Vert \, \mathbf{x}_j - \mathbf{x}_i)

    Args:
        nn: The network h, from [*, 2 * in_channels] to [*, out_channels].
        aggr: Aggregation. Default ``"max"``.
        **kwargs: Arguments of `MessagePassing`.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})` or
          :math:`((|\mathcal{V_s}|, F_{in}), (|\mathcal{V_t}|, F_{in}))`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`
        - **output:** :math:`(|\mathcal{V_t}|, F_{out})`
    """

    def __init__(self, nn: Callable[..., Any], aggr: Aggr = "max", **kwargs: Any) -> None:
        super().__init__(aggr, **kwargs)
        self.nn = nn
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        reset(self.nn)

    def forward(self, x: Features, edge_index: Adjacency) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels], or of sources and targets.
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.

        Returns:
            Float [number of targets, out_channels].
        """
        return self.propagate(edge_index, x=split(x, edge_index))

    def message(self, x_i: Tensor, x_j: Tensor) -> Tensor:
        """Return the network's output for each edge."""
        return self.nn(torch.cat([x_i, x_j - x_i], dim=-1))

    def __repr__(self) -> str:
        return f"{type(self).__name__}(nn={self.nn})"
