"""State of the random generators that models may draw from (sampling has its own, stateless)."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def seed_generators(seed: int) -> None:
    """Seed the generators of torch (all devices), numpy and Python."""
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - models that use it should be reproducible too
    random.seed(seed)


def seed_of_rank(seed: int, rank: int, step: int = 0) -> int:
    """Return the seed of a rank's generators from optimizer step `step` on; rank 0 keeps `seed`."""
    if rank == 0 and step == 0:
        return seed
    return int(np.random.SeedSequence([seed, rank, step]).generate_state(1, np.uint64)[0] >> 1)


def generator_states(device: torch.device) -> dict[str, Any]:
    """Return the state of the generators of torch (CPU and `device`), numpy and Python."""
    kind, keys, position, has_gauss, gauss = np.random.get_state(legacy=True)  # noqa: NPY002
    states = {
        "torch": torch.get_rng_state(),
        "numpy": (kind, torch.from_numpy(np.array(keys)), position, has_gauss, gauss),
        "python": random.getstate(),
    }
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def restore_generators(states: dict[str, Any], device: torch.device) -> None:
    """Put the generators into `states`; one that was saved without CUDA leaves CUDA's as it is."""
    torch.set_rng_state(states["torch"])
    kind, keys, *rest = states["numpy"]
    np.random.set_state((kind, keys.numpy(), *rest))  # noqa: NPY002
    random.setstate(states["python"])
    if device.type == "cuda" and "cuda" in states:
        torch.cuda.set_rng_state(states["cuda"], device)
