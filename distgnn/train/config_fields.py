"""Types and checks that the sections of a configuration share."""

from __future__ import annotations

import json
from typing import Annotated, Any

from tyro.constructors import PrimitiveConstructorSpec

from distgnn.exceptions import ConfigError

Fanouts = tuple[int, ...] | dict[str, tuple[int, ...]]
"""Neighbours drawn for a node at each hop (-1: all), for every edge type or by edge type."""


def _fanouts_from_words(words: list[str]) -> Fanouts:
    if words and words[0].startswith("{"):
        return {key: tuple(map(int, hops)) for key, hops in json.loads(" ".join(words)).items()}
    return tuple(map(int, words))


def _words_from_fanouts(fanouts: Fanouts | None) -> list[str]:
    if fanouts is None:
        return ["None"]
    return [json.dumps(fanouts)] if isinstance(fanouts, dict) else [str(hop) for hop in fanouts]


_WORDS = PrimitiveConstructorSpec[Any](
    nargs="*",
    metavar="INT ...|JSON",
    instance_from_str=_fanouts_from_words,
    is_instance=lambda value: value is None or isinstance(value, (tuple, dict)),
    str_from_instance=_words_from_fanouts,
)
FanoutsField = Annotated[Fanouts, _WORDS]
OptionalFanoutsField = Annotated[Fanouts | None, _WORDS]
JsonTable = Annotated[
    dict[str, Any],
    PrimitiveConstructorSpec(
        nargs=1,
        metavar="JSON",
        instance_from_str=lambda words: json.loads(words[0]),
        is_instance=lambda value: isinstance(value, dict),
        str_from_instance=lambda value: [json.dumps(value)],
    ),
]


def require(condition: bool, name: str, value: object, must: str) -> None:  # noqa: FBT001
    """Refuse `value` of the field `name` unless `condition` holds."""
    if not condition:
        msg = f"{name} = {value!r}: it must be {must}"
        raise ConfigError(msg)


def num_hops(fanouts: Fanouts) -> int:
    """Return the number of hops that `fanouts` describe."""
    return max(map(len, fanouts.values()), default=0) if isinstance(fanouts, dict) else len(fanouts)


def require_fanouts(name: str, fanouts: Fanouts) -> None:
    """Refuse fanouts that no sampler can draw."""
    lists = list(fanouts.values()) if isinstance(fanouts, dict) else [fanouts]
    require(
        num_hops(fanouts) > 0 and all(len(hops) == len(lists[0]) for hops in lists),
        name, fanouts, "at least one number, and as many for each edge type",
    )  # fmt: skip
    require(
        all(hop >= 1 or hop == -1 for hops in lists for hop in hops),
        name, fanouts, "numbers of neighbours >= 1, or -1 for all of them",
    )  # fmt: skip
