"""One convolution per edge type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distgnn.schema import EdgeType, NodeType

GROUPINGS = ("sum", "mean", "min", "max", "mul", "cat")


class HeteroConv(nn.Module):
    r"""A bipartite convolution per edge type; what arrives at a node from several is grouped.

    Args:
        convs: The layer of each edge type (source type, relation, target type).
        aggr: How the outputs of several edge types at one target type are grouped: ``"sum"``,
            ``"mean"``, ``"min"``, ``"max"``, ``"mul"``, ``"cat"``, or None: stacked in dimension 1.
            Default ``"sum"``.

    Shapes:
        - **input:** dictionaries of node features :math:`(|\mathcal{V}_t|, F_t)` by node type, and
          of edges by edge type
        - **output:** a dictionary of :math:`(|\mathcal{V}_t|, F_{out})` by target type

    Raises:
        ArgumentError: An edge type is not a triple, or `aggr` is unknown.
    """

    def __init__(self, convs: Mapping[EdgeType, nn.Module], aggr: str | None = "sum") -> None:
        super().__init__()
        for key in convs:
            if not _is_edge_type(key):
                msg = f"convs has the key {key!r}, expected (source, relation, target)"
                raise ArgumentError(msg)
        if aggr is not None and aggr not in GROUPINGS:
            msg = f"aggr={aggr!r} is unknown{nearest(aggr, GROUPINGS)}"
            raise ArgumentError(msg)
        self.aggr = aggr
        self.edge_types = list(convs)
        self.convs = nn.ModuleDict({_key(edge_type): conv for edge_type, conv in convs.items()})

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for conv in self.convs.values():
            reset(conv)

    def forward(self, *args_dict: Mapping[Any, Any], **kwargs_dict: Mapping[Any, Any]) -> Any:
        """Convolve.

        Args:
            *args_dict: Arguments of the layers in their order: dictionaries by node type (features
                of sources and targets are picked) or by edge type. The first is `x_dict`, the
                second `edge_index_dict`.
            **kwargs_dict: Further arguments, named after the layers' own with ``_dict`` behind.

        Returns:
            Dictionary of float [number of targets, out_channels] by target type; an edge type
            without edges in the input is left out.

        Raises:
            ArgumentError: The name of an argument does not end in ``_dict``.
        """
        out: dict[NodeType, list[Tensor]] = {}
        for edge_type in self.edge_types:
            target = edge_type[2]
            args = [_pick(values, edge_type) for values in args_dict]
            kwargs = {}
            for name, values in kwargs_dict.items():
                if not name.endswith("_dict"):
                    msg = f"the argument {name!r} is no dictionary by type: call it {name}_dict"
                    raise ArgumentError(msg)
                value = _pick(values, edge_type)
                if value is not None:
                    kwargs[name.removesuffix("_dict")] = value
            has_edges = any(edge_type in values for values in (*args_dict, *kwargs_dict.values()))
            if not has_edges or any(arg is None for arg in args):
                continue
            out.setdefault(target, []).append(self.convs[_key(edge_type)](*args, **kwargs))
        return {node_type: group(values, self.aggr) for node_type, values in out.items()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(num_relations={len(self.convs)})"


def group(values: list[Tensor], aggr: str | None) -> Tensor:
    """Group equally shaped outputs of several edge types; see `HeteroConv`."""
    if aggr is None:
        return torch.stack(values, dim=1)
    if aggr == "cat":
        return torch.cat(values, dim=-1)
    if len(values) == 1:
        return values[0]
    stacked = torch.stack(values)
    if aggr == "mul":
        return stacked.prod(dim=0)
    if aggr in ("min", "max"):
        return stacked.amin(dim=0) if aggr == "min" else stacked.amax(dim=0)
    return stacked.sum(dim=0) if aggr == "sum" else stacked.mean(dim=0)


def _is_edge_type(key: object) -> bool:
    return isinstance(key, tuple) and len(key) == 3


def _key(edge_type: EdgeType) -> str:
    """Return the name of an edge type's layer, the one in torch-geometric's checkpoints."""
    return f"<{'___'.join(edge_type)}>".replace(".", "#")


def _pick(values: Mapping[Any, Any], edge_type: EdgeType) -> Any:
    """Return what a dictionary holds for an edge type: its own entry, or those of both ends."""
    if edge_type in values:
        return values[edge_type]
    source, _, target = edge_type
    if source == target:
        return values.get(source)
    if source in values or target in values:
        return (values.get(source), values.get(target))
    return None
