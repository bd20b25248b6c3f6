"""What every public name of the zoo documents."""

import dataclasses
import inspect
import re
from enum import Enum

import pytest
from torch import nn

import distgnn.nn
from distgnn.nn import utils

CLASSES = [
    name
    for name in distgnn.nn.__all__
    if inspect.isclass(getattr(distgnn.nn, name))
    and not issubclass(getattr(distgnn.nn, name), Enum)
    and not dataclasses.is_dataclass(getattr(distgnn.nn, name))
]
FUNCTIONS = [
    (module, name)
    for module in (distgnn.nn, utils)
    for name in module.__all__
    if inspect.isfunction(getattr(module, name))
]
WITHOUT_FORMULA = {"Connect", "Select", "LLM"}
"""Interfaces of pooling and of language models: they have neither shapes nor a formula."""

SOURCE = re.compile(r"https://|:math:|\.\. math::|DOI")
ARGUMENT = re.compile(r"^ {4}((?:\*{0,2}\w+,?\s+)*\*{0,2}\w+)(?: \([^)]*\))?:", re.MULTILINE)


def docstring(found):
    """Its own docstring, not one that it inherits."""
    return inspect.cleandoc(
        vars(found).get("__doc__") or "" if inspect.isclass(found) else found.__doc__ or ""
    )


def documented(docstring):
    """Return the names in its section of arguments."""
    section = re.search(r"^Args:\n(.*?)(?=^\S|\Z)", docstring, re.MULTILINE | re.DOTALL)
    groups = ARGUMENT.findall(section.group(1)) if section else []
    return {name.strip().lstrip("*") for group in groups for name in group.split(",")}


def arguments(function):
    """Return the names of its arguments."""
    return set(inspect.signature(function).parameters) - {"self"}


@pytest.mark.parametrize("name", distgnn.nn.__all__)
def test_everything_public_is_documented(name):
    first = docstring(getattr(distgnn.nn, name)).split("\n")[0]
    assert first.endswith("."), f"the docstring of {name} begins with {first!r}"


@pytest.mark.parametrize("name", CLASSES)
def test_every_argument_of_a_constructor_is_documented(name):
    found = getattr(distgnn.nn, name)
    names = documented(docstring(found))
    if "__init__" not in vars(found):
        return
    names |= documented(inspect.cleandoc(found.__init__.__doc__ or ""))
    assert arguments(found.__init__) <= names


@pytest.mark.parametrize(("module", "name"), FUNCTIONS, ids=[name for _, name in FUNCTIONS])
def test_every_argument_of_a_function_is_documented(module, name):
    function = getattr(module, name)
    text = docstring(function)
    names = arguments(function) - {"args", "kwargs"}
    if "Args:" in text or len(names) > 2:
        assert names <= documented(text)


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in WITHOUT_FORMULA])
def test_modules_say_where_they_come_from_and_what_shapes_they_take(name):
    found = getattr(distgnn.nn, name)
    text = docstring(found)
    assert SOURCE.search(text), f"{name} has neither a paper nor a formula"
    if issubclass(found, nn.Module) and name != "MessagePassing":
        assert re.search(r"^Shapes:", text, re.MULTILINE)


@pytest.mark.parametrize("name", CLASSES)
def test_every_method_is_documented(name):
    found = getattr(distgnn.nn, name)
    for method, function in vars(found).items():
        own = inspect.isfunction(function) and function.__qualname__.startswith(f"{name}.")
        if own and not method.startswith("_"):
            assert function.__doc__, f"{name}.{method}"


def test_names_are_sorted_and_exist():
    for module in (distgnn.nn, utils):
        assert len(set(module.__all__)) == len(module.__all__)
        assert all(hasattr(module, name) for name in module.__all__)
