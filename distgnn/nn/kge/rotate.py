"""RotatE: relations as rotations in the complex plane."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from distgnn.nn.kge.base import KGEModel, logistic_loss, rows


class RotatE(KGEModel):
    r"""Relations as rotations in the complex plane (https://arxiv.org/abs/1902.10197).

    .. math::
        s(h, r, t) = \gamma - \lVert \mathbf{e}_h \circ e^{i \boldsymbol{\theta}_r} - \mathbf{e}_t
        \rVert_2

    The loss is the binary cross entropy of triples and corrupted ones; the paper's own is
    `adversarial_loss`.

    Args:
        num_nodes: Number of entities N.
        num_relations: Number of relations R.
        hidden_channels: Size of embeddings, in complex numbers.
        margin: Margin :math:`\gamma`. Default 1.
        sparse: Whether gradients are sparse. Default False.

    Shapes:
        - **input:** heads, relations and tails :math:`(B)`
        - **output:** scores :math:`(B)`
    """

    def __init__(
        self,
        num_nodes: int,
        num_relations: int,
        hidden_channels: int,
        margin: float = 1.0,
        sparse: bool = False,
    ) -> None:
        super().__init__(num_nodes, num_relations, hidden_channels, sparse)
        self.margin = margin
        self.node_emb_im = nn.Embedding(num_nodes, hidden_channels, sparse=sparse)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw entities anew, Xavier-uniform, and angles uniformly."""
        nn.init.xavier_uniform_(self.node_emb.weight)
        nn.init.xavier_uniform_(self.node_emb_im.weight)
        nn.init.uniform_(self.rel_emb.weight, 0, 2 * math.pi)

    def forward(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Score triples, int64 [B] each: float [B]."""
        distance = self._rotated(head_index, rel_type) - self._entities(tail_index)
        return self.margin - distance.norm(dim=-1)

    def tail_scores(
        self, head_index: Tensor, rel_type: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as tails of (head, relation): float [B, M]."""
        wanted = self._rotated(head_index, rel_type)
        return self.margin - torch.cdist(wanted, self._entities(candidates))

    def head_scores(
        self, rel_type: Tensor, tail_index: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as heads of (relation, tail): float [B, M]."""
        wanted = self._rotated(tail_index, rel_type, direction=-1)
        return self.margin - torch.cdist(wanted, self._entities(candidates))

    def loss(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Return the cross entropy of triples, int64 [B] each, and as many corrupted ones."""
        self.check_triples(head_index, rel_type, tail_index)
        positive = self(head_index, rel_type, tail_index)
        negative = self(*self.random_sample(head_index, rel_type, tail_index))
        return logistic_loss(positive, negative)

    def _entities(self, index: Tensor | None) -> Tensor:
        """Return real and imaginary parts side by side, float [M, 2 F]."""
        return torch.cat([rows(self.node_emb, index), rows(self.node_emb_im, index)], dim=-1)

    def _rotated(self, node: Tensor, rel_type: Tensor, direction: int = 1) -> Tensor:
        re, im = self.node_emb(node), self.node_emb_im(node)
        theta = self.rel_emb(rel_type) * direction
        cos, sin = theta.cos(), theta.sin()
        return torch.cat([re * cos - im * sin, re * sin + im * cos], dim=-1)
