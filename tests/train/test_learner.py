"""The gradient of a step is the mean over its seeds, however they were batched."""

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from distgnn.train.learner import Learner


class Regression:
    """Rows of a matrix as seeds; squared error."""

    def output(self, model, batch):
        return model(batch.x)

    def loss(self, output, batch):
        return (output - batch.y).square().sum()


def learner(model, **options):
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    return Learner(Regression(), model, optimizer, device=torch.device("cpu"), **options)


def batches(sizes):
    generator = torch.Generator().manual_seed(0)
    for size in sizes:
        x = torch.randn(size, 3, generator=generator)
        yield SimpleNamespace(x=x, y=x.sum(1, keepdim=True), batch_size=size)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(1, 40))
def test_mean_over_all_seeds_of_a_step(sizes, expected_seeds):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    before = [p.detach().clone() for p in model.parameters()]
    made = list(batches(sizes))
    stepper = learner(model, expected_seeds=expected_seeds)
    results = [stepper.add(batch) for batch in made]
    x, y = torch.cat([b.x for b in made]), torch.cat([b.y for b in made])
    stepper.step()
    reference = nn.Linear(3, 1)
    with torch.no_grad():
        for parameter, value in zip(reference.parameters(), before, strict=True):
            parameter.copy_(value)
    (reference(x) - y).square().mean().backward()
    for moved, start, wanted in zip(
        model.parameters(), before, reference.parameters(), strict=True
    ):
        torch.testing.assert_close(start - moved.detach(), wanted.grad, rtol=1e-5, atol=1e-5)
    assert sum(result.num_seeds for result in results) == sum(sizes)


def test_a_second_step_starts_from_nothing():
    model = nn.Linear(3, 1)
    stepper = learner(model, expected_seeds=4)
    for batch in batches([4, 4]):
        stepper.add(batch)
        stepper.step()
        assert all(parameter.grad is None for parameter in model.parameters())


def test_bf16_runs_the_forward_pass_in_bf16_and_gives_float32():
    model = nn.Linear(3, 1)
    seen = []
    model.register_forward_hook(lambda module, args, output: seen.append(output.dtype))
    stepper = learner(model, expected_seeds=4, precision="bf16")
    result = stepper.add(next(batches([4])))
    assert seen == [torch.bfloat16]
    assert result.output.dtype == torch.float32
    assert model.weight.grad.dtype == torch.float32


@pytest.mark.gpu
def test_fp16_scales_losses():
    model = nn.Linear(3, 1).cuda()
    optimizer = torch.optim.SGD(model.parameters(), 1.0)
    stepper = Learner(
        Regression(), model, optimizer, device=torch.device("cuda"), precision="fp16",
        expected_seeds=4, clip_norm=0.5,
    )  # fmt: skip
    batch = next(batches([3]))
    stepper.add(SimpleNamespace(x=batch.x.cuda(), y=batch.y.cuda(), batch_size=3))
    stepper.step()
    assert stepper.scaler.get_scale() > 1
    assert model.weight.isfinite().all()


def test_batches_without_seeds_are_no_step():
    model = nn.Linear(3, 1)
    stepper = learner(model, expected_seeds=4)
    before = [p.detach().clone() for p in model.parameters()]
    for batch in batches([0, 0]):
        assert stepper.add(batch).num_seeds == 0
    stepper.step()
    assert all(map(torch.equal, before, model.parameters()))
    assert all(p.grad is None for p in model.parameters())
