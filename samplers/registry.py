"""Samplers by the name that a configuration gives them."""

from __future__ import annotations

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers.neighbor import NeighborSampler

SAMPLERS = {
    "neighbor": NeighborSampler,
}


def sampler_class(name: str) -> type[NeighborSampler]:
    """Return the sampler called `name`.

    Raises:
        ArgumentError: there is none.
    """
    if name not in SAMPLERS:
        msg = f"there is no sampler {name!r}{nearest(name, SAMPLERS)}"
        raise ArgumentError(msg)
    return SAMPLERS[name]
