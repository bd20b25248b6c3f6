"""Models by name or import path, built with the arguments that the configuration and graph give."""

from __future__ import annotations

import importlib
import inspect
import sys
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

import distgnn.nn
from distgnn.exceptions import ConfigError, nearest
from distgnn.train.config import ModelConfig

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MODEL = "GraphSAGE"
_NOT_ARGUMENTS = ("name", "target", "options", "num_layers")


def build_model(
    config: ModelConfig, *, num_layers: int, from_graph: Mapping[str, Any]
) -> tuple[nn.Module, dict[str, Any]]:
    """Return the model that `config` describes, and the arguments it was made with.

    Arguments that the constructor does not take are left out if they have their default value.

    Args:
        config: the section ``model``.
        num_layers: number of layers.
        from_graph: arguments that follow from graph and task, such as ``in_channels``.

    Raises:
        ConfigError: there is no such model, or it does not take what is set.
    """
    model_class = find_model(config)
    accepted = _accepted(model_class)
    arguments = {"num_layers": num_layers, **from_graph}
    defaults = {field.name: field.default for field in fields(ModelConfig)}
    for name in sorted(set(defaults) - set(_NOT_ARGUMENTS)):
        value = getattr(config, name)
        if accepted is None or name in accepted:
            arguments[name] = value
        elif value != defaults[name]:
            msg = (
                f"model.{name} = {value!r}, but {model_class.__name__} has no argument {name!r}"
                f"{nearest(name, accepted)}"
            )
            raise ConfigError(msg)
    if accepted is not None:
        arguments = {name: value for name, value in arguments.items() if name in accepted}
    return _construct(model_class, arguments | _options(config, model_class, accepted)), arguments


def find_model(config: ModelConfig) -> type[nn.Module]:
    """Return the class that ``model.name`` or ``model.target`` names.

    Raises:
        ConfigError: there is none.
    """
    if config.target is not None:
        return _import_target(config.target)
    name = config.name or DEFAULT_MODEL
    known = model_names()
    if name not in known:
        msg = f"model.name = {name!r}: distgnn.nn has no such model{nearest(name, known)}"
        raise ConfigError(msg)
    found: type[nn.Module] = getattr(distgnn.nn, name)
    return found


def model_names() -> list[str]:
    """Return the names of the modules in `distgnn.nn`."""
    found = {name: getattr(distgnn.nn, name) for name in dir(distgnn.nn) if name[:1].isupper()}
    return sorted(n for n, v in found.items() if isinstance(v, type) and issubclass(v, nn.Module))


def class_path(model: nn.Module) -> str:
    """Return the import path of a model's class."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _import_target(target: str) -> type[nn.Module]:
    module_name, _, name = target.rpartition(".")
    if not module_name:
        msg = f"model.target = {target!r} is no import path: write it as 'package.module.Class'"
        raise ConfigError(msg)
    here = str(Path.cwd())
    if here not in sys.path:  # as `python -m` does; the installed command does not
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError) as error:
        msg = (
            f"model.target = {target!r} cannot be imported: {error}; check the spelling, and that "
            "the package is installed or lies in the working directory"
        )
        raise ConfigError(msg) from error
    if not (isinstance(found, type) and issubclass(found, nn.Module)):
        msg = f"model.target = {target!r} is no subclass of torch.nn.Module"
        raise ConfigError(msg)
    return found


def _accepted(model_class: type[nn.Module]) -> set[str] | None:
    """Return the names of the constructor's arguments, or None if it takes any (``**kwargs``).

    The common models take the arguments of their convolution as keyword arguments and check them
    themselves.
    """
    parameters = inspect.signature(model_class.__init__).parameters.values()
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return None
    return {parameter.name for parameter in parameters} - {"self"}


def _options(
    config: ModelConfig, model_class: type[nn.Module], accepted: set[str] | None
) -> dict[str, Any]:
    for name in config.options:
        if accepted is not None and name not in accepted:
            msg = (
                f"model.options has {name!r}, but {model_class.__name__} has no such argument"
                f"{nearest(name, accepted)}"
            )
            raise ConfigError(msg)
    return config.options


def _construct(model_class: type[nn.Module], arguments: Mapping[str, Any]) -> nn.Module:
    try:
        return model_class(**arguments)
    except (TypeError, ValueError, KeyError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        msg = f"{model_class.__name__}({given}) is refused: {error}; change [model] or its options"
        raise ConfigError(msg) from error
