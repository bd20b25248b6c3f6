"""Compare a module of ours with torch-geometric's of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Callable

TOLERANCE = {"rtol": 1e-6, "atol": 1e-9}


def double(value: Any) -> Any:
    """Copy `value`, its float tensors as float64 that want a gradient."""
    if isinstance(value, Tensor):
        if value.is_floating_point():
            return value.detach().double().clone().requires_grad_()
        return value
    if isinstance(value, list | tuple):
        return type(value)(double(v) for v in value)
    if isinstance(value, dict):
        return {k: double(v) for k, v in value.items()}
    return value


def leaves(value: Any) -> list[Tensor]:
    """Return the float tensors in nested lists, tuples and dictionaries."""
    if isinstance(value, Tensor):
        return [value] if value.is_floating_point() else []
    if isinstance(value, list | tuple):
        return [leaf for v in value for leaf in leaves(v)]
    if isinstance(value, dict):
        return [leaf for v in value.values() for leaf in leaves(v)]
    return []


def assert_parity(
    ours: nn.Module,
    theirs: nn.Module,
    *args: Any,
    call: Callable[..., Any] | None = None,
    seed: int = 0,
    tolerance: dict[str, float] = TOLERANCE,
    **kwargs: Any,
) -> None:
    """Load their weights strictly; outputs, gradients and buffers must agree within 1e-6.

    `call(module, *args, **kwargs)` replaces the plain call. Random draws start from `seed` on both
    sides. A wider `tolerance` is for what torch-geometric computes in float32.
    """
    ours.double()
    theirs.double()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    results = []
    for module in (ours, theirs):
        inputs, named = double(args), double(kwargs)
        torch.manual_seed(seed)
        out = (call or nn.Module.__call__)(module, *inputs, **named)
        outputs = [leaf for leaf in leaves(out) if leaf.requires_grad]
        module.zero_grad()
        if outputs:
            # A random projection, so that no part of the gradient cancels.
            generator = torch.Generator().manual_seed(1)
            weights = [torch.randn(o.shape, generator=generator, dtype=o.dtype) for o in outputs]
            total = sum((o * w).sum() for o, w in zip(outputs, weights, strict=True))
            if isinstance(total, Tensor):
                total.backward()
        results.append((out, leaves((inputs, named)), dict(module.named_parameters())))
    (out, inputs, parameters), (out_, inputs_, parameters_) = results
    assert_equal_trees(out, out_, tolerance)
    for ours_in, theirs_in in zip(inputs, inputs_, strict=True):
        assert_same_gradient(ours_in, theirs_in, "input", tolerance)
    for name, theirs_parameter in parameters_.items():
        assert_same_gradient(parameters[name], theirs_parameter, name, tolerance)
    for name, buffer in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], buffer, msg=name, **tolerance)


def assert_same_gradient(
    ours: Tensor, theirs: Tensor, name: str, tolerance: dict[str, float]
) -> None:
    zero = torch.zeros_like(ours)
    mine = zero if ours.grad is None else ours.grad
    other = zero if theirs.grad is None else theirs.grad
    torch.testing.assert_close(mine, other, msg=lambda m: f"gradient of {name}: {m}", **tolerance)


def assert_equal_trees(ours: Any, theirs: Any, tolerance: dict[str, float]) -> None:
    if isinstance(theirs, Tensor):
        torch.testing.assert_close(ours, theirs, **tolerance)
    elif isinstance(theirs, list | tuple):
        for a, b in zip(ours, theirs, strict=True):
            assert_equal_trees(a, b, tolerance)
    elif isinstance(theirs, dict):
        assert list(ours) == list(theirs)
        for key, value in theirs.items():
            assert_equal_trees(ours[key], value, tolerance)
    else:
        assert ours == theirs
