import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import HeteroJumpingKnowledge, JumpingKnowledge
from tests.nn.parity import assert_parity

MODES = [("cat", None, None), ("max", None, None), ("lstm", 3, 4)]


@pytest.mark.parametrize(("mode", "channels", "num_layers"), MODES)
def test_as_torch_geometric(mode, channels, num_layers):
    ours = JumpingKnowledge(mode, channels, num_layers)
    theirs = pyg.JumpingKnowledge(mode, channels, num_layers)
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, [torch.randn(6, 3) for _ in range(4)])


@pytest.mark.parametrize(("mode", "channels", "num_layers"), MODES)
def test_types_as_torch_geometric(mode, channels, num_layers):
    ours = HeteroJumpingKnowledge(["a", "b"], mode, channels, num_layers)
    theirs = pyg.HeteroJumpingKnowledge(["a", "b"], mode, channels, num_layers)
    assert repr(ours) == repr(theirs)
    xs = {key: [torch.randn(6, 3) for _ in range(4)] for key in ("a", "b")}
    assert_parity(ours, theirs, xs)
    ours.reset_parameters()


@pytest.mark.parametrize(("mode", "channels", "num_layers"), MODES)
def test_copies_pickles_empty(mode, channels, num_layers):
    jk = JumpingKnowledge(mode, channels, num_layers)
    xs = [torch.randn(6, 3) for _ in range(4)]
    for other in (copy.deepcopy(jk), pickle.loads(pickle.dumps(jk))):
        assert torch.equal(other(xs), jk(xs))
    assert jk([torch.empty(0, 3)] * 4).shape == (0, 12 if mode == "cat" else 3)


def test_reset_draws_anew():
    jk = JumpingKnowledge("lstm", 3, 4)
    before = jk.att.weight.clone()
    jk.reset_parameters()
    assert not torch.equal(jk.att.weight, before)
    JumpingKnowledge("cat").reset_parameters()


def test_bad_input():
    with pytest.raises(ArgumentError, match="'lst' is unknown; did you mean 'lstm'"):
        JumpingKnowledge("lst")
    with pytest.raises(ArgumentError, match=r"needs channels .* and num_layers"):
        JumpingKnowledge("lstm", 3)


def test_case_of_the_mode_does_not_matter():
    assert JumpingKnowledge("LSTM", 3, 2).mode == "lstm"
    assert JumpingKnowledge("Cat")([torch.ones(2, 1)] * 2).shape == (2, 2)
