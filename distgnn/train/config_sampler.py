"""The section ``[sampler]`` of a run's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import with_config

from distgnn.exceptions import ArgumentError, ConfigError
from distgnn.samplers.registry import check_options
from distgnn.train.config_fields import FanoutsField, JsonTable, require_fanouts


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class SamplerConfig:
    """Which neighbours a batch holds."""

    name: str = "neighbor"
    """Kind of sampler, see `distgnn.samplers.SAMPLERS`."""
    fanouts: FanoutsField = (15, 10)
    """Neighbours drawn for a node at each hop, seeds first; -1: all. Or by edge type, as a table:
    {"author__writes__paper": [15, 10], ...}."""
    replace: bool = False
    """Whether a neighbour may be drawn more than once for a node."""
    options: JsonTable = field(default_factory=dict)
    """Further arguments of the sampler's constructor, by name."""

    def __post_init__(self) -> None:
        require_fanouts("sampler.fanouts", self.fanouts)
        try:
            check_options(self.name, self.options, replace=self.replace)
        except ArgumentError as error:
            msg = f"sampler: {error}"
            raise ConfigError(msg) from None
