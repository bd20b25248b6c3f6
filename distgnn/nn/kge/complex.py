"""ComplEx: relations as diagonal bilinear forms of complex numbers."""

from __future__ import annotations

from torch import Tensor, nn

from distgnn.nn.kge.base import KGEModel, logistic_loss, rows


class ComplEx(KGEModel):
    r"""Relations as diagonal bilinear forms of complex numbers, which need not be symmetric.

    From `"Complex Embeddings for Simple Link Prediction" <https://arxiv.org/abs/1606.06357>`_.

    .. math::
        s(h, r, t) = \mathrm{Re} \langle \mathbf{e}_h, \mathbf{e}_r, \mathbf{\bar{e}}_t \rangle

    The loss is the binary cross entropy of triples and corrupted ones.

    Args:
        num_nodes: Number of entities N.
        num_relations: Number of relations R.
        hidden_channels: Size of embeddings, in complex numbers.
        sparse: Whether gradients are sparse. Default False.

    Shapes:
        - **input:** heads, relations and tails :math:`(B)`
        - **output:** scores :math:`(B)`
    """

    def __init__(
        self, num_nodes: int, num_relations: int, hidden_channels: int, sparse: bool = False
    ) -> None:
        super().__init__(num_nodes, num_relations, hidden_channels, sparse)
        self.node_emb_im = nn.Embedding(num_nodes, hidden_channels, sparse=sparse)
        self.rel_emb_im = nn.Embedding(num_relations, hidden_channels, sparse=sparse)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all embeddings anew, Xavier-uniform."""
        for table in (self.node_emb, self.node_emb_im, self.rel_emb, self.rel_emb_im):
            nn.init.xavier_uniform_(table.weight)

    def forward(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Score triples, int64 [B] each: float [B]."""
        re, im = self._product(head_index, rel_type)
        return (re * self.node_emb(tail_index) + im * self.node_emb_im(tail_index)).sum(dim=-1)

    def tail_scores(
        self, head_index: Tensor, rel_type: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as tails of (head, relation): float [B, M]."""
        re, im = self._product(head_index, rel_type)
        return (
            re @ rows(self.node_emb, candidates).t() + im @ rows(self.node_emb_im, candidates).t()
        )

    def head_scores(
        self, rel_type: Tensor, tail_index: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates (None: all entities) as heads of (relation, tail): float [B, M]."""
        re, im = self._product(tail_index, rel_type, conjugate=True)
        return (
            re @ rows(self.node_emb, candidates).t() + im @ rows(self.node_emb_im, candidates).t()
        )

    def loss(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Return the cross entropy of triples, int64 [B] each, and as many corrupted ones."""
        self.check_triples(head_index, rel_type, tail_index)
        positive = self(head_index, rel_type, tail_index)
        negative = self(*self.random_sample(head_index, rel_type, tail_index))
        return logistic_loss(positive, negative)

    def _product(
        self, node: Tensor, rel_type: Tensor, *, conjugate: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Return both parts of entity times relation, or times its conjugate: float [B, F]."""
        re, im = self.node_emb(node), self.node_emb_im(node)
        rel_re, rel_im = self.rel_emb(rel_type), self.rel_emb_im(rel_type)
        rel_im = -rel_im if conjugate else rel_im
        return re * rel_re - im * rel_im, re * rel_im + im * rel_re
