"""RECT: embeddings that serve classes without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn.conv.gcn_conv import GCNConv
from distgnn.nn.utils.scatter import scatter

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency


class RECT_L(nn.Module):  # noqa: N801 -- the name in the paper
    r"""The supervised part of RECT (https://arxiv.org/abs/2007.03545).

    .. math::
        \mathbf{\hat{S}} = \mathrm{dropout}(\mathrm{GCN}(\mathbf{X}, \mathbf{A})) \mathbf{W}
        + \mathbf{b}

    is trained to give the semantic label of each labelled node, the mean feature vector of its
    class; the output of the convolution embeds all nodes, those of unseen classes too.

    Args:
        in_channels: Size of each input sample.
        hidden_channels: Size of the embedding.
        normalize: Whether self-loops are added and the adjacency normalised. Default True.
        dropout: Dropout probability. Default 0.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, edges :math:`(2, |\mathcal{E}|)`,
          `SparseTensor` or `CSC`; edge weights *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        normalize: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.dropout = dropout
        self.conv = GCNConv(in_channels, hidden_channels, normalize=normalize)
        self.lin = nn.Linear(hidden_channels, in_channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.conv.reset_parameters()
        self.lin.reset_parameters()
        nn.init.xavier_uniform_(self.lin.weight)

    def forward(
        self, x: Tensor, edge_index: Adjacency, edge_weight: Tensor | None = None
    ) -> Tensor:
        """Predict semantic labels.

        Args:
            x: Node features, float [N, in_channels].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E].

        Returns:
            Float [N, in_channels].
        """
        h = self.conv(x, edge_index, edge_weight)
        return self.lin(F.dropout(h, p=self.dropout, training=self.training))

    @torch.no_grad()
    def embed(self, x: Tensor, edge_index: Adjacency, edge_weight: Tensor | None = None) -> Tensor:
        """Embed nodes, without gradient: float [N, hidden_channels]; arguments as `forward`."""
        return self.conv(x, edge_index, edge_weight)

    @torch.no_grad()
    def get_semantic_labels(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Return the mean features of the class of each masked node.

        Args:
            x: Node features, float [N, F].
            y: Classes, int64 [N].
            mask: Labelled nodes T, bool [N].

        Returns:
            Float [T, F], in the order of the nodes.
        """
        labels = y[mask]
        return scatter(x[mask], labels, dim=0, reduce="mean")[labels]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_channels}, {self.hidden_channels})"
