"""The continuous-filter convolution of SchNet."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch import nn as torch_nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import check_edge_index
from distgnn.nn.conv.features import check_width
from distgnn.nn.conv.message_passing import MessagePassing
from distgnn.nn.edge_products import filtered_sum
from distgnn.nn.incidence import Incidence

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency


@dataclass(frozen=True, kw_only=True, slots=True)
class Shared:
    """What all convolutions on the same edges share."""

    edges: Incidence
    envelope: Tensor
    """`cosine_envelope` of the distances, float [P]."""

    @classmethod
    def of(cls, edge_index: Tensor, edge_weight: Tensor, cutoff: float, num_nodes: int) -> Shared:
        """Compute it for edges, int64 [2, E], and distances, float [P], among N nodes."""
        check_edge_index(edge_index)
        source, target = edge_index
        edges = Incidence(target, source, num_nodes, num_nodes)
        return cls(edges=edges, envelope=cosine_envelope(edge_weight, cutoff))


class CFConv(MessagePassing):
    r"""Continuous-filter convolution: weights of a neighbour are a function of its distance.

    From `"SchNet: A Continuous-filter Convolutional Neural Network for Modeling Quantum
    Interactions" <https://arxiv.org/abs/1706.08566>`_.

    .. math::
        \mathbf{x}^{\prime}_i = \mathbf{W}_2 \sum_{j \in \mathcal{N}(i)} (\mathbf{W}_1 \mathbf{x}_j)
        \odot h_{\Theta}(\mathbf{e}_{ji}) \cdot \tfrac{1}{2} \left(\cos \frac{\pi d_{ji}}{c} + 1
        \right) + \mathbf{b}_2

    The cosine is not cut at the cutoff c: beyond it, which only an interaction graph of one's own
    can be, it rises again.

    Args:
        in_channels: Size of each input sample.
        out_channels: Size of each output sample.
        num_filters: Number of filters F.
        nn: Maps the attributes of an edge to F filters: h.
        cutoff: Distance c at which messages vanish.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, edges
          :math:`(2, |\mathcal{E}|)`, distances :math:`(P)`, edge attributes :math:`(P, D)`. P is
          the number of edges, or half of it if the second half of the edges is the first reversed:
          both directions then share their filters
        - **output:** :math:`(|\mathcal{V}|, F_{out})`
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_filters: int,
        nn: torch_nn.Module,
        cutoff: float,
    ) -> None:
        super().__init__(aggr="add")
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.lin1 = torch_nn.Linear(in_channels, num_filters, bias=False)
        self.lin2 = torch_nn.Linear(num_filters, out_channels)
        self.nn = nn
        self.cutoff = cutoff
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the two linear maps anew, Glorot-uniform; `nn` is reset by its owner."""
        torch_nn.init.xavier_uniform_(self.lin1.weight)
        torch_nn.init.xavier_uniform_(self.lin2.weight)
        torch_nn.init.zeros_(self.lin2.bias)

    def forward(
        self,
        x: Tensor,
        edge_index: Adjacency,
        edge_weight: Tensor,
        edge_attr: Tensor,
        shared: Shared | None = None,
    ) -> Tensor:
        """Convolve.

        Args:
            x: Node features, float [N, in_channels].
            edge_index: int64 [2, E].
            edge_weight: Distances, float [P]; E is a multiple of P.
            edge_attr: Edge attributes, float [P, D].
            shared: ``Shared.of(edge_index, edge_weight, cutoff, N)``, where it is known already.

        Returns:
            Float [N, out_channels].
        """
        check_width(x, self.in_channels)
        filters, x = self.nn(edge_attr), self.lin1(x)
        if self.explain or not isinstance(edge_index, Tensor):
            envelope = cosine_envelope(edge_weight, self.cutoff)
            return self.lin2(self.propagate(edge_index, x=x, W=filters * envelope.view(-1, 1)))
        if shared is None:
            shared = Shared.of(edge_index, edge_weight, self.cutoff, x.size(0))
        filters = filters * shared.envelope.view(-1, 1)
        return self.lin2(filtered_sum(x.unsqueeze(1), filters, shared.edges).squeeze(1))

    def message(self, x_j: Tensor, W: Tensor) -> Tensor:
        """Return the source's features times the filters of the edge."""
        if x_j.size(0) == W.size(0):
            return x_j * W
        if W.size(0) == 0 or x_j.size(0) % W.size(0) != 0:
            msg = (
                f"edge_attr has {W.size(0)} rows for {x_j.size(0)} edges, expected one for each "
                f"edge, or for each edge of the first half"
            )
            raise ArgumentError(msg)
        return (x_j.view(-1, *W.shape) * W).flatten(0, 1)


def cosine_envelope(dist: Tensor, cutoff: float) -> Tensor:
    """Return 0.5 (cos(pi d / cutoff) + 1), which is not cut off beyond the cutoff."""
    return 0.5 * (torch.cos(dist * (math.pi / cutoff)) + 1.0)
