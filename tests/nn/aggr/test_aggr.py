import copy
import pickle

import pytest
import torch
from torch import nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import aggr
from distgnn.nn.resolver import aggregation_resolver


def test_groups_written_out():
    x = torch.tensor([[1.0], [4.0], [2.0], [7.0]])
    index = torch.tensor([0, 0, 0, 2])
    expected = {
        "sum": [7, 0, 7],
        "mean": [7 / 3, 0, 7],
        "max": [4, 0, 7],
        "min": [1, 0, 7],
        "mul": [8, 1, 7],
        "median": [2, 0, 7],
        "var": [14 / 9, 0, 0],
        "std": [(14 / 9) ** 0.5, 0, 0],
    }
    for name, values in expected.items():
        out = aggregation_resolver(name)(x, index)
        torch.testing.assert_close(out.flatten(), torch.tensor(values, dtype=torch.float)), name


def test_without_groups_everything_is_one_group():
    assert aggr.MeanAggregation()(torch.tensor([[1.0], [3.0]])).tolist() == [[2.0]]


def test_values_that_tie_share_the_gradient():
    x = torch.tensor([[2.0], [2.0], [1.0]], requires_grad=True)
    aggr.MaxAggregation()(x, torch.zeros(3, dtype=torch.int64)).sum().backward()
    assert x.grad.flatten().tolist() == [0.5, 0.5, 0.0]


@pytest.mark.parametrize("name", ["max", "min"])
def test_gradient_of_extrema_is_differentiable(name):
    x = torch.randn(6, 2, dtype=torch.double, requires_grad=True)
    index = torch.tensor([1, 0, 1, 3, 0, 1])
    module = aggregation_resolver(name)
    assert torch.autograd.gradcheck(lambda v: module(v, index, dim_size=4), x)
    assert torch.autograd.gradgradcheck(lambda v: module(v, index, dim_size=4) ** 2, x)


def test_gradient_of_power_mean_is_finite_where_the_mean_is_zero():
    module = aggr.PowerMeanAggregation(p=1.5, learn=True)
    x = torch.tensor([[-1.0], [2.0]], requires_grad=True)
    module(x, torch.tensor([0, 1]), dim_size=3).sum().backward()
    assert bool(x.grad.isfinite().all())
    assert bool(module.p.grad.isfinite().all())


def test_bfloat16_autocast():
    lin = nn.Linear(3, 3)
    x = torch.randn(4, 3)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for name in ("sum", "mean", "max", "std", "softmax", "median"):
            out = aggregation_resolver(name)(lin(x), torch.tensor([0, 1, 1, 1]))
            assert out.shape == (2, 3)
            out.sum().backward()


def test_copies_and_pickles():
    module = aggr.MultiAggregation(["mean", "lstm"], [{}, {"in_channels": 3, "out_channels": 3}])
    x, index = torch.randn(4, 3), torch.tensor([0, 0, 1, 1])
    for other in (copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x, index), module(x, index))
    module.reset_parameters()
    assert not torch.equal(other(x, index), module(x, index))


def test_reset_restores_learned_scalars():
    module = aggr.SoftmaxAggregation(t=0.5, learn=True)
    module.t.data.fill_(9.0)
    module.reset_parameters()
    assert module.t.tolist() == [0.5]


X, INDEX = torch.zeros(4, 3), torch.tensor([0, 0, 1, 1])


BAD = [
    (lambda: aggr.SumAggregation()(X, INDEX, dim=2), "dim=2 does not exist"),
    (lambda: aggr.SumAggregation()(X, INDEX[:3]), r"index has shape \[3\]"),
    (lambda: aggr.SumAggregation()(X, INDEX, dim_size=1), "index spans 0 to 1"),
    (lambda: aggr.MaxAggregation()(X, INDEX, dim_size=1), "index spans 0 to 1"),
    (
        lambda: aggr.SumAggregation()(X, ptr=torch.tensor([0, 2, 4]), dim_size=3),
        "dim_size=3, but ptr .* delimits 2",
    ),
    (lambda: aggr.LSTMAggregation(3, 2)(X, INDEX.flip(0)), "not sorted"),
    (lambda: aggr.LSTMAggregation(3, 2)(X[None], INDEX), r"\[1, 4, 3\]"),
    (lambda: aggr.SoftmaxAggregation(channels=3), "learn=True"),
    (lambda: aggr.SoftmaxAggregation(learn=True, semi_grad=True), "semi_grad"),
    (lambda: aggr.PowerMeanAggregation(channels=3), "learn=True"),
    (lambda: aggr.MultiAggregation([]), "non-empty"),
    (lambda: aggr.MultiAggregation(["meen"]), "did you mean 'mean'"),
    (lambda: aggr.MultiAggregation(["mean"], [{}, {}]), "2 entries for 1"),
    (lambda: aggr.MultiAggregation(["mean"], mode="kat"), "did you mean 'cat'"),
    (lambda: aggr.MultiAggregation(["mean"], mode="proj"), "in_channels and out_channels"),
    (
        lambda: aggr.DegreeScalerAggregation("mean", "linaer", INDEX),
        "did you mean 'linear'",
    ),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=map(str, range(len(BAD))))
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
