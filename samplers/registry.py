"""Samplers by the name that a configuration gives them."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers.cluster import ClusterSampler
from distgnn.samplers.fastgcn import FastGCNSampler
from distgnn.samplers.labor import LaborSampler
from distgnn.samplers.ladies import LadiesSampler
from distgnn.samplers.neighbor import NeighborSampler
from distgnn.samplers.random_partition import RandomPartitionSampler
from distgnn.samplers.saint import SaintEdgeSampler, SaintNodeSampler, SaintWalkSampler
from distgnn.samplers.shadow import ShadowSampler
from distgnn.samplers.temporal import TemporalSampler
from distgnn.samplers.weighted import WeightedSampler

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distgnn.samplers.base import BatchSampler, Int64s, Sampler
    from distgnn.samplers.khop import Fanouts
    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph

SAMPLERS: dict[str, type[Any]] = {
    "fastgcn": FastGCNSampler,
    "labor": LaborSampler,
    "ladies": LadiesSampler,
    "neighbor": NeighborSampler,
    "shadow": ShadowSampler,
    "cluster": ClusterSampler,
    "saint_node": SaintNodeSampler,
    "saint_edge": SaintEdgeSampler,
    "saint_walk": SaintWalkSampler,
    "random_partition": RandomPartitionSampler,
    "temporal": TemporalSampler,
    "weighted": WeightedSampler,
}

# Arguments of samplers' constructors that are no options: they have settings of their own.
_SETTINGS = {"graph", "fanouts", "replace", "seed", "seeds", "node_type"}


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
            names = sorted(known.keys() - _SETTINGS)
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
    seeds: Int64s | None = None,
    node_type: NodeType | None = None,
) -> Sampler | BatchSampler:
    """Return the sampler called `name` over `graph`; settings that it has no use for are left out.

    Args:
        name: One of `SAMPLERS`.
        graph: The graph.
        fanouts: For each hop; not passed on to a sampler that knows none.
        replace: Whether an edge may be drawn more than once for a node.
        seed: Key of all draws.
        options: Further arguments of the sampler's constructor.
        seeds: Global ids of all nodes that are learned from, int64 [n], for a sampler that chooses
            the seeds of its batches itself (`chooses_seeds`).
        node_type: Their type; may be left out where the graph has one.

    Raises:
        ArgumentError: an unknown name or option, a value that is not possible, or one that is
            missing.
    """
    options = options or {}
    check_options(name, options, replace=replace)
    settings = {
        "fanouts": fanouts, "replace": replace, "seed": seed, "seeds": seeds, "node_type": node_type
    }  # fmt: skip
    known = _arguments(name)
    missing = [key for key, needed in known.items() if needed and key not in {*settings, *options}]
    if missing:
        msg = f"the sampler {name!r} needs the option {missing[0]!r}: give it in sampler.options"
        raise ArgumentError(msg)
    passed = {key: value for key, value in settings.items() if key in known}
    sampler: Sampler | BatchSampler = sampler_class(name)(graph, **passed, **options)
    return sampler


def any_depth(name: str) -> bool:
    """Return whether networks of any depth run on the subgraphs of the sampler called `name`.

    Others draw a hop for each layer.
    """
    return getattr(sampler_class(name), "any_depth", False)


def chooses_seeds(name: str) -> bool:
    """Return whether the sampler called `name` chooses the seeds of its batches itself."""
    return "seeds" in _arguments(name)


def _arguments(name: str) -> dict[str, bool]:
    """Return the arguments of a sampler's constructor besides the graph, and which it needs.

    A constructor that takes ``**options`` hands them on to that of its base.
    """
    found: dict[str, bool] = {}
    for base in sampler_class(name).__mro__:
        parameters = list(inspect.signature(base).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind is not parameter.VAR_KEYWORD:
                found.setdefault(parameter.name, parameter.default is parameter.empty)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
            break
    return found
