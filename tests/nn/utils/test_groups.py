"""Scatter, softmax per group and degree against torch-geometric and by hand."""

import pytest
import torch
import torch_geometric.utils as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils import degree, scatter, softmax

INDEX = torch.tensor([3, 0, 3, 1, 0, 3])
"""Group 2 is empty, and so is a group 4."""
VALUES = torch.randn(2, 6, 3, generator=torch.Generator().manual_seed(0)).double()


@pytest.mark.parametrize("reduce", ["sum", "add", "mean", "min", "max", "mul", "any"])
@pytest.mark.parametrize("dim", [1, -2])
def test_scatter(reduce, dim):
    ours, theirs = (VALUES.clone().requires_grad_() for _ in range(2))
    found = scatter(ours, INDEX, dim, 5, reduce)
    expected = pyg.scatter(theirs, INDEX, dim, 5, reduce)
    torch.testing.assert_close(found, expected)
    if reduce == "any":
        return
    weight = torch.arange(30.0).view(2, 5, 3)
    gradients = [
        torch.autograd.grad((o * weight).sum(), i)[0]
        for o, i in ((found, ours), (expected, theirs))
    ]
    torch.testing.assert_close(*gradients)


def test_scatter_by_hand():
    src = torch.tensor([1.0, -2, 3, 4, -5, 6])
    assert scatter(src, INDEX).tolist() == [-7, 4, 0, 10]
    assert scatter(src[:5], INDEX[:5], reduce="mean").tolist() == [-3.5, 4, 0, 2]
    assert scatter(src, INDEX, dim_size=5, reduce="min").tolist() == [-5, 4, 0, 1, 0]
    assert scatter(src, INDEX, dim_size=5, reduce="mul").tolist() == [10, 4, 1, 18, 1]
    assert scatter(src[:0], INDEX[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ((VALUES, INDEX.view(2, 3), 1), r"index has shape \[2, 3\]"),
        ((VALUES, INDEX, 3), r"dim=3 does not exist in src of shape \[2, 6, 3\]"),
        ((VALUES, INDEX, 1, 4, "mena"), "did you mean 'mean'"),
    ],
)
def test_scatter_refuses(arguments, match):
    with pytest.raises(ArgumentError, match=match):
        scatter(*arguments)


@pytest.mark.parametrize("dim", [1, -2])
def test_softmax(dim):
    ours, theirs = (VALUES.clone().requires_grad_() for _ in range(2))
    found = softmax(ours, INDEX, num_nodes=5, dim=dim)
    expected = pyg.softmax(theirs, INDEX, num_nodes=5, dim=dim)
    torch.testing.assert_close(found, expected)
    weight = torch.arange(36.0).view(2, 6, 3)
    gradients = [
        torch.autograd.grad((o * weight).sum(), i)[0]
        for o, i in ((found, ours), (expected, theirs))
    ]
    torch.testing.assert_close(*gradients)


def test_softmax_by_limits():
    ptr = torch.tensor([0, 2, 2, 3, 6])
    found = softmax(VALUES, ptr=ptr, dim=1)
    torch.testing.assert_close(found, pyg.softmax(VALUES, ptr=ptr, dim=1))
    total = scatter(found, torch.tensor([0, 0, 2, 3, 3, 3]), 1)
    torch.testing.assert_close(
        total, torch.tensor([1.0, 0, 1, 1]).view(1, 4, 1).expand(2, 4, 3).double()
    )


def test_softmax_of_large_scores():
    assert softmax(torch.tensor([1e4, 1e4]), torch.tensor([0, 0])).tolist() == [0.5, 0.5]


def test_softmax_needs_groups():
    with pytest.raises(ArgumentError, match="give index"):
        softmax(VALUES)


def test_degree():
    assert degree(INDEX).tolist() == [2, 1, 0, 3]
    assert degree(INDEX, 6, torch.int64).tolist() == [2, 1, 0, 3, 0, 0]
    assert degree(INDEX[:0]).shape == (0,)
