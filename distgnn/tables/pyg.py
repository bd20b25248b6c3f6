"""Graphs from `torch_geometric.data.Data` and `HeteroData` objects, without importing either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import ArgumentError
from distgnn.schema import SPLITS, LabelKind
from distgnn.tables.arrays import EdgeArrays, NodeArrays, as_numpy, from_arrays

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from distgnn.tables.raw_graph import RawGraph

MASKS = tuple(f"{split}_mask" for split in SPLITS)

ROLES = (
    *("x", "y", "time", "num_nodes", *MASKS),
    *("edge_index", "adj_t", "edge_attr", "edge_weight", "edge_time", "edge_label"),
)
"""Attributes that have a role."""


def from_pyg(data: Any, *, name: str = "graph") -> RawGraph:
    """Return the graph of a `Data` or `HeteroData` object of torch-geometric.

    Nodes: `x` (dense or sparse), `y`, `time`, `train_mask`, `val_mask`, `test_mask`. Edges:
    `edge_index` or `adj_t`, `edge_attr`, `edge_weight`, `edge_time` or `time`, `edge_label`. Other
    tensors with one row a node or edge are kept as further columns. Float matrices of 0 and 1 in
    `y` count as several labels at once. Ids are row numbers.

    Args:
        data: The object; anything with its attributes and `node_stores`, `edge_stores` will do.
        name: For messages and reports.

    Raises:
        ArgumentError: it is no such object, or an array has the wrong shape.
        GraphDataError: values that make no graph.
        TableError: an array has the wrong type.
    """
    if not (hasattr(data, "node_stores") and hasattr(data, "edge_stores")):
        msg = (
            f"{type(data).__name__} is no torch_geometric.data.Data or HeteroData object; give "
            "arrays to distgnn.tables.from_arrays instead"
        )
        raise ArgumentError(msg)
    if not hasattr(data, "node_items"):  # Data: one store for nodes and edges
        store = data.node_stores[0]
        return from_arrays(_nodes(store), _edges(store), name=name)
    nodes = {node_type: _nodes(store) for node_type, store in data.node_items()}
    edges = {tuple(edge_type): _edges(store) for edge_type, store in data.edge_items()}
    return from_arrays(nodes, edges, name=name)


def _nodes(store: Any) -> NodeArrays:
    """Return the nodes of a storage object."""
    own = {key: store[key] for key in store if _is_tensor(store[key]) and store.is_node_attr(key)}
    masks = {split: own[f"{split}_mask"] for split in SPLITS if f"{split}_mask" in own}
    y, kind = _labels(store.get("y"))
    return NodeArrays(
        x=store.get("x"),
        y=y,
        label_kind=kind,
        split=masks or None,
        time=_flat(own.get("time")),
        num_nodes=store.num_nodes,
        columns=_columns(own),
    )


def _edges(store: Any) -> EdgeArrays:
    """Return the edges of a storage object."""
    own = {key: store[key] for key in store if _is_tensor(store[key]) and store.is_edge_attr(key)}
    index, value = _index(store)
    label, kind = _labels(store.get("edge_label"))
    return EdgeArrays(
        index=index,
        weight=_flat(store.get("edge_weight", value)),
        time=_flat(own.get("edge_time", own.get("time"))),
        attr=store.get("edge_attr"),
        y=label,
        label_kind=kind,
        columns=_columns(own),
    )


def _index(store: Any) -> tuple[npt.NDArray[Any], Any]:
    """Return int64 [2, E] and, from an `adj_t` with values, those, else None."""
    if store.get("edge_index") is not None:
        return as_numpy(store["edge_index"]), None
    if store.get("adj_t") is None:
        return np.empty((2, 0), np.int64), None
    target, source, value = store["adj_t"].coo()
    return np.stack([as_numpy(source), as_numpy(target)]), value


def _labels(values: Any) -> tuple[npt.NDArray[Any] | None, LabelKind | None]:
    """Return labels, one column flattened, and their kind where the type does not tell it."""
    flat = _flat(values)
    if flat is None or flat.ndim == 1:
        return flat, None
    binary = bool(((flat == 0) | (flat == 1)).all())
    return flat, "multilabel" if binary else None


def _flat(values: Any) -> npt.NDArray[Any] | None:
    """Return values as numpy, a matrix of one column as [n]."""
    if values is None:
        return None
    array = as_numpy(values)
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _columns(own: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors without a role that can be columns: [n] and [n, k]."""
    arrays = {key: as_numpy(own[key]) for key in own if key not in ROLES}
    return {key: array for key, array in arrays.items() if array.ndim in (1, 2)}


def _is_tensor(value: Any) -> bool:
    return hasattr(value, "detach") or isinstance(value, np.ndarray)
