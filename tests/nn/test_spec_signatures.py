"""Arguments and defaults of the zoo, one by one, against those that are documented for it.

`spec_signatures.json` lists per class (and function) each method's arguments: [name], or
[name, default]. A default that is no literal is {"name": ...}.
"""

import inspect
import json
from enum import Enum
from pathlib import Path

import pytest

import distgnn.nn

SPEC = json.loads((Path(__file__).parent / "spec_signatures.json").read_text(encoding="utf-8"))
CALLABLES = [
    *((name, {"": arguments}) for name, arguments in SPEC["functions"].items()),
    *SPEC["classes"].items(),
]
IN_KWARGS = {("GAT", "v2")}
"""Documented beside the arguments of the class, which hands them on as ``**kwargs``."""


def documented(name, method, given, arguments):
    """Return the documented arguments in the form of `given`."""
    has_kwargs = any(argument.startswith("**") for argument in given)
    names = {argument.lstrip("*") for argument in given}
    return {
        argument[0]: argument[1:]
        for argument in arguments
        if not (has_kwargs and (name, argument[0]) in IN_KWARGS and argument[0] not in names)
    }


def ours(function):
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
    found = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name != "self":
            name = stars.get(parameter.kind, "") + parameter.name
            has_default = parameter.default is not inspect.Parameter.empty
            found[name] = [literal(parameter.default)] if has_default else []
    return found


def literal(default):
    if isinstance(default, Enum):
        return {"name": f"{type(default).__name__}.{default.name}"}
    if callable(default):
        return {"name": f"torch.nn.functional.{default.__name__}"}
    return default


@pytest.mark.parametrize(("name", "methods"), CALLABLES, ids=[name for name, _ in CALLABLES])
def test_signature(name, methods):
    found = getattr(distgnn.nn, name, None)
    assert found is not None, f"{name} is missing from distgnn.nn"
    assert name in distgnn.nn.__all__
    for method, arguments in methods.items():
        if method == "__init__" and not arguments:
            continue  # none documented
        given = ours(getattr(found, method) if method else found)
        expected = documented(name, method, given, arguments)
        assert list(given) == list(expected), f"{name}.{method}"
        assert given == expected, f"{name}.{method}"


def test_all_are_looked_at():
    assert len(SPEC["classes"]) == 39
    assert len(SPEC["functions"]) == 3
