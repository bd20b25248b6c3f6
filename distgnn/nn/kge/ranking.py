"""Ranks of true answers among all answers, and what is reported of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor


def ranks(scores: Tensor, target: Tensor, known: Tensor | None = None) -> Tensor:
    """Return the rank of each row's true answer, 1 for the best.

    Answers that score exactly as the true one count half, so that a model which scores all alike
    gets the middle rank. A true answer that scores NaN, or NaN among the others, ranks last.

    Args:
        scores: Float [B, N], higher is better.
        target: The true answer of each row, int64 [B].
        known: Pairs (row, answer), int64 [2, K], of other true answers, which are left out: the
            filtered setting of `"Translating Embeddings for Modeling Multi-relational Data"
            <https://papers.nips.cc/paper/5071>`_. Pairs of a row and its own target are ignored.

    Returns:
        Float [B].

    Raises:
        ArgumentError: Shapes do not fit, or a target is not among the answers.
    """
    if scores.dim() != 2 or target.shape != scores.shape[:1] or target.dtype != torch.int64:
        msg = (
            f"scores have shape {list(scores.shape)} and target is {target.dtype} of shape "
            f"{list(target.shape)}, expected [B, N] and int64 [B]"
        )
        raise ArgumentError(msg)
    if target.numel() > 0 and not 0 <= int(target.min()) <= int(target.max()) < scores.size(1):
        msg = f"target names an answer outside of 0 to {scores.size(1) - 1}, the columns of scores"
        raise ArgumentError(msg)
    column = target.unsqueeze(1)
    own = scores.gather(1, column)
    worse = (scores < own).index_put(_rows(target), scores.new_ones((), dtype=torch.bool))
    ties = (scores == own).index_put(_rows(target), scores.new_zeros((), dtype=torch.bool))
    if known is not None:
        worse = worse.index_put((known[0], known[1]), worse.new_ones(()))
        ties = ties.index_put((known[0], known[1]), ties.new_zeros(()))
    better = scores.size(1) - worse.sum(dim=1) - ties.sum(dim=1)
    return 1.0 + better + 0.5 * ties.sum(dim=1)


def _rows(target: Tensor) -> tuple[Tensor, Tensor]:
    return torch.arange(target.numel(), device=target.device), target


def mrr_and_hits(rank: Tensor, ks: tuple[int, ...]) -> Tensor:
    """Return the mean reciprocal rank and, for each k, the share of ranks up to k: [1 + len(ks)].

    Raises:
        ArgumentError: There are no ranks.
    """
    if rank.numel() == 0:
        msg = "there is nothing to rank: the set of test examples is empty"
        raise ArgumentError(msg)
    hits = [(rank <= k).to(rank.dtype).mean() for k in ks]
    return torch.stack([rank.reciprocal().mean(), *hits])
