"""Settings of link prediction: the table ``[task.options]`` of a configuration."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from distgnn.exceptions import ConfigError, nearest

if TYPE_CHECKING:
    from collections.abc import Mapping


@with_config(ConfigDict(extra="forbid", strict=True))
@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOptions:
    """What is predicted, and against what.

    Raises:
        ConfigError: a value that is not possible.
    """

    edge_type: str | None = None
    """Type of the links, ``source__relation__target``; not needed where there is one."""
    undirected: bool | None = None
    """Whether each link is stored both ways and counts once; by default if all edges are."""
    reverse_type: str | None = None
    """The other edge type that holds each link the other way round, if there is one."""
    split_column: str = "split"
    """Column of the edge table that says train, val or test (or 0, 1, 2); without such a column
    links are split at random."""
    val_share: float = 0.05
    """Share of the links that a random split gives to validation."""
    test_share: float = 0.1
    """Share of the links that a random split gives to testing."""
    split_seed: int = 0
    """Decides the random split."""
    decoder: Literal["inner_product", "mlp"] = "inner_product"
    """How two representations become a score: their inner product, or a perceptron with one hidden
    layer on both and their product."""
    embedding_channels: int = 64
    """Size of the representation of a node."""
    negatives: Literal["uniform", "per_source", "degree", "in_batch"] = "per_source"
    """How negatives are drawn, see `distgnn.samplers.NegativeSampler`."""
    num_negatives: int = 1
    """Negatives of a link in training."""
    eval_negatives: int = 20
    """Negatives of a link in evaluation, the same ones each time. Average precision depends on
    their number: 1 is what most papers have."""
    remove_targets: bool = True
    """Whether the links of a training batch are taken out of its messages."""
    hits_at: int = 10
    """The k of the share of links that rank among the first k of their negatives and themselves."""

    def __post_init__(self) -> None:
        for name in ("embedding_channels", "num_negatives", "eval_negatives", "hits_at"):
            _require(getattr(self, name) >= 1, name, getattr(self, name), "at least 1")
        _require(self.split_seed >= 0, "split_seed", self.split_seed, "at least 0")
        for name in ("val_share", "test_share"):
            _require(0 <= getattr(self, name) < 1, name, getattr(self, name), "in [0, 1)")
        if self.val_share + self.test_share >= 1:
            msg = (
                f"task.options.val_share = {self.val_share} and task.options.test_share = "
                f"{self.test_share} leave no link to train on: their sum must be below 1"
            )
            raise ConfigError(msg)


_ADAPTER = TypeAdapter(LinkOptions)


def link_options(options: Mapping[str, Any]) -> LinkOptions:
    """Return the settings that the table `options` holds.

    Raises:
        ConfigError: an unknown name, or a value of the wrong type or that is not possible.
    """
    known = [field.name for field in fields(LinkOptions)]
    for name in options:
        if name not in known:
            msg = f"task.options.{name}: link prediction has no such option{nearest(name, known)}"
            raise ConfigError(msg)
    try:
        # Strict checking takes tables for dataclasses in JSON mode only.
        return _ADAPTER.validate_json(json.dumps(dict(options), default=str))
    except ValidationError as error:
        first = error.errors()[0]
        wanted = first["msg"].removeprefix("Input should be ")
        msg = f"task.options.{first['loc'][0]} = {first['input']!r}: it must be {wanted}"
        raise ConfigError(msg) from None


def _require(holds: bool, name: str, value: Any, wanted: str) -> None:  # noqa: FBT001
    if not holds:
        msg = f"task.options.{name} = {value!r}: it must be {wanted}"
        raise ConfigError(msg)
