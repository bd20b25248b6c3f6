"""Edge masks on the message-passing layers of any model, for as long as one forward lasts."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from torch import nn

from distgnn.nn.conv.arguments import edges_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from torch import Tensor

    from distgnn.nn.adjacency import Adjacency
    from distgnn.schema import EdgeType

Setting = tuple[nn.Module, dict[str, Any]]
"""Attributes of a module and their values."""

_OF_A_LAYER = ("propagate", "explain", "_edge_mask", "_loop_mask", "_apply_sigmoid")


@dataclass(frozen=True, slots=True, eq=False)
class EdgeMask:
    """A factor for each edge, and the layers whose messages it multiplies."""

    values: Tensor
    """Float [E]."""
    edge_index: Adjacency
    """The E edges."""
    layers: Sequence[nn.Module]
    apply_sigmoid: bool = False
    """Whether the factors are the sigmoids of `values`."""


def layers_of(model: nn.Module) -> list[nn.Module]:
    """Return the message-passing layers within `model` that let themselves be explained.

    What has the attributes of one is one: ours, torch-geometric's or the user's.
    """
    modules: Iterable[Any] = model.modules()
    return [
        module
        for module in modules
        if all(hasattr(module, name) for name in _OF_A_LAYER) and module.explain is not False
    ]


def layers_by_type(
    model: nn.Module, edge_types: Sequence[EdgeType]
) -> dict[EdgeType, list[nn.Module]]:
    """Return the layers of each edge type: those in module dictionaries under its name."""
    names = {name: edge_type for edge_type in edge_types for name in _names(edge_type)}
    found: dict[EdgeType, list[nn.Module]] = {edge_type: [] for edge_type in edge_types}
    for module in model.modules():
        if isinstance(module, nn.ModuleDict):
            for key, child in module.items():
                if key in names:
                    found[names[key]] += layers_of(child)
    return found


def _names(edge_type: EdgeType) -> list[Any]:
    """Return the keys under which module dictionaries hold the layers of an edge type."""
    plain = "__".join(edge_type)
    escaped = f"<{'___'.join(edge_type)}>".replace(".", "#")  # HeteroConv's
    return [edge_type, plain, plain.replace(".", "#"), escaped]


@contextmanager
def masked(model: nn.Module, masks: Sequence[EdgeMask]) -> Iterator[None]:
    """Set the masks on their layers, and put everything back afterwards, also after an error.

    Layers that free or drop their activations and compute them again in the backward pass keep
    them meanwhile: the masks are gone by then.
    """
    settings = _without_recomputation(model) if masks else []
    for mask in masks:
        source, target = edges_of(mask.edge_index).ends
        of_layer = {
            "_edge_mask": mask.values,
            "_loop_mask": source != target,
            "_apply_sigmoid": mask.apply_sigmoid,
            "explain": True,
        }
        settings += [(layer, of_layer) for layer in mask.layers]
    before = [
        (module, {name: getattr(module, name) for name in values}) for module, values in settings
    ]
    try:
        for module, values in settings:
            _set(module, values)
        yield
    finally:
        for module, values in reversed(before):
            _set(module, values)


def _without_recomputation(model: nn.Module) -> list[Setting]:
    settings: list[Setting] = []
    for module in model.modules():
        if hasattr(module, "ckpt_grad"):  # DeepGCNLayer
            settings.append((module, {"ckpt_grad": False}))
        if hasattr(module, "num_bwd_passes") and hasattr(module, "disable"):  # GroupAddRev
            settings.append((module, {"disable": True}))
    return settings


def _set(module: nn.Module, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(module, name, value)
