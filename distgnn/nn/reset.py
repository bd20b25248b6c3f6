"""Reset the learnable parameters of any module."""

from __future__ import annotations

from typing import Any


def reset(value: Any) -> None:
    """Call `reset_parameters` of `value`, or of the nearest descendants that have it.

    Anything else (None, a function, a module without parameters) is left alone.
    """
    if hasattr(value, "reset_parameters"):
        value.reset_parameters()
    elif hasattr(value, "children"):
        for child in value.children():
            reset(child)
