"""Which arguments the functions of a layer take, and what they get for each edge."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import check_edge_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from distgnn.nn.adjacency import Adjacency

REQUIRED = inspect.Parameter.empty

Wanted = dict[str, Any]
"""Names of parameters and their defaults (`REQUIRED`: none)."""


class Parameters:
    """Parameters of a layer's `message`, `aggregate`, `update` and so on, read once."""

    def __init__(self, layer: nn.Module) -> None:
        """Read the signatures of `layer`."""
        self.message = _parameters(layer, "message", skip=0)
        self.aggregate = _parameters(layer, "aggregate", skip=1)
        self.update = _parameters(layer, "update", skip=1)
        self.fused = _parameters(layer, "message_and_aggregate", skip=1)
        self.edge_update = _parameters(layer, "edge_update", skip=0)
        self.user = list({**self.message, **self.aggregate, **self.update})


def _parameters(layer: nn.Module, function: str, skip: int) -> Wanted:
    found = list(inspect.signature(getattr(layer, function)).parameters.values())[skip:]
    named = [p for p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    return {p.name: p.default for p in named}


def defined_in(layer: nn.Module, fused: str, base: type) -> bool:
    """Return whether `layer` has a fused path that stands for its own message and aggregate.

    So it is if its class overrides the function `fused` of `base`, and no class further down
    overrides a part of what that function computes.
    """
    order = type(layer).__mro__
    found = next(cls for cls in order if fused in vars(cls))
    if found is base:
        return False
    further_down = order[: order.index(found)]
    return not any(name in vars(cls) for cls in further_down for name in ("message", "aggregate"))


def select(wanted: Wanted, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the value of each wanted parameter.

    Raises:
        ArgumentError: A parameter without default has no value.
    """
    found = {}
    for name, default in wanted.items():
        value = values.get(name, default)
        if value is REQUIRED:
            msg = f"the argument {name!r} is missing: pass it to propagate()"
            raise ArgumentError(msg)
        found[name] = value
    return found


@dataclass(slots=True, eq=False)
class Edges:
    """The edges of any of the three forms, one by one."""

    given: Adjacency
    """As the layer was given them."""
    ends: tuple[Tensor, Tensor]
    """Source and target (``edge_index[0]`` and ``edge_index[1]``) of each edge, int64 [E]."""
    ptr: Tensor | None = None
    """Limits of the edges of each target if they are sorted so, int64 [num_dst + 1]."""
    values: Tensor | None = None
    """The values of a SparseTensor or CSC, [E, ...]."""

    def rows_of(
        self, features: Any, name: str, end: int, sizes: list[int | None], node_dim: int
    ) -> Any:
        """Return the features of the nodes at one end, and note in `sizes` how many there are."""
        if isinstance(features, tuple | list):
            if len(features) != 2:
                msg = f"{name} has {len(features)} parts, expected (of sources, of targets)"
                raise ArgumentError(msg)
            other = features[1 - end]
            if isinstance(other, Tensor):
                _note_size(sizes, 1 - end, other, name, node_dim, exact=True)
            rows = features[end]
            if isinstance(rows, Tensor):
                _note_size(sizes, end, rows, name, node_dim, exact=True)
            return rows
        if isinstance(features, Tensor):
            # The targets of a CSC are its first sources: one tensor serves for both.
            for side in (0, 1):
                _note_size(sizes, side, features, name, node_dim, exact=self._is_square(side))
        return features

    def _is_square(self, side: int) -> bool:
        return side == 0 or not isinstance(self.given, CSC)

    def lift(self, rows: Any, name: str, end: int, node_dim: int) -> Any:
        """Return the row of each edge's node at one end."""
        if not isinstance(rows, Tensor):
            return rows
        try:
            return rows.index_select(node_dim, self.ends[end])
        except IndexError as error:
            msg = (
                f"edge_index[{end}] names nodes from {int(self.ends[end].min())} to "
                f"{int(self.ends[end].max())}, but {name[:-2]} has {rows.size(node_dim)} rows"
            )
            raise ArgumentError(msg) from error

    def complete(
        self, values: dict[str, Any], sizes: list[int | None], ends: Mapping[str, int]
    ) -> dict[str, Any]:
        """Add what every layer function may ask for."""
        if not isinstance(self.given, Tensor) and self.values is not None:
            for name in ("edge_weight", "edge_attr", "edge_type"):
                if values.get(name) is None:
                    values[name] = self.values
        target, source = ends["_i"], ends["_j"]
        num_targets = sizes[target] if sizes[target] is not None else sizes[source]
        known = {
            "adj_t": None if isinstance(self.given, Tensor) else self.given,
            "edge_index": self.given if isinstance(self.given, Tensor) else None,
            "edge_index_i": self.ends[target],
            "edge_index_j": self.ends[source],
            "index": self.ends[target],
            "ptr": self.ptr,
            "size": sizes,
            "size_i": num_targets,
            "size_j": sizes[source] if sizes[source] is not None else num_targets,
            "dim_size": num_targets,
        }
        if not isinstance(self.given, Tensor):
            known["edge_index"] = torch.stack(self.ends)
        return {**values, **known}


def edges_of(edge_index: Adjacency) -> Edges:
    """Return the edges of any of the three forms.

    Raises:
        ArgumentError: It is none of them.
    """
    check_edge_index(edge_index)
    if isinstance(edge_index, Tensor):
        return Edges(edge_index, (edge_index[0], edge_index[1]))
    if isinstance(edge_index, CSC):
        ends = (edge_index.indices, edge_index.targets())
        return Edges(edge_index, ends, edge_index.indptr, edge_index.weight)
    target, source, value = edge_index.coo()
    return Edges(edge_index, (source, target), edge_index.storage.rowptr(), value)


def _note_size(
    sizes: list[int | None], side: int, rows: Tensor, name: str, node_dim: int, *, exact: bool
) -> None:
    size, known = rows.size(node_dim), sizes[side]
    if known is None:
        sizes[side] = size
    elif known != size and (exact or size < known):
        what = ("sources", "targets")[side]
        msg = (
            f"{name} has shape {list(rows.shape)}: {size} rows (along node_dim={node_dim}) where "
            f"edge_index and the other arguments have {known} {what}"
        )
        raise ArgumentError(msg)
