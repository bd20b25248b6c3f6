"""What all knowledge-graph embeddings share: sampling, loaders, losses and ranking."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import torch
import torch.nn.functional as F
from rich.progress import track
from torch import Tensor, nn
from torch.utils.data import DataLoader

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.kge.ranking import mrr_and_hits, ranks
from distgnn.nn.models.events import check_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from distgnn.nn.kge.known import KnownTriples

SIDES = {"tail": ("tail",), "head": ("head",), "both": ("tail", "head")}

Triples = tuple[Tensor, Tensor, Tensor]
"""Heads, relations and tails, int64 [B] each."""


class KGEModel(nn.Module):
    r"""Base of knowledge-graph embeddings: a score for each triple (head, relation, tail).

    A subclass implements `forward`, `tail_scores` and `head_scores`, and `loss`. Scores are ranked
    as in `"Translating Embeddings for Modeling Multi-relational Data"
    <https://papers.nips.cc/paper/2013/hash/1cecc7a77928ca8133fa24680a88d2f9-Abstract.html>`_.

    Args:
        num_nodes: Number of entities N.
        num_relations: Number of relations R.
        hidden_channels: Size of embeddings.
        sparse: Whether gradients of embeddings are sparse. Default False.

    Shapes:
        - **input:** heads, relations and tails, each :math:`(B)`
        - **output:** scores :math:`(B)`

    Raises:
        ArgumentError: Ids are out of range, there is nothing to learn or to test, k is larger than
            the number of entities.
    """

    def __init__(
        self, num_nodes: int, num_relations: int, hidden_channels: int, sparse: bool = False
    ) -> None:
        super().__init__()
        self.num_nodes = num_nodes
        self.num_relations = num_relations
        self.hidden_channels = hidden_channels
        self.node_emb = nn.Embedding(num_nodes, hidden_channels, sparse=sparse)
        self.rel_emb = nn.Embedding(num_relations, hidden_channels, sparse=sparse)

    def reset_parameters(self) -> None:
        """Draw all embeddings anew."""
        self.node_emb.reset_parameters()
        self.rel_emb.reset_parameters()

    def forward(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Score triples, int64 [B] each: float [B], higher is more likely."""
        raise NotImplementedError

    def tail_scores(
        self, head_index: Tensor, rel_type: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates as tails of (head, relation).

        Args:
            head_index: Heads, int64 [B].
            rel_type: Relations, int64 [B].
            candidates: Entities, int64 [M]; None: all.

        Returns:
            Float [B, M].
        """
        raise NotImplementedError

    def head_scores(
        self, rel_type: Tensor, tail_index: Tensor, candidates: Tensor | None = None
    ) -> Tensor:
        """Score candidates as heads of (relation, tail).

        Args:
            rel_type: Relations, int64 [B].
            tail_index: Tails, int64 [B].
            candidates: Entities, int64 [M]; None: all.

        Returns:
            Float [B, M].
        """
        raise NotImplementedError

    def loss(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Tensor:
        """Return the model's loss on triples, int64 [B] each, and as many corrupted ones."""
        raise NotImplementedError

    def adversarial_loss(
        self,
        head_index: Tensor,
        rel_type: Tensor,
        tail_index: Tensor,
        num_negatives: int,
        temperature: float = 1.0,
    ) -> Tensor:
        r"""Return the self-adversarial loss (https://arxiv.org/abs/1902.10197).

        .. math::
            -\log \sigma(s^{+}) - \sum_i p_i \log \sigma(-s_i^{-}), \quad
            p_i = \mathrm{softmax}_i(\tau s_i^{-})

        averaged over triples, with random entities in place of tails and of heads. The entities
        are drawn once for the whole batch, so that scoring them is a matrix product.

        Args:
            head_index: Heads, int64 [B].
            rel_type: Relations, int64 [B].
            tail_index: Tails, int64 [B].
            num_negatives: Number of random entities.
            temperature: How much likelier negatives weigh more: :math:`\tau`.
        """
        self.check_triples(head_index, rel_type, tail_index)
        entities = torch.randint(self.num_nodes, (2, num_negatives), device=head_index.device)
        positive = F.logsigmoid(self(head_index, rel_type, tail_index)).mean()
        loss = -2.0 * positive
        for negative in (
            self.tail_scores(head_index, rel_type, entities[0]),
            self.head_scores(rel_type, tail_index, entities[1]),
        ):
            weight = (temperature * negative.detach()).softmax(dim=-1)
            loss = loss - (weight * F.logsigmoid(-negative)).sum(dim=-1).mean()
        return loss / 4.0

    def loader(
        self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor, **kwargs: Any
    ) -> DataLoader[Any]:
        """Return a loader of batches (heads, relations, tails).

        Args:
            head_index: Heads, int64 [K].
            rel_type: Relations, int64 [K].
            tail_index: Tails, int64 [K].
            **kwargs: Arguments of torch's `DataLoader`: `batch_size`, `shuffle`, ...
        """
        self.check_triples(head_index, rel_type, tail_index)
        positions: Any = range(head_index.numel())
        pick = _Pick((head_index, rel_type, tail_index))
        return DataLoader(positions, collate_fn=pick, **kwargs)

    @torch.no_grad()
    def random_sample(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> Triples:
        """Corrupt triples: a random head in the first half, a random tail in the others.

        Args:
            head_index: Heads, int64 [B].
            rel_type: Relations, int64 [B].
            tail_index: Tails, int64 [B].
        """
        half = head_index.numel() // 2
        entities = torch.randint(self.num_nodes, head_index.shape, device=head_index.device)
        head_index = torch.cat([entities[:half], head_index[half:]])
        tail_index = torch.cat([tail_index[:half], entities[half:]])
        return head_index, rel_type, tail_index

    @torch.no_grad()
    def test(
        self,
        head_index: Tensor,
        rel_type: Tensor,
        tail_index: Tensor,
        batch_size: int,
        k: int = 10,
        log: bool = True,
        *,
        known: KnownTriples | None = None,
        predict: Literal["tail", "head", "both"] = "tail",
    ) -> tuple[float, float, float]:
        """Rank the true entity of each triple among all entities.

        Args:
            head_index: Heads, int64 [K].
            rel_type: Relations, int64 [K].
            tail_index: Tails, int64 [K].
            batch_size: Number of triples ranked at once, each against all entities.
            k: Of hits@k.
            log: Whether to show a progress bar.
            known: True triples; their other answers are left out of the ranking (filtered). None:
                ranks among all entities (raw).
            predict: Rank tails, heads, or both.

        Returns:
            The mean rank (the best is 0), the mean reciprocal rank (the best is 1), and hits@k.
        """
        self.check_triples(head_index, rel_type, tail_index)
        if predict not in SIDES:
            msg = f"predict={predict!r} is unknown{nearest(predict, SIDES)}"
            raise ArgumentError(msg)
        if not 1 <= k <= self.num_nodes:
            msg = f"k={k} must lie between 1 and the {self.num_nodes} entities"
            raise ArgumentError(msg)
        batches = list(
            zip(
                *(part.split(batch_size) for part in (head_index, rel_type, tail_index)),
                strict=True,
            )
        )
        found = [
            self._ranks(side, batch, known)
            for batch in track(batches, description="Ranking", disable=not log)
            for side in SIDES[predict]
        ]
        rank = torch.cat(found)
        mrr, hits = mrr_and_hits(rank, (k,)).tolist()
        return float(rank.mean()) - 1.0, mrr, hits

    def _ranks(self, side: str, triples: Triples, known: KnownTriples | None) -> Tensor:
        head, rel, tail = triples
        if side == "tail":
            others = None if known is None else known.tails(head, rel)
            return ranks(self.tail_scores(head, rel), tail, others)
        others = None if known is None else known.heads(rel, tail)
        return ranks(self.head_scores(rel, tail), head, others)

    def check_triples(self, head_index: Tensor, rel_type: Tensor, tail_index: Tensor) -> None:
        """Check that triples, int64 [B] each, are there and in range.

        Raises:
            ArgumentError: They are not.
        """
        check_nodes("head_index", head_index, self.num_nodes)
        check_nodes("rel_type", rel_type, self.num_relations)
        check_nodes("tail_index", tail_index, self.num_nodes)
        sizes = {part.numel() for part in (head_index, rel_type, tail_index)}
        if len(sizes) > 1 or 0 in sizes:
            msg = (
                f"head_index, rel_type and tail_index have {head_index.numel()}, "
                f"{rel_type.numel()} and {tail_index.numel()} entries: they must be as many, and "
                f"one at least"
            )
            raise ArgumentError(msg)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}({self.num_nodes}, num_relations={self.num_relations}, "
            f"hidden_channels={self.hidden_channels})"
        )


class _Pick:
    """Picks the triples of a batch; worker processes can be given it."""

    def __init__(self, triples: Triples) -> None:
        self._triples = triples

    def __call__(self, index: Sequence[int]) -> Triples:
        position = torch.tensor(index)
        head, rel, tail = (part[position] for part in self._triples)
        return head, rel, tail


def rows(embedding: nn.Embedding, index: Tensor | None) -> Tensor:
    """Return the embeddings of `index`, int64 [M], or all of them."""
    return embedding.weight if index is None else embedding(index)


def margin_loss(positive: Tensor, negative: Tensor, margin: float) -> Tensor:
    r"""Return :math:`\mathrm{mean} [\gamma - s^{+} + s^{-}]_{+}` of scores, float [B] each."""
    return (margin - positive + negative).clamp(min=0).mean()


def logistic_loss(positive: Tensor, negative: Tensor) -> Tensor:
    """Return the binary cross entropy of scores, float [B] each."""
    scores = torch.cat([positive, negative])
    labels = torch.cat([torch.ones_like(positive), torch.zeros_like(negative)])
    return F.binary_cross_entropy_with_logits(scores, labels)
