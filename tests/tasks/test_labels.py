"""Losses against their definitions, metrics against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn import metrics as sk

from distgnn.exceptions import ArgumentError
from distgnn.schema import LabelSpec
from distgnn.tasks.labels import make_target

RNG = np.random.default_rng(0)
OUTPUT = torch.from_numpy(RNG.normal(size=(40, 3)).astype(np.float32))


def in_two_batches(target, output, y):
    metrics = target.metrics()
    for rows in (slice(0, 13), slice(13, None)):
        target.update(metrics, output[rows], y[rows])
    values = {name: float(value) for name, value in metrics.compute().items()}
    assert set(values) == set(target.metric_names)
    return values


def test_class():
    target = make_target(LabelSpec(kind="class", dim=3))
    y = torch.from_numpy(RNG.integers(3, size=40))
    probability = OUTPUT.softmax(1)
    expected = -probability[torch.arange(40), y].log().sum()
    torch.testing.assert_close(target.loss(OUTPUT, y), expected)
    found = in_two_batches(target, OUTPUT, y)
    predicted = OUTPUT.argmax(1)
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(y, predicted))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(y, predicted, average="macro"))
    columns = target.columns(OUTPUT, None)
    assert columns["prediction"].to_pylist() == predicted.tolist()
    np.testing.assert_allclose(columns["probability"].to_pylist(), probability, rtol=1e-6)


def test_top_classes():
    target = make_target(LabelSpec(kind="class", dim=3))
    columns = target.columns(torch.tensor([[0.0, 2.0, 1.0]]), 2)
    assert columns["top_class"].to_pylist() == [[1, 2]]
    assert columns["top_probability"].to_pylist()[0] == pytest.approx([0.6652, 0.2447], abs=1e-4)
    for top_k in (0, 4):
        with pytest.raises(ArgumentError, match=f"top_k = {top_k}: give a number from 1 to 3"):
            target.columns(OUTPUT, top_k)


def test_multilabel():
    target = make_target(LabelSpec(kind="multilabel", dim=3))
    y = torch.from_numpy(RNG.integers(2, size=(40, 3)).astype(np.int8))
    p = OUTPUT.double().sigmoid().numpy()
    expected = sum(sk.log_loss(y[:, k], p[:, k], normalize=False) for k in range(3)) / 3
    assert float(target.loss(OUTPUT, y)) == pytest.approx(expected, rel=1e-5)
    found = in_two_batches(target, OUTPUT, y)
    predicted = OUTPUT > 0
    assert found["micro_f1"] == pytest.approx(sk.f1_score(y, predicted, average="micro"))
    assert found["macro_f1"] == pytest.approx(sk.f1_score(y, predicted, average="macro"))
    columns = target.columns(OUTPUT, None)
    assert columns["prediction"].to_pylist() == predicted.int().tolist()
    np.testing.assert_allclose(columns["probability"].to_pylist(), p, rtol=1e-5)


@pytest.mark.parametrize("dim", [1, 3])
def test_value(dim):
    target = make_target(LabelSpec(kind="value", dim=dim))
    output = OUTPUT[:, :dim]
    y = torch.from_numpy(RNG.normal(size=(40, dim)).astype(np.float32))
    labels = y[:, 0] if dim == 1 else y
    expected = 40 * sk.mean_squared_error(y, output)
    assert float(target.loss(output, labels)) == pytest.approx(expected, rel=1e-5)
    found = in_two_batches(target, output, labels)
    assert found["rmse"] == pytest.approx(sk.mean_squared_error(y, output) ** 0.5, rel=1e-5)
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(y, output), rel=1e-5)
    assert found["r2"] == pytest.approx(sk.r2_score(y, output), rel=1e-4)
    column = target.columns(output, None)["prediction"]
    assert column.to_pylist() == (output[:, 0].tolist() if dim == 1 else output.tolist())


@pytest.mark.parametrize("kind", ["multilabel", "value"])
def test_top_k_is_for_classes(kind):
    with pytest.raises(ArgumentError, match="one class of several"):
        make_target(LabelSpec(kind=kind, dim=3)).columns(OUTPUT, 2)


@pytest.mark.parametrize(
    ("label", "y"),
    [
        (LabelSpec(kind="class", dim=3), torch.from_numpy(RNG.integers(3, size=40))),
        (LabelSpec(kind="multilabel", dim=3), torch.from_numpy(RNG.integers(2, size=(40, 3)))),
        (LabelSpec(kind="value", dim=3), torch.from_numpy(RNG.normal(size=(40, 3)))),
    ],
    ids=["class", "multilabel", "value"],
)
def test_a_seed_of_weight_w_counts_w_times(label, y):
    target = make_target(label)
    weight = torch.from_numpy(RNG.integers(4, size=40))
    repeated = torch.arange(40).repeat_interleave(weight)
    expected = target.loss(OUTPUT[repeated], y[repeated])
    torch.testing.assert_close(target.loss(OUTPUT, y, weight.float()), expected)
