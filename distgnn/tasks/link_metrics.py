"""Metrics of scored links, with states of constant size.

Legend: B links, K negatives of a link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics import Metric, MetricCollection

if TYPE_CHECKING:
    from torch import Tensor

NUM_BINS = 1 << 16


class _Histogram(Metric):
    """Scores of links and of negatives, counted by their value rounded to bfloat16.

    What depends on the order of scores alone is then exact for the rounded scores, whatever their
    range, and the counts of ranks add up.
    """

    full_state_update = False
    higher_is_better = True
    counts: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("counts", torch.zeros(2, NUM_BINS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, links: Tensor, negatives: Tensor) -> None:
        """Add scores of links and negatives, float of any shape."""
        for row, scores in ((1, links), (0, negatives)):
            self.counts[row] += torch.bincount(_bins(scores.reshape(-1)), minlength=NUM_BINS)

    def compute(self) -> Tensor:
        """Return the metric; NaN without links or without negatives."""
        counts = self.counts.cpu()
        if (counts.sum(dim=1) == 0).any():
            return torch.tensor(float("nan"))
        label, value = counts.nonzero(as_tuple=True)
        return torch.tensor(
            self._score(label.numpy(), value.numpy(), sample_weight=counts[label, value].numpy())
        )

    def _score(self, label: Any, value: Any, sample_weight: Any) -> float:
        raise NotImplementedError


class Auc(_Histogram):
    """Area under the ROC curve (scikit-learn)."""

    def _score(self, label: Any, value: Any, sample_weight: Any) -> float:
        return float(roc_auc_score(label, value, sample_weight=sample_weight))


class AveragePrecision(_Histogram):
    """Average precision (scikit-learn)."""

    def _score(self, label: Any, value: Any, sample_weight: Any) -> float:
        return float(average_precision_score(label, value, sample_weight=sample_weight))


class _RankMean(Metric):
    """A mean over links of what their rank among themselves and their negatives is worth.

    Ties share their ranks.
    """

    full_state_update = False
    higher_is_better = True
    total: Tensor
    count: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.add_state("total", torch.zeros((), dtype=torch.float64), dist_reduce_fx="sum")
        self.add_state("count", torch.zeros((), dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, links: Tensor, negatives: Tensor) -> None:
        """Add scores of links [B] and of their negatives [B, K]."""
        above = (negatives > links[:, None]).sum(dim=1)
        ties = (negatives == links[:, None]).sum(dim=1)
        self.total += self._worth(1 + above + ties / 2).double().sum()
        self.count += links.numel()

    def compute(self) -> Tensor:
        """Return the mean; NaN without links."""
        return (self.total / self.count).float()

    def _worth(self, ranks: Tensor) -> Tensor:
        raise NotImplementedError


class MeanReciprocalRank(_RankMean):
    """Mean of 1 / rank."""

    def _worth(self, ranks: Tensor) -> Tensor:
        return 1 / ranks


class HitsAt(_RankMean):
    """Share of the links whose rank is at most k."""

    def __init__(self, k: int) -> None:
        super().__init__()
        self.k = k

    def _worth(self, ranks: Tensor) -> Tensor:
        return ranks <= self.k


def link_metrics(hits_at: int) -> MetricCollection:
    """Return fresh metrics ``auc``, ``ap``, ``mrr`` and ``hits_at_k``."""
    return MetricCollection(
        {
            "auc": Auc(),
            "ap": AveragePrecision(),
            "mrr": MeanReciprocalRank(),
            f"hits_at_{hits_at}": HitsAt(hits_at),
        },
        compute_groups=False,  # states that are shared are left out of checkpoints
    )


def _bins(scores: Tensor) -> Tensor:
    """Return numbers 0 ... 2^16 - 1 in the order of scores rounded to bfloat16."""
    bits = (scores.detach().to(torch.bfloat16) + 0.0).view(torch.int16).long()
    return torch.where(bits < 0, -1 - bits, bits + NUM_BINS // 2)
