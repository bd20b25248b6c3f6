import math

import pytest
import torch

from distgnn.train.config import OptimizerConfig, SchedulerConfig
from distgnn.train.optim import Schedule, build_optimizer


def make(*, lr=0.1, steps_per_epoch=5, epochs=4, higher_is_better=True, **settings):
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = build_optimizer(OptimizerConfig(name="sgd", lr=lr), [weight])
    schedule = Schedule(
        SchedulerConfig(**settings),
        optimizer,
        steps_per_epoch=steps_per_epoch,
        epochs=epochs,
        higher_is_better=higher_is_better,
    )
    return weight, optimizer, schedule


def rates(num_steps, **settings):
    weight, optimizer, schedule = make(**settings)
    found = []
    for _ in range(num_steps):
        weight.grad = torch.zeros(2)
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.after_step()
    return found


def test_constant():
    assert rates(3, name="none") == [0.1] * 3


def test_warm_up_rises_linearly():
    assert rates(5, name="none", warmup_steps=4) == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1])


def test_cosine_ends_at_its_floor():
    found = rates(21, name="cosine", min_factor=0.1)
    expected = [0.01 + 0.09 * (1 + math.cos(math.pi * k / 20)) / 2 for k in range(21)]
    assert found == pytest.approx(expected)
    assert found[-1] == pytest.approx(0.01)


def test_step_reduces_every_so_many_epochs():
    found = rates(20, name="step", step_epochs=2, gamma=0.1)
    assert found == pytest.approx([0.1] * 10 + [0.01] * 10)


@pytest.mark.parametrize("sign", [1, -1])
def test_plateau_reduces_when_nothing_improves(sign):
    _, optimizer, schedule = make(name="plateau", patience=1, gamma=0.5, higher_is_better=sign > 0)
    for value, expected in [(1, 0.1), (2, 0.1), (2, 0.1), (2, 0.05), (3, 0.05)]:
        schedule.after_evaluation(sign * value)
        assert optimizer.param_groups[0]["lr"] == pytest.approx(expected)


@pytest.mark.parametrize("name", ["none", "cosine", "step", "plateau"])
def test_state_survives(name):
    _, optimizer, schedule = make(name=name, patience=0, step_epochs=1)
    _, other_optimizer, other = make(name=name, patience=0, step_epochs=1)
    optimizer.step()
    other_optimizer.step()
    for _ in range(7):
        schedule.after_step()
        schedule.after_evaluation(1.0)
    other.load_state_dict(schedule.state_dict())
    other_optimizer.load_state_dict(optimizer.state_dict())
    for one in (schedule, other):
        one.after_step()
        one.after_evaluation(1.0)
    assert optimizer.param_groups[0]["lr"] == other_optimizer.param_groups[0]["lr"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_optimizers(name, kind):
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = build_optimizer(OptimizerConfig(name=name, lr=0.3, weight_decay=0.2), [weight])
    assert type(optimizer) is kind
    assert optimizer.param_groups[0]["lr"] == 0.3
    assert optimizer.param_groups[0]["weight_decay"] == 0.2
