"""Samplers by the name that a configuration gives them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers.neighbor import NeighborSampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distgnn.samplers.base import Sampler
    from distgnn.samplers.neighbor import Fanouts
    from distgnn.shards import ShardedGraph

SAMPLERS: dict[str, type[Any]] = {
    "neighbor": NeighborSampler,
}

# Arguments of samplers' constructors that are no options: they have settings of their own.
_SETTINGS = {"graph", "fanouts", "replace", "seed"}


def sampler_class(name: str) -> type[Any]:
    """Return the sampler called `name`.

    Raises:
        ArgumentError: there is none.
    """
    if name not in SAMPLERS:
        msg = f"there is no sampler {name!r}{nearest(name, SAMPLERS)}"
        raise ArgumentError(msg)
    return SAMPLERS[name]


def check_options(name: str, options: Mapping[str, Any], *, replace: bool = False) -> None:
    """Check that the sampler called `name` knows `options`: arguments of its constructor.

    Raises:
        ArgumentError: there is no such sampler, it has no such option, or `replace` is asked of a
            sampler that never draws an edge twice.
    """
    known = _arguments(name)
    if replace and "replace" not in known:
        msg = f"the sampler {name!r} never draws an edge twice: leave replace out"
        raise ArgumentError(msg)
    for option in options:
        if option in _SETTINGS:
            msg = f"{option!r} is no option of a sampler: it has a setting of its own"
            raise ArgumentError(msg)
        if option not in known:
            names = sorted(known - _SETTINGS)
            msg = f"the sampler {name!r} has no option {option!r}{nearest(option, names)}"
            raise ArgumentError(msg)


def make_sampler(
    name: str,
    graph: ShardedGraph,
    fanouts: Fanouts,
    *,
    replace: bool = False,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Sampler:
    """Return the sampler called `name` over `graph`.

    Args:
        name: One of `SAMPLERS`.
        graph: The graph.
        fanouts: For each hop; not passed on to a sampler that knows none.
        replace: Whether an edge may be drawn more than once for a node.
        seed: Key of all draws.
        options: Further arguments of the sampler's constructor.

    Raises:
        ArgumentError: an unknown name or option, or a value that is not possible.
    """
    options = options or {}
    check_options(name, options, replace=replace)
    settings = {"fanouts": fanouts, "replace": replace, "seed": seed}
    known = _arguments(name)
    passed = {key: value for key, value in settings.items() if key in known}
    sampler: Sampler = sampler_class(name)(graph, **passed, **options)
    return sampler


def _arguments(name: str) -> set[str]:
    return set(inspect.signature(sampler_class(name)).parameters)
