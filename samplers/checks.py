"""Checks of arguments that samplers and loaders share."""

from __future__ import annotations

from typing import Any

import numpy as np

from distgnn.exceptions import ArgumentError


def is_whole(value: Any) -> bool:
    """Return whether `value` is an integer of Python or numpy (and not a bool)."""
    return isinstance(value, (int, np.integer)) and not isinstance(value, bool)


def whole_at_least(name: str, value: Any, smallest: int) -> int:
    """Return `value`, the argument called `name`, as an int.

    Raises:
        ArgumentError: it is no integer, below `smallest`, or beyond int64.
    """
    if not is_whole(value) or not smallest <= value < 1 << 63:
        msg = f"{name} must be a whole number, at least {smallest} and below 2**63, got {value!r}"
        raise ArgumentError(msg)
    return int(value)
