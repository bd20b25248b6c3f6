"""Calls that offer no deadline of their own, given one."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Value = TypeVar("Value")


def with_deadline(timeout_s: float, call: Callable[[], Value]) -> Value:
    """Return what `call` returns, which runs in a thread that is left behind if it is late.

    Raises:
        TimeoutError: it did not return within `timeout_s` seconds.
        Exception: whatever `call` raises.
    """
    values: list[Value] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            values.append(call())
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=run, name="distgnn-deadline", daemon=True)
    thread.start()
    thread.join(timeout_s)
    if errors:
        raise errors[0]
    if not values:
        raise TimeoutError
    return values[0]
