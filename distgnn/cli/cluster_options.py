"""Options of the command line that say how many processes train."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from distgnn.train.config import RunConfig


def with_cluster(
    config: RunConfig, *, num_workers: int | None, num_samplers: int | None, address: str | None
) -> RunConfig:
    """Return `config` with those settings of its section ``cluster`` that are given."""
    given: dict[str, Any] = {
        "num_workers": num_workers,
        "num_samplers": num_samplers,
        "address": address,
    }
    changed = {name: value for name, value in given.items() if value is not None}
    return replace(config, cluster=replace(config.cluster, **changed)) if changed else config
