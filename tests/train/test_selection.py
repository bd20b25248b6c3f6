import math

import pytest

from distgnn.exceptions import ConfigError
from distgnn.schema import LabelSpec
from distgnn.tasks.labels import make_target
from distgnn.train.checkpoint import Position
from distgnn.train.config import EarlyStoppingConfig
from distgnn.train.selection import Selection, resolve_monitor


def feed(values, *, higher_is_better, **settings):
    selection = Selection("m", EarlyStoppingConfig(**settings), higher_is_better=higher_is_better)
    improved = []
    for step, value in enumerate(values):
        improved.append(selection.update(value, Position(epoch=step, step=step)))
        if selection.should_stop:
            break
    return selection, improved


def test_higher_is_better():
    selection, improved = feed([1.0, 3.0, 2.0, 3.0, 4.0], higher_is_better=True)
    assert improved == [True, True, False, False, True]
    assert (selection.best.value, selection.best.step) == (4.0, 4)


def test_lower_is_better_and_small_gains_do_not_count():
    selection, improved = feed([1.0, 0.95, 0.8], higher_is_better=False, min_delta=0.1)
    assert improved == [True, False, True]
    assert selection.best.value == 0.8


def test_patience():
    selection, improved = feed([1.0, 0.5, 0.5, 2.0], higher_is_better=True, patience=2)
    assert len(improved) == 3
    assert selection.best.value == 1.0


def test_nan_is_never_best():
    selection, improved = feed([math.nan, 1.0, math.nan], higher_is_better=True)
    assert improved == [False, True, False]
    assert selection.best.value == 1.0


def test_monitor():
    task = make_target(LabelSpec(kind="value", dim=1))
    assert resolve_monitor(None, task) == ("rmse", False)
    assert resolve_monitor("r2", task) == ("r2", True)
    assert resolve_monitor("loss", task) == ("loss", False)
    with pytest.raises(
        ConfigError, match=r"evaluation\.monitor = 'r3': .* known: loss, mae, r2, rmse"
    ):
        resolve_monitor("r3", task)
