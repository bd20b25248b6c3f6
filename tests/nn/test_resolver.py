import pytest
import torch
import torch_geometric.nn.resolver as pyg
from torch import nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import aggr, norm
from distgnn.nn.resolver import (
    activation_resolver,
    aggregation_resolver,
    normalization_resolver,
    swish,
)


@pytest.mark.parametrize(
    "name", ["relu", "ReLU", "leaky-relu", "leaky_relu", "Leaky ReLU", "swish", "elu", "tanh"]
)
def test_activations_as_torch_geometric(name):
    x = torch.randn(10)
    assert torch.equal(activation_resolver(name)(x), pyg.activation_resolver(name)(x))


def test_arguments_are_passed_on():
    assert activation_resolver("leaky_relu", negative_slope=0.3).negative_slope == 0.3
    assert normalization_resolver("graph_norm", 4, eps=0.5).eps == 0.5
    assert aggregation_resolver("softmax", learn=True).learn


def test_what_is_no_string_is_used_as_it_is():
    module = nn.Identity()
    assert activation_resolver(module) is module
    assert activation_resolver(torch.relu) is torch.relu
    assert normalization_resolver(module, 4) is module
    assert aggregation_resolver(module) is module


@pytest.mark.parametrize("name", ["sum", "add", "SumAggregation", "Sum Aggregation"])
def test_names_of_the_sum(name):
    assert isinstance(aggregation_resolver(name), aggr.SumAggregation)


def test_every_aggregation_and_norm_has_a_name():
    for name in ("mean", "max", "min", "mul", "var", "std", "median", "powermean"):
        assert type(aggregation_resolver(name)).__name__.lower() == f"{name}aggregation"
    assert isinstance(aggregation_resolver("lstm", 2, 3), aggr.LSTMAggregation)
    assert isinstance(aggregation_resolver(["sum", "max"]), aggr.MultiAggregation)
    assert isinstance(normalization_resolver("layer norm", 2), norm.LayerNorm)
    assert isinstance(normalization_resolver("pair_norm"), norm.PairNorm)


@pytest.mark.parametrize(
    ("resolve", "name", "message"),
    [
        (activation_resolver, "rellu", "act='rellu' is unknown; did you mean 'relu'"),
        (
            normalization_resolver,
            "layrnorm",
            "norm='layrnorm' is unknown; did you mean 'layernorm'",
        ),
        (aggregation_resolver, "meann", "aggr='meann' is unknown; did you mean 'mean'"),
    ],
    ids=["act", "norm", "aggr"],
)
def test_unknown_names(resolve, name, message):
    with pytest.raises(ArgumentError, match=message):
        resolve(name)


def test_swish_is_differentiable():
    x = torch.randn(5, dtype=torch.double, requires_grad=True)
    assert torch.autograd.gradcheck(swish, x)
