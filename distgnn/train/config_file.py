"""Reading a `RunConfig` from TOML and the command line, writing it, and comparing two."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli_w
import tyro
from pydantic import TypeAdapter, ValidationError

from distgnn.exceptions import ConfigError, nearest
from distgnn.train.config import RunConfig

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_ADAPTER = TypeAdapter(RunConfig)
_PATH_FIELDS = ("graph", "run_dir")


def default_config(path: Path | None) -> RunConfig:
    """Return what the command line starts from: the file `path`, or all defaults.

    Args:
        path: a TOML file; None: all defaults. Relative paths in it are relative to the file's
            folder. Where it names no graph, ``graph`` is `tyro.MISSING`: the command line must.

    Raises:
        ConfigError: the file cannot be read, holds an unknown key, a value of the wrong type, or
            values that do not go together.
    """
    data = _read_toml(path) if path is not None else {}
    config = config_from_dict({"graph": "", **data}, source=str(path) if path else "the defaults")
    return config if "graph" in data else dataclasses.replace(config, graph=tyro.MISSING)


def load_config(path: Path) -> RunConfig:
    """Return the configuration in the TOML file `path`; see `default_config`."""
    return config_from_dict(_read_toml(path), source=str(path))


def save_config(config: RunConfig, path: Path) -> None:
    """Write `config`, defaults included, as TOML to `path`; fields that are None are left out."""
    data = config_to_dict(config)
    for name in _PATH_FIELDS:
        data[name] = str(Path(data[name]).absolute())
    replace_text(path, tomli_w.dumps(_without_none(data)))


def replace_text(path: Path, text: str) -> None:
    """Write a small file that a reader, or a kill, meets whole: the old one or the new one."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(path)


def config_from_dict(data: Mapping[str, Any], *, source: str) -> RunConfig:
    """Return the configuration in nested tables; `source` names them in errors.

    Raises:
        ConfigError: an unknown key, a wrong type, or values that do not go together.
    """
    try:
        # In JSON mode strict checking still takes lists for tuples and strings for paths, which a
        # file must use.
        return _ADAPTER.validate_json(json.dumps(data, default=str), strict=True)
    except ValidationError as error:
        raise ConfigError(f"{source}: " + "; ".join(_describe(error.errors()))) from None
    except ConfigError as error:
        msg = f"{source}: {error}"
        raise ConfigError(msg) from None


def config_to_dict(config: RunConfig) -> dict[str, Any]:
    """Return `config` as nested tables of plain values; the inverse of `config_from_dict`."""
    data: dict[str, Any] = _ADAPTER.dump_python(config, mode="json")
    return data


def flatten(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested tables as one, keys joined by dots; the free tables ``options`` stay whole."""
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, Mapping) and key not in ("options", "fanouts"):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"cannot read the configuration {str(path)!r}: {error.strerror}; check the path"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not a TOML file: {error}; see https://toml.io for the format"
        raise ConfigError(msg) from error
    for name in _PATH_FIELDS:
        if isinstance(data.get(name), str):
            data[name] = str(path.parent / data[name])
    return data


def _without_none(data: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: _without_none(value) if isinstance(value, Mapping) else value
        for key, value in data.items()
        if value is not None
    }


def _describe(errors: Sequence[ErrorDetails]) -> list[str]:
    """Say what is wrong, once a key: the branches of a union report the same value repeatedly."""
    messages: dict[str, str] = {}
    for error in errors:
        location = [str(part) for part in error["loc"]]
        names = _known_part(location)
        key = ".".join(location if error["type"] == "unexpected_keyword_argument" else names)
        messages.setdefault(key, _message(key, location, error))
    return list(messages.values())


def _message(key: str, location: Sequence[str], error: ErrorDetails) -> str:
    if error["type"] == "unexpected_keyword_argument":
        known = (f.name for f in dataclasses.fields(_section(location[:-1])))
        return f"unknown key {key!r}{nearest(location[-1], known)}"
    if error["type"] == "missing":
        return f"the key {key!r} is missing: {error['msg'].lower()}"
    wanted = error["msg"].removeprefix("Input should be ")
    return f"{key} = {error['input']!r}: it must be {wanted}"


def _section(location: Sequence[str]) -> type[Any]:
    """Return the dataclass at `location`."""
    section: type[Any] = RunConfig
    for name in location:
        section = _subsection(section, name) or section
    return section


def _known_part(location: Sequence[str]) -> list[str]:
    """Return the names in `location` that are fields; the rest are list positions and the like."""
    section: type[Any] | None = RunConfig
    names: list[str] = []
    for name in location:
        if section is None or name not in {f.name for f in dataclasses.fields(section)}:
            break
        names.append(name)
        section = _subsection(section, name)
    return names


def _subsection(section: type[Any], name: str) -> type[Any] | None:
    """Return the dataclass of the field `name`, or None if it is a plain value."""
    for field in dataclasses.fields(section):
        factory: object = field.default_factory
        if field.name == name and isinstance(factory, type) and dataclasses.is_dataclass(factory):
            return factory
    return None
