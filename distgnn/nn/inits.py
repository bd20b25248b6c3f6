"""Initial values of parameters, written into the tensors in place.

Every function takes a tensor, a module (all its parameters and buffers) or None (nothing
happens), so that a layer can initialise an optional bias without asking whether it exists.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Iterator

Initialised = Tensor | nn.Module | None


def _tensors(value: Initialised) -> Iterator[Tensor]:
    if isinstance(value, nn.Module):
        yield from chain(value.parameters(), value.buffers())
    elif value is not None:
        yield value


@torch.no_grad()
def uniform(size: int, value: Initialised) -> None:
    """Draw from U(-b, b), b = 1 / sqrt(`size`); nothing is drawn for `size` 0."""
    if size > 0:
        bound = 1.0 / math.sqrt(size)
        for tensor in _tensors(value):
            tensor.uniform_(-bound, bound)


@torch.no_grad()
def kaiming_uniform(value: Initialised, fan: int, a: float) -> None:
    """Draw from U(-b, b), b = sqrt(6 / ((1 + a^2) fan)): He et al., https://arxiv.org/abs/1502.01852.

    Args:
        value: What to initialise.
        fan: Number of inputs of a unit; nothing is drawn for 0.
        a: Negative slope of the leaky ReLU that follows.
    """
    if fan > 0:
        bound = math.sqrt(6.0 / ((1.0 + a * a) * fan))
        for tensor in _tensors(value):
            tensor.uniform_(-bound, bound)


@torch.no_grad()
def glorot(value: Initialised) -> None:
    """Draw from U(-b, b), b = sqrt(6 / (rows + columns)) of the last two dimensions.

    Glorot & Bengio 2010, http://proceedings.mlr.press/v9/glorot10a.html. Nothing happens to a
    tensor whose last two dimensions are both empty.
    """
    for tensor in _tensors(value):
        fan = tensor.size(-2) + tensor.size(-1)
        if fan > 0:
            bound = math.sqrt(6.0 / fan)
            tensor.uniform_(-bound, bound)


@torch.no_grad()
def glorot_orthogonal(tensor: Tensor | None, scale: float) -> None:
    """Make `tensor` (semi-)orthogonal with the variance `scale` / (rows + columns).

    The initialisation of DimeNet, https://arxiv.org/abs/2003.03123.
    """
    if tensor is not None:
        nn.init.orthogonal_(tensor)
        fan = tensor.size(-2) + tensor.size(-1)
        tensor.mul_(torch.sqrt(scale / (fan * tensor.var())))


@torch.no_grad()
def constant(value: Initialised, fill_value: float) -> None:
    """Write `fill_value` everywhere."""
    for tensor in _tensors(value):
        tensor.fill_(fill_value)


def zeros(value: Initialised) -> None:
    """Write 0 everywhere."""
    constant(value, 0.0)


def ones(value: Initialised) -> None:
    """Write 1 everywhere."""
    constant(value, 1.0)


@torch.no_grad()
def normal(value: Initialised, mean: float, std: float) -> None:
    """Draw from the normal distribution of that mean and standard deviation."""
    for tensor in _tensors(value):
        tensor.normal_(mean, std)
