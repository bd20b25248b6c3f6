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

_DEFAULTS = {
    field.name: field.default
    for field in fields(ModelConfig)
    if field.name not in ("name", "target", "options", "num_layers")
}
"""Settings that are arguments of common models, and their defaults."""


def build_model(
    config: ModelConfig, *, num_layers: int, from_graph: Mapping[str, Any]
) -> tuple[nn.Module, dict[str, Any]]:
    """Return the model that `config` describes, and the arguments it was made with.

    Settings at their default are left out where the constructor has no such argument. One that
    takes ``**kwargs`` gets whatever was changed, and checks it itself.

    Args:
        config: the section ``model``.
        num_layers: number of layers.
        from_graph: arguments that follow from graph and task, such as ``in_channels``.

    Raises:
        ConfigError: there is no such model, or it does not take what is set.
    """
    model_class = find_model(config)
    known, open_ended = _accepted(model_class)
    settings = {name: getattr(config, name) for name in _DEFAULTS}
    chosen = {n: v for n, v in settings.items() if v != _DEFAULTS[n]} | config.options
    if not open_ended:
        _check_known(chosen, known, config, model_class)
    offered = {"num_layers": num_layers, **from_graph, **settings}
    passes_all = open_ended and not known  # a subclass that hands all on to its base
    arguments = {n: v for n, v in offered.items() if passes_all or n in known} | chosen
    return _construct(model_class, arguments), arguments


def find_model(config: ModelConfig) -> type[nn.Module]:
    """Return the class that ``model.name`` or ``model.target`` names.

    Raises:
        ConfigError: there is none.
    """
    if config.target is not None:
        return _import_target(config.target)
    known = model_names()
    if config.name not in known:
        hint = nearest(config.name, known)
        msg = f"model.name = {config.name!r}: distgnn.nn has no such model{hint}"
        raise ConfigError(msg)
    found: type[nn.Module] = getattr(distgnn.nn, config.name)
    return found


def model_names() -> list[str]:
    """Return the names of the models in `distgnn.nn`."""
    found = (getattr(distgnn.nn, name) for name in distgnn.nn.__all__)
    return sorted(
        value.__name__
        for value in found
        if isinstance(value, type)
        and issubclass(value, nn.Module)
        and value.__module__.startswith("distgnn.nn.models.")
    )


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


def _accepted(model_class: type[nn.Module]) -> tuple[set[str], bool]:
    """Return the named arguments of the constructor, and whether it takes any others."""
    parameters = list(inspect.signature(model_class.__init__).parameters.values())[1:]
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return named, any(p.kind is p.VAR_KEYWORD for p in parameters)


def _check_known(
    chosen: Mapping[str, Any], known: set[str], config: ModelConfig, model_class: type[nn.Module]
) -> None:
    for name, value in chosen.items():
        if name not in known:
            where = "model.options." if name in config.options else "model."
            msg = (
                f"{where}{name} = {value!r}, but {model_class.__name__} has no such argument"
                f"{nearest(name, known)}"
            )
            raise ConfigError(msg)


def _construct(model_class: type[nn.Module], arguments: Mapping[str, Any]) -> nn.Module:
    try:
        return model_class(**arguments)
    except (TypeError, ValueError, KeyError) as error:
        given = ", ".join(f"{name}={value!r}" for name, value in arguments.items())
        msg = f"{model_class.__name__}({given}) is refused: {error}; change [model] or its options"
        raise ConfigError(msg) from error
