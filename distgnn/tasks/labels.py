"""Loss, metrics and predicted columns of the three kinds of labels (`LabelSpec.kind`).

Legend: B seeds, C classes, labels or values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pyarrow as pa
import torch
import torchmetrics as tm
from torch.nn import functional as F
from torchmetrics import MetricCollection

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    from torch import Tensor

    from distgnn.schema import LabelSpec


class Target(Protocol):
    """How outputs [B, C] are compared with labels and turned into predictions."""

    metric_names: tuple[str, ...]

    def loss(self, output: Tensor, y: Tensor, seed_weight: Tensor | None = None) -> Tensor:
        """Return the loss summed over seeds, each times its weight [B] if there are some."""

    def metrics(self) -> MetricCollection:
        """Return fresh metrics."""

    def update(self, metrics: MetricCollection, output: Tensor, y: Tensor) -> None:
        """Add outputs and labels to `metrics`."""

    def columns(self, output: Tensor, top_k: int | None) -> dict[str, pa.Array]:
        """Return the columns to write; `top_k` is for classes only."""


def make_target(label: LabelSpec) -> Target:
    """Return the target for labels of this kind."""
    kinds: dict[str, type[ClassTarget | MultilabelTarget | ValueTarget]] = {
        "class": ClassTarget,
        "multilabel": MultilabelTarget,
        "value": ValueTarget,
    }
    return kinds[label.kind](label.dim)


class ClassTarget:
    """One class of C: cross entropy; the prediction is the likeliest class.

    Args:
        dim: number of classes C.
    """

    metric_names: tuple[str, ...] = ("accuracy", "macro_f1")

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def loss(self, output: Tensor, y: Tensor, seed_weight: Tensor | None = None) -> Tensor:
        """Return the cross entropy of logits [B, C] and classes int64 [B], summed over seeds."""
        if seed_weight is None:
            return F.cross_entropy(output, y, reduction="sum")
        return F.cross_entropy(output, y, reduction="none") @ seed_weight

    def metrics(self) -> MetricCollection:
        """Return accuracy (share of seeds) and the mean of the classes' F1 scores."""
        return MetricCollection({
            "accuracy": tm.classification.MulticlassAccuracy(
                self.dim, average="micro", validate_args=False
            ),
            "macro_f1": tm.classification.MulticlassF1Score(
                self.dim, average="macro", validate_args=False
            ),
        })  # fmt: skip

    def update(self, metrics: MetricCollection, output: Tensor, y: Tensor) -> None:
        """Add logits [B, C] and classes int64 [B]."""
        metrics.update(output.argmax(dim=1), y)

    def columns(self, output: Tensor, top_k: int | None) -> dict[str, pa.Array]:
        """Return `prediction` (int64 class) and `probability` (float32 list of C).

        With `top_k`: `top_class` (int64 list of k, likeliest first) and `top_probability`.

        Raises:
            ArgumentError: `top_k` is not in 1 ... C.
        """
        probability = output.float().softmax(dim=1)
        if top_k is not None:
            if not 1 <= top_k <= self.dim:
                msg = f"top_k = {top_k}: give a number from 1 to {self.dim}, the number of classes"
                raise ArgumentError(msg)
            top = probability.topk(top_k, dim=1)
            return {
                "top_class": list_column(top.indices),
                "top_probability": list_column(top.values),
            }
        return {
            "prediction": pa.array(output.argmax(dim=1).cpu().numpy()),
            "probability": list_column(probability),
        }


class MultilabelTarget:
    """Any of C labels at once: binary cross entropy; a label is predicted above probability 1/2.

    Args:
        dim: number of labels C.
    """

    metric_names: tuple[str, ...] = ("micro_f1", "macro_f1")

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def loss(self, output: Tensor, y: Tensor, seed_weight: Tensor | None = None) -> Tensor:
        """Return the mean over labels [B, C] of the binary cross entropy, summed over seeds."""
        weight = None if seed_weight is None else seed_weight.view(-1, 1)
        loss = F.binary_cross_entropy_with_logits(
            output, y.to(output.dtype), weight, reduction="sum"
        )
        return loss / self.dim

    def metrics(self) -> MetricCollection:
        """Return F1 over all decisions, and the mean of the labels' F1 scores."""
        return MetricCollection({
            f"{average}_f1": tm.classification.MultilabelF1Score(
                self.dim, average=average, validate_args=False
            )
            for average in ("micro", "macro")
        })  # fmt: skip

    def update(self, metrics: MetricCollection, output: Tensor, y: Tensor) -> None:
        """Add logits [B, C] and 0/1 labels [B, C]."""
        metrics.update((output > 0).long(), y.long())

    def columns(self, output: Tensor, top_k: int | None) -> dict[str, pa.Array]:
        """Return `prediction` (int8 list of C) and `probability` (float32 list of C)."""
        _refuse_top_k(top_k)
        return {
            "prediction": list_column((output > 0).to(torch.int8)),
            "probability": list_column(output.float().sigmoid()),
        }


class ValueTarget:
    """C real values: squared error.

    Args:
        dim: number of values C.
    """

    metric_names: tuple[str, ...] = ("rmse", "mae", "r2")

    def __init__(self, dim: int) -> None:
        self.dim = dim

    def loss(self, output: Tensor, y: Tensor, seed_weight: Tensor | None = None) -> Tensor:
        """Return the mean over values of the squared error, summed over seeds."""
        y = y.reshape(output.shape).to(output.dtype)
        if seed_weight is None:
            return F.mse_loss(output, y, reduction="sum") / self.dim
        return ((output - y) ** 2).sum(dim=1) @ seed_weight / self.dim

    def metrics(self) -> MetricCollection:
        """Return root mean squared error, mean absolute error, and R2 averaged over values."""
        return MetricCollection({
            "rmse": tm.MeanSquaredError(squared=False),
            "mae": tm.MeanAbsoluteError(),
            "r2": tm.R2Score(),
        })  # fmt: skip

    def update(self, metrics: MetricCollection, output: Tensor, y: Tensor) -> None:
        """Add outputs [B, C] and values [B] or [B, C]."""
        shape = (-1,) if self.dim == 1 else (-1, self.dim)
        metrics.update(output.reshape(shape), y.reshape(shape).to(output.dtype))

    def columns(self, output: Tensor, top_k: int | None) -> dict[str, pa.Array]:
        """Return `prediction`: float32, or a float32 list of C."""
        _refuse_top_k(top_k)
        values = output.float()
        column = pa.array(values[:, 0].cpu().numpy()) if self.dim == 1 else list_column(values)
        return {"prediction": column}


def _refuse_top_k(top_k: int | None) -> None:
    if top_k is not None:
        msg = f"top_k = {top_k} is for labels that are one class of several: leave it out"
        raise ArgumentError(msg)


def list_column(values: Tensor) -> pa.Array:
    """Return a matrix [B, C] as an Arrow column of lists of C."""
    flat = pa.array(values.contiguous().cpu().numpy().reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, values.shape[1])
