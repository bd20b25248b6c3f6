"""What a model is trained on: a sampled neighbourhood with features and labels.

Legend: N nodes, E edges, B seeds, F features.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch
    from torch import Tensor

    from distgnn.schema import EdgeType, NodeType

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MiniBatch:
    """A batch of seeds with their sampled neighbourhood, features and labels.

    Dictionaries have an entry for each node or edge type; properties without `_dict` are the same
    for a graph of one node type and one edge type. Local node ids are in the order of first visit,
    so seeds are the first `batch_size` nodes of `node_type`.

    Tensors lie in memory of the loader's pools and are shared, not copied. That memory is used
    again when the last tensor that refers to it is gone, and never before.
    """

    node_type: NodeType
    """Type of the seeds."""
    batch_size: int
    """Number of seeds B."""
    epoch: int
    index: int
    """Number of the batch within the epoch."""
    x_dict: dict[NodeType, Tensor]
    """float32 [N, F] of each node type that has features."""
    y: Tensor | None
    """Labels of the seeds: int64 [B] classes (-1 unlabelled), int8 or float32 [B, labels], float32
    [B] values, or None."""
    n_id_dict: dict[NodeType, Tensor]
    """int64 [N]: global id of each node."""
    adj_dict: dict[EdgeType, CSC]
    """Rows are the expanded nodes of the destination type; `weight` holds edge weights."""
    edge_attr_dict: dict[EdgeType, Tensor]
    """float32 [E, F] of each edge type that has features, in the order of the CSC's edges."""
    num_sampled_nodes_dict: dict[NodeType, list[int]]
    """Number of nodes first visited at each hop; entry 0 counts the seeds."""
    num_sampled_edges_dict: dict[EdgeType, list[int]]
    """Number of edges drawn at each hop."""
    is_padding: bool = False
    """Whether the batch stands in for a rank's missing seeds: it keeps the ranks in step and counts
    for nothing."""
    seed_weight: Tensor | None = None
    """float32 [B]: factor of each seed's loss, or None: every seed counts once."""

    @property
    def x(self) -> Tensor:
        """Features, float32 [N, F]."""
        return _only(self.x_dict, "x", "features")

    @property
    def n_id(self) -> Tensor:
        """Global ids, int64 [N]."""
        return _only(self.n_id_dict, "n_id", "node types")

    @property
    def adj(self) -> CSC:
        """In-neighbours of the expanded nodes."""
        return _only(self.adj_dict, "adj", "edge types")

    @property
    def edge_index(self) -> Tensor:
        """Sources and targets, int64 [2, E], sorted by target; made anew at each use."""
        return self.adj.edge_index()

    @property
    def edge_attr(self) -> Tensor:
        """Edge features, float32 [E, F]."""
        return _only(self.edge_attr_dict, "edge_attr", "edge features")

    @property
    def num_sampled_nodes_per_hop(self) -> list[int]:
        """Number of nodes first visited at each hop; entry 0 counts the seeds."""
        return _only(self.num_sampled_nodes_dict, "num_sampled_nodes_per_hop", "node types")

    @property
    def num_sampled_edges_per_hop(self) -> list[int]:
        """Number of edges drawn at each hop."""
        return _only(self.num_sampled_edges_dict, "num_sampled_edges_per_hop", "edge types")

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> MiniBatch:
        """Return this batch with all tensors on `device` (itself shared where they are there)."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=non_blocking))

    def pin_memory(self) -> MiniBatch:
        """Return a copy in page-locked memory, from which `to` can copy in the background."""
        return self._map(lambda tensor: tensor.pin_memory())

    def _map(self, move: Callable[[Tensor], Tensor]) -> MiniBatch:
        def moved(tensor: Tensor | None) -> Tensor | None:
            return None if tensor is None else move(tensor)

        return replace(
            self,
            x_dict={name: move(x) for name, x in self.x_dict.items()},
            y=moved(self.y),
            n_id_dict={name: move(ids) for name, ids in self.n_id_dict.items()},
            adj_dict={
                name: CSC(move(adj.indptr), move(adj.indices), adj.num_src, moved(adj.weight))
                for name, adj in self.adj_dict.items()
            },
            edge_attr_dict={name: move(attr) for name, attr in self.edge_attr_dict.items()},
            seed_weight=moved(self.seed_weight),
        )


def _only(values: Mapping[Key, Value], name: str, what: str) -> Value:
    """Return the value where there is one.

    Raises:
        ArgumentError: there are none or several.
    """
    if len(values) == 1:
        return next(iter(values.values()))
    if not values:
        msg = f"this batch has no {what}, so no `{name}`"
        raise ArgumentError(msg)
    names = ", ".join(edge_key(key) if isinstance(key, tuple) else str(key) for key in values)
    msg = (
        f"`{name}` is for graphs of one type, and this batch has {what} {names}: "
        "use the form that ends in `_dict`"
    )
    raise ArgumentError(msg)
