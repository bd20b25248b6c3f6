"""DistMult: relations as diagonal bilinear forms."""

from __future__ import annotations

from torch import Tensor, nn

from distgnn.nn.kge.base import KGEModel, margin_loss, rows


class DistMult(KGEModel):
    r"""Relations as diagonal bilinear forms.

    From `"Embedding Entities and Relations for Learning and Inference in Knowledge Bases"
    <https://arxiv.org/abs/1412.6575>`_.

    .. math::
        s(h, r, t) = \langle \mathbf{e}_h, \mathbf{e}_r, \mathbf{e}_t \rangle
        = \sum_i e_{h,i} e_{r,i} e_{t,i}

    The loss is the margin between a triple and a corrupted one.

    Args:
        num_nodes: Number of entities N.
        num_relations: Number of relations R.
        hidden_channels: Size of embeddings.
        margin: Margin of the loss. Default 1.
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
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all embeddings anew, Xavier-uniform."""
        nn.init.xavier_uniform_(self.node_emb.weight)
        nn.init.xavier_uniform_(self.rel_emb.weight)

    def forward(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Score triples, int64 [B] each: float [B]."""
        product = self.node_emb(head_index) * self.rel_emb(rel_type) * self.node_emb(tail_index)
        return product.sum(dim=-1)

    def tail_scores(
        self, head_index: Tensor, rel_type: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as tails of (head, relation): float [B, M]."""
        wanted = self.node_emb(head_index) * self.rel_emb(rel_type)
        return wanted @ rows(self.node_emb, candidates).t()

    def head_scores(
        self, rel_type: Tensor, tail_index: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as heads of (relation, tail): float [B, M]."""
        return self.tail_scores(tail_index, rel_type, candidates)

    def loss(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Return the margin loss of triples, int64 [B] each, and as many corrupted ones."""
        self.check_triples(head_index, rel_type, tail_index)
        positive = self(head_index, rel_type, tail_index)
        negative = self(*self.random_sample(head_index, rel_type, tail_index))
        return margin_loss(positive, negative, self.margin)
