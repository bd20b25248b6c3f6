import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import HeteroDictLinear, Linear
from tests.nn.parity import assert_parity


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [3, -1])
def test_as_torch_geometric(size, bias):
    ours, theirs = Linear(size, 4, bias), pyg.Linear(size, 4, bias)
    assert repr(ours) == repr(theirs)
    theirs(torch.randn(2, 3))
    assert_parity(ours, theirs, torch.randn(5, 3))
    assert_parity(ours, theirs, torch.randn(2, 5, 3))


@pytest.mark.parametrize("bias_initializer", [None, "zeros"])
@pytest.mark.parametrize("weight_initializer", [None, "glorot", "uniform", "kaiming_uniform"])
def test_the_same_draws_as_torch_geometric(weight_initializer, bias_initializer):
    weights = []
    for cls in (Linear, pyg.Linear):
        torch.manual_seed(0)
        weights.append(cls(5, 4, True, weight_initializer, bias_initializer).state_dict())
    for name, value in weights[1].items():
        torch.testing.assert_close(weights[0][name], value)


def test_the_input_size_comes_from_the_first_input_or_from_a_checkpoint():
    lazy = Linear(-1, 4)
    unused = copy.deepcopy(lazy), pickle.loads(pickle.dumps(lazy))
    lazy(torch.randn(2, 3))
    assert lazy.in_channels == 3
    for other in unused:
        other.load_state_dict(lazy.state_dict())
        assert other.in_channels == 3
        x = torch.randn(2, 3)
        assert torch.equal(other(x), lazy(x))
    assert torch.equal(copy.deepcopy(lazy)(x), lazy(x))


def test_a_checkpoint_without_weights_makes_a_map_lazy_again():
    unused = Linear(-1, 4)
    used = Linear(3, 4)
    used.load_state_dict(unused.state_dict())
    assert used.in_channels == -1
    assert used(torch.randn(2, 5)).shape == (2, 4)


def test_an_optimizer_made_before_the_first_input_trains_the_weights():
    lin = Linear(-1, 1)
    optimizer = torch.optim.SGD(lin.parameters(), lr=1.0)
    lin(torch.randn(2, 3))
    before = lin.weight.detach().clone()
    lin(torch.ones(2, 3)).sum().backward()
    optimizer.step()
    assert not torch.equal(lin.weight, before)


def test_types_as_torch_geometric():
    ours = HeteroDictLinear({"a": 2, "b": 3}, 4)
    theirs = pyg.HeteroDictLinear({"a": 2, "b": 3}, 4)
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, {"a": torch.randn(5, 2), "b": torch.randn(6, 3)})
    assert list(ours({"b": torch.randn(6, 3).double()})) == ["b"]
    ours.reset_parameters()
    lazy = HeteroDictLinear(-1, 4, ["a", "b"], bias=False)
    assert lazy({"a": torch.randn(5, 2), "b": torch.randn(6, 3)})["b"].shape == (6, 4)


@pytest.mark.parametrize("shape", [(0, 3), (0, 0), (4, 0)])
def test_empty_input(shape):
    assert Linear(-1, 2)(torch.empty(shape)).shape == (shape[0], 2)


def test_bad_input():
    with pytest.raises(ArgumentError, match=r"x has shape \[2, 5\].*built for \[\*, 3\]"):
        Linear(3, 4)(torch.randn(2, 5))
    with pytest.raises(ArgumentError, match=r"weight_initializer='gloro'.*did you mean 'glorot'"):
        Linear(3, 4, weight_initializer="gloro")
    with pytest.raises(ArgumentError, match=r"bias_initializer='ones'.*known: zeros"):
        Linear(3, 4, bias_initializer="ones")
    with pytest.raises(ArgumentError, match="types must name"):
        HeteroDictLinear(3, 4)
