import copy

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import MaskLabel
from tests.nn.parity import assert_parity

Y = torch.tensor([0, 2, 1, -1, 0])
MASK = torch.tensor([True, True, False, False, True])


@pytest.mark.parametrize(("method", "size"), [("add", 4), ("concat", 3)])
def test_as_torch_geometric(method, size):
    ours, theirs = MaskLabel(3, size, method), pyg.MaskLabel(3, size, method)
    assert_parity(ours, theirs, torch.randn(5, 4), Y, MASK)
    assert_parity(ours, theirs, torch.randn(5, 4), Y, torch.zeros(5, dtype=torch.bool))
    assert repr(ours) == f"MaskLabel(3, {size}, method={method})"


def test_input_is_left_alone():
    x = torch.randn(5, 4)
    before = x.clone()
    MaskLabel(3, 4)(x, Y, MASK)
    assert torch.equal(x, before)


def test_autocast():
    x = torch.randn(5, 4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        lin = torch.nn.Linear(4, 4)
        for method in ("add", "concat"):
            MaskLabel(3, 4, method)(lin(x), Y, MASK).sum().backward()


def test_ratio_mask_keeps_a_share_of_true():
    mask = torch.arange(10_000) % 2 == 0
    torch.manual_seed(0)
    kept = MaskLabel.ratio_mask(mask, 0.3)
    assert not bool((kept & ~mask).any())
    assert float(kept.sum()) / 5000 == pytest.approx(0.3, abs=0.03)
    assert torch.equal(MaskLabel.ratio_mask(mask, 1.0), mask)


def test_resets_and_copies():
    layer = MaskLabel(3, 4)
    x, before = torch.randn(5, 4), layer.emb.weight.clone()
    assert torch.equal(copy.deepcopy(layer)(x, Y, MASK), layer(x, Y, MASK))
    layer.reset_parameters()
    assert not torch.equal(layer.emb.weight, before)


def test_bad_input():
    with pytest.raises(ArgumentError, match="did you mean 'concat'"):
        MaskLabel(3, 4, "concatenate")
    with pytest.raises(ArgumentError, match=r"x has shape \[5, 3\].*\[\*, 4\]"):
        MaskLabel(3, 4)(torch.randn(5, 3), Y, MASK)
