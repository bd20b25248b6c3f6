"""TransE: relations as translations."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn.kge.base import KGEModel, margin_loss, rows


class TransE(KGEModel):
    r"""Relations as translations of entities.

    From `"Translating Embeddings for Modeling Multi-Relational Data"
    <https://papers.nips.cc/paper/5071>`_.

    .. math::
        s(h, r, t) = -\lVert \mathbf{e}_h + \mathbf{e}_r - \mathbf{e}_t \rVert_p

    where entities have length 1. The loss is the margin between a triple and a corrupted one.

    Args:
        num_nodes: Number of entities N.
        num_relations: Number of relations R.
        hidden_channels: Size of embeddings.
        margin: Margin of the loss. Default 1.
        p_norm: Norm p, of distances and of entities. Default 1.
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
        p_norm: float = 1.0,
        sparse: bool = False,
    ) -> None:
        super().__init__(num_nodes, num_relations, hidden_channels, sparse)
        self.p_norm = p_norm
        self.margin = margin
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all embeddings anew: uniform, relations scaled to length 1."""
        bound = 6.0 / math.sqrt(self.hidden_channels)
        nn.init.uniform_(self.node_emb.weight, -bound, bound)
        nn.init.uniform_(self.rel_emb.weight, -bound, bound)
        with torch.no_grad():
            self.rel_emb.weight.copy_(F.normalize(self.rel_emb.weight, p=self.p_norm, dim=-1))

    def forward(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Score triples, int64 [B] each: float [B]."""
        head, tail = self._entities(head_index), self._entities(tail_index)
        return -(head + self.rel_emb(rel_type) - tail).norm(p=self.p_norm, dim=-1)

    def tail_scores(
        self, head_index: Tensor, rel_type: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as tails of (head, relation): float [B, M]."""
        wanted = self._entities(head_index) + self.rel_emb(rel_type)
        return -torch.cdist(wanted, self._entities(candidates), p=self.p_norm)

    def head_scores(
        self, rel_type: Tensor, tail_index: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as heads of (relation, tail): float [B, M]."""
        wanted = self._entities(tail_index) - self.rel_emb(rel_type)
        return -torch.cdist(wanted, self._entities(candidates), p=self.p_norm)

    def loss(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Return the margin loss of triples, int64 [B] each, and as many corrupted ones."""
        self.check_triples(head_index, rel_type, tail_index)
        positive = self(head_index, rel_type, tail_index)
        negative = self(*self.random_sample(head_index, rel_type, tail_index))
        return margin_loss(positive, negative, self.margin)

    def _entities(self, index: Tensor | None) -> Tensor:
        return F.normalize(rows(self.node_emb, index), p=self.p_norm, dim=-1)
