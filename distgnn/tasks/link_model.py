"""A model of nodes and a decoder of pairs, as one module that scores links.

Legend: B links, K negatives of a link, C channels of a representation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn

from distgnn.tasks.forward import node_rows

if TYPE_CHECKING:
    from torch import Tensor

    from distgnn.loader import LinkBatch


class InnerProduct(nn.Module):
    """Scores a pair by the inner product of its representations."""

    def forward(self, src: Tensor, dst: Tensor) -> Tensor:
        """Return logits [n] of representations [n, C] each."""
        return (src * dst).sum(dim=-1)


class PairPerceptron(nn.Module):
    """Scores a pair by a perceptron on both representations and their product.

    Args:
        channels: Size C of a representation and of the hidden layer.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.hidden = nn.Linear(3 * channels, channels)
        self.out = nn.Linear(channels, 1)

    def forward(self, src: Tensor, dst: Tensor) -> Tensor:
        """Return logits [n] of representations [n, C] each."""
        hidden = self.hidden(torch.cat([src, dst, src * dst], dim=-1)).relu()
        logits: Tensor = self.out(hidden)
        return logits.squeeze(-1)


class LinkModel(nn.Module):
    """Represents the ends of links by `encoder`, and scores pairs of them by `decoder`.

    Args:
        encoder: Any model of nodes, called as `distgnn.tasks.forward` says.
        decoder: Takes representations of sources and of destinations, [n, C] each, and returns
            logits [n].
        is_homogeneous: Whether the graph has one node type and one edge type.
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module, *, is_homogeneous: bool) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.is_homogeneous = is_homogeneous

    def forward(self, batch: LinkBatch) -> Tensor:
        """Return logits [B, 1 + K]: each link's, then those of its negatives."""
        found = node_rows(self.encoder, batch, homogeneous=self.is_homogeneous)
        src_type, _, dst_type = batch.edge_type
        src_rows = found[src_type] if isinstance(found, dict) else found
        dst_rows = found[dst_type] if isinstance(found, dict) else found
        src = torch.cat([batch.src[:, None], batch.neg_src], dim=1)
        dst = torch.cat([batch.dst[:, None], batch.neg_dst], dim=1)
        logits: Tensor = self.decoder(src_rows[src.reshape(-1)], dst_rows[dst.reshape(-1)])
        return logits.view(src.shape)
