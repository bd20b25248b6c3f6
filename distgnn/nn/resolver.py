"""Activations, norms and aggregations by name.

Case, ``-``, ``_`` and spaces in a name do not matter. Anything that is not a string (a module, a
function, a class) is returned as it is.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.row_linear import ReLU

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def swish(x: Tensor) -> Tensor:
    """Return x * sigmoid(x), elementwise."""
    return x * x.sigmoid()


def activation_resolver(query: Any = "relu", *args: Any, **kwargs: Any) -> Any:
    """Return the activation called `query`: one of `torch.nn`, built with the arguments, or swish.

    Raises:
        ArgumentError: No activation has that name.
    """
    return _resolve("act", query, _activations(), *args, **kwargs)


def normalization_resolver(query: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the norm of `distgnn.nn.norm` called `query`, built with the arguments.

    Raises:
        ArgumentError: No norm has that name.
    """
    return _resolve("norm", query, _classes_of("distgnn.nn.norm", ""), *args, **kwargs)


def aggregation_resolver(query: Any, *args: Any, **kwargs: Any) -> Any:
    """Return the aggregation of `distgnn.nn.aggr` called `query`, built with the arguments.

    ``"SumAggregation"``, ``"sum"`` and ``"add"`` are one. A list or tuple gives a
    `MultiAggregation` that concatenates its members in the given order.

    Raises:
        ArgumentError: No aggregation has that name.
    """
    if isinstance(query, list | tuple):
        return _resolve("aggr", "multi", _aggregations(), list(query), *args, **kwargs)
    return _resolve("aggr", query, _aggregations(), *args, **kwargs)


def _resolve(
    argument: str, query: Any, known: Mapping[str, Callable[..., Any]], *args: Any, **kwargs: Any
) -> Any:
    if not isinstance(query, str):
        return query
    found = known.get(_normalize(query))
    if found is None:
        msg = f"{argument}={query!r} is unknown{nearest(_normalize(query), known)}"
        raise ArgumentError(msg)
    return found(*args, **kwargs)


def _normalize(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(" ", "")


@cache
def _activations() -> dict[str, Callable[..., Any]]:
    module = torch.nn.modules.activation
    found: dict[str, Callable[..., Any]] = {
        _normalize(n): getattr(module, n) for n in module.__all__
    }
    found["relu"] = ReLU
    found["swish"] = lambda: swish
    return found


@cache
def _classes_of(module: str, suffix: str) -> dict[str, Callable[..., Any]]:
    # Imported by name at the first call: these packages use this module themselves.
    package = import_module(module)
    found: dict[str, Callable[..., Any]] = {}
    for name in package.__all__:
        cls = getattr(package, name)
        if isinstance(cls, type) and issubclass(cls, nn.Module):
            found[_normalize(name)] = cls
            found.setdefault(_normalize(name.removesuffix(suffix)), cls)
    found.pop("", None)
    return found


def _aggregations() -> dict[str, Callable[..., Any]]:
    found = _classes_of("distgnn.nn.aggr", "Aggregation")
    return {**found, "add": found["sum"]}
