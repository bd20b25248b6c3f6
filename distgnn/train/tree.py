"""State dictionaries as JSON and named tensors, and back; nothing is pickled.

A state dictionary (of an optimizer, a scheduler, a metric) is a tree of dicts, lists, tuples,
scalars and tensors. JSON knows neither tensors, nor tuples, nor keys that are not strings: these
three are written as an object with one key.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

_TENSOR, _TUPLE, _ITEMS = "$tensor", "$tuple", "$items"


def split_tree(tree: Any, tensors: dict[str, Tensor], name: str) -> Any:
    """Return `tree` in JSON's types; its tensors go into `tensors`, keys starting with `name`.

    Raises:
        TypeError: the tree holds something else than None, bool, int, float, str, tensors and
            containers of these.
    """
    if tree is None or isinstance(tree, (bool, int, float, str)):
        return tree
    if isinstance(tree, Tensor):
        tensors[name] = tree
        return {_TENSOR: name}
    if isinstance(tree, tuple):
        return {_TUPLE: [split_tree(item, tensors, f"{name}.{i}") for i, item in enumerate(tree)]}
    if isinstance(tree, list):
        return [split_tree(item, tensors, f"{name}.{i}") for i, item in enumerate(tree)]
    if isinstance(tree, dict):
        if all(isinstance(key, str) and not key.startswith("$") for key in tree):
            return {key: split_tree(value, tensors, f"{name}.{key}") for key, value in tree.items()}
        return {
            _ITEMS: [
                [key, split_tree(value, tensors, f"{name}.{key}")] for key, value in tree.items()
            ]
        }
    msg = (
        f"{name} holds a {type(tree).__name__}, which a checkpoint cannot store: "
        "use numbers, strings and tensors"
    )
    raise TypeError(msg)


def join_tree(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """Return what `split_tree` took apart."""
    if isinstance(tree, list):
        return [join_tree(item, tensors) for item in tree]
    if not isinstance(tree, dict):
        return tree
    match next(iter(tree), None):
        case "$tensor":
            return tensors[tree[_TENSOR]]
        case "$tuple":
            return tuple(join_tree(item, tensors) for item in tree[_TUPLE])
        case "$items":
            return {key: join_tree(value, tensors) for key, value in tree[_ITEMS]}
        case _:
            return {key: join_tree(value, tensors) for key, value in tree.items()}


def owned(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return the tensors contiguous, on the CPU and without shared memory, for safetensors."""
    seen: set[int] = set()
    result: dict[str, Tensor] = {}
    for name, tensor in tensors.items():
        value = tensor.detach().to("cpu").contiguous()
        pointer = value.untyped_storage().data_ptr()
        result[name] = value.clone() if pointer in seen else value
        seen.add(pointer)
    return result


def describe_shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    """Return shape and dtype of each tensor."""
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}
