"""The triples that are known to be true: what a filtered ranking leaves out."""

from __future__ import annotations

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.ranges import joined_ranges


class KnownTriples:
    r"""Finds all known tails of (head, relation) and all known heads of (relation, tail).

    These are the sets :math:`\{t : (h, r, t) \in \mathcal{K}\}` and :math:`\{h : (h, r, t) \in
    \mathcal{K}\}` that a filtered ranking leaves out.

    Args:
        triples: Heads, relations and tails, int64 [3, K]: usually those of the training,
            validation and test sets together.

    Raises:
        ArgumentError: Another type or shape.
    """

    def __init__(self, triples: Tensor) -> None:
        if triples.dtype != torch.int64 or triples.dim() != 2 or triples.size(0) != 3:
            msg = (
                f"triples are {triples.dtype} of shape {list(triples.shape)}, expected int64 [3, K]"
            )
            raise ArgumentError(msg)
        head, rel, tail = triples
        self._num_relations = int(rel.max()) + 1 if rel.numel() > 0 else 0
        self._tails = self._grouped(head, rel, tail)
        self._heads = self._grouped(tail, rel, head)

    def tails(self, head: Tensor, rel: Tensor) -> Tensor:
        """Return pairs (row, known tail of the row's head and relation), int64 [2, n].

        Args:
            head: int64 [B].
            rel: int64 [B].
        """
        return self._find(*self._tails, head, rel)

    def heads(self, rel: Tensor, tail: Tensor) -> Tensor:
        """Return pairs (row, known head of the row's relation and tail), int64 [2, n].

        Args:
            rel: int64 [B].
            tail: int64 [B].
        """
        return self._find(*self._heads, tail, rel)

    def _key(self, node: Tensor, rel: Tensor) -> Tensor:
        return torch.where(rel < self._num_relations, node * self._num_relations + rel, -1)

    def _grouped(self, node: Tensor, rel: Tensor, answer: Tensor) -> tuple[Tensor, Tensor]:
        key, order = self._key(node, rel).sort()
        return key, answer[order]

    def _find(self, keys: Tensor, answers: Tensor, node: Tensor, rel: Tensor) -> Tensor:
        wanted = self._key(node, rel)
        begin = torch.searchsorted(keys, wanted)
        count = torch.searchsorted(keys, wanted, right=True) - begin
        row, position = joined_ranges(begin, count)
        return torch.stack([row, answers[position]])
