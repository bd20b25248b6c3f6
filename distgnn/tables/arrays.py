"""Graphs from arrays in memory: numpy, torch, scipy.sparse or whatever turns into numpy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, GraphDataError, nearest
from distgnn.schema import (
    DEFAULT_EDGE_TYPE,
    DEFAULT_NODE_TYPE,
    SPLITS,
    EdgeType,
    FeatureDtype,
    LabelKind,
    NodeType,
)
from distgnn.tables.build import (
    EdgeRoles,
    NodeRoles,
    describe_edges,
    describe_nodes,
    edge_table,
    node_table,
    raw_graph,
)
from distgnn.tables.convert import from_numpy
from distgnn.tables.edges import EdgeOptions
from distgnn.tables.features import fixed_lists
from distgnn.tables.labels import split_of_column, split_of_masks
from distgnn.tables.source import SourceTable
from distgnn.tables.sparse import CSRFeatures

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.schema import EdgeSchema, NodeSchema
    from distgnn.tables.raw_graph import RawGraph


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeArrays:
    """The nodes of one type, N rows. Arrays are numpy, torch tensors, Arrow or sequences."""

    x: Any = None
    """Features: [N, F] or [N], a sparse scipy or torch matrix, or `CSRFeatures`."""
    y: Any = None
    """Labels: int [N] classes (-1 unlabelled), float [N] or [N, V] values, or int [N, L] of 0 and
    1."""
    split: Any = None
    """int [N] codes of `SPLITS` (-1 none), or masks: a mapping from split to bool [N]."""
    ids: Any = None
    """User's ids, int64 or string [N]; None: row numbers. Edges name rows all the same."""
    time: Any = None
    """int64 or datetime64 [N]."""
    num_nodes: int | None = None
    """N; needed only where nothing else is given."""
    num_classes: int | None = None
    """None: one more than the largest class."""
    label_kind: LabelKind | None = None
    """None: by the type of `y`."""
    feature_dtype: FeatureDtype | None = None
    """Type of `x` in storage; None: as given."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Further columns to keep, [N] or [N, k]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeArrays:
    """The edges of one type, E of them."""

    index: Any
    """int [2, E]: rows of the sources, then of the destinations."""
    weight: Any = None
    """[E], finite and not negative."""
    time: Any = None
    """int64 or datetime64 [E]."""
    attr: Any = None
    """Edge features, [E, F] or [E]."""
    y: Any = None
    """Edge labels, as for nodes."""
    num_classes: int | None = None
    """None: one more than the largest class."""
    label_kind: LabelKind | None = None
    """None: by the type of `y`."""
    feature_dtype: FeatureDtype | None = None
    """Type of `attr` in storage; None: as given."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Further columns to keep, [E] or [E, k]."""
    options: EdgeOptions = field(default_factory=EdgeOptions)
    """Reverse copies, duplicates, self-loops."""


def from_arrays(
    nodes: NodeArrays | Mapping[NodeType, NodeArrays],
    edges: EdgeArrays | Mapping[EdgeType, EdgeArrays],
    *,
    name: str = "graph",
) -> RawGraph:
    """Return the graph of arrays in memory.

        graph = from_arrays(NodeArrays(x=x, y=y), EdgeArrays(index=edge_index))

    Args:
        nodes: The nodes, or for each node type its nodes.
        edges: The edges, or for each edge type its edges.
        name: For messages and reports.

    Raises:
        ArgumentError: an array has the wrong shape, or an edge type names an unknown node type.
        GraphDataError: values that make no graph (see `node_table` and `edge_table`).
        TableError: an array has the wrong type.
    """
    if isinstance(nodes, NodeArrays):
        nodes = {DEFAULT_NODE_TYPE: nodes}
    if isinstance(edges, EdgeArrays):
        edges = {DEFAULT_EDGE_TYPE: edges}
    node_tables = [_nodes(node_type, arrays) for node_type, arrays in nodes.items()]
    counts = {schema.type: table.num_rows for schema, table in node_tables}
    edge_tables = [_edges(edge_type, arrays, counts) for edge_type, arrays in edges.items()]
    return raw_graph(name, node_tables, edge_tables)


def as_numpy(values: Any) -> npt.NDArray[Any]:
    """Return anything array-like as numpy; torch tensors without importing torch.

    bfloat16 tensors come as float32, which holds their values exactly.

    Raises:
        ArgumentError: it is a sparse or object array.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
        values = values.float() if str(values.dtype).endswith("bfloat16") else values
        result = values.numpy()
    else:
        result = np.asarray(values)
    if result.dtype.kind == "O":
        msg = f"an array of Python objects ({type(values).__name__}) holds no numbers or text"
        raise ArgumentError(msg)
    return np.asarray(result)


def _nodes(node_type: NodeType, arrays: NodeArrays) -> tuple[NodeSchema, Any]:
    what = describe_nodes(node_type)
    label, ids, time = (
        _column(values, name, what)
        for name, values in (("y", arrays.y), ("ids", arrays.ids), ("time", arrays.time))
    )
    features = _features(arrays.x, "x", what)
    extra = {name: _column(values, name, what) for name, values in arrays.columns.items()}
    given = [features, label, ids, time, *extra.values(), *_split_columns(arrays, what).values()]
    source = _source(what, given, arrays.num_nodes)
    table_roles = NodeRoles(
        features=features,
        feature_dtype=arrays.feature_dtype or _own_dtype(arrays.x),
        label=label,
        label_kind=arrays.label_kind,
        num_classes=arrays.num_classes,
        time=time,
        columns=extra,
        ids=ids,
        split=_split(arrays, source),
    )
    return node_table(node_type, table_roles, source)


def _edges(
    edge_type: EdgeType, arrays: EdgeArrays, counts: Mapping[NodeType, int]
) -> tuple[EdgeSchema, Any]:
    what = describe_edges(edge_type)
    for end in (edge_type[0], edge_type[2]):
        if end not in counts:
            msg = f"{what} ends at node type {end!r}, which is not given{nearest(end, counts)}"
            raise ArgumentError(msg)
    index = as_numpy(arrays.index)
    if index.ndim != 2 or len(index) != 2 or index.dtype.kind not in "iu":
        msg = (
            f"the edge index of {what} is {index.dtype} {list(index.shape)}; give integers [2, E]: "
            "the rows of the sources, then of the destinations"
        )
        raise ArgumentError(msg)
    source = SourceTable(table=pa.table({"src": pa.array(index[0])}), what=what)
    for row, end in ((0, edge_type[0]), (1, edge_type[2])):
        _check_rows(index[row], counts[end], end, source)
    roles = EdgeRoles(
        src=from_numpy(index[0].astype(np.int64)),
        dst=from_numpy(index[1].astype(np.int64)),
        weight=_column(arrays.weight, "weight", what),
        time=_column(arrays.time, "time", what),
        features=_features(arrays.attr, "attr", what),
        feature_dtype=arrays.feature_dtype or _own_dtype(arrays.attr),
        feature_name="attr",
        label=_column(arrays.y, "y", what),
        label_kind=arrays.label_kind,
        num_classes=arrays.num_classes,
        columns={name: _column(values, name, what) for name, values in arrays.columns.items()},
    )
    return edge_table(edge_type, roles, source, arrays.options)


def _check_rows(
    rows: npt.NDArray[Any], num_nodes: int, node_type: NodeType, source: SourceTable
) -> None:
    bad = (rows < 0) | (rows >= num_nodes)
    if bad.any():
        position = int(bad.argmax())
        msg = (
            f"an edge ends at an unknown node: {source.what} names row {rows[position]} of node "
            f"type {node_type!r} in {source.at(position)}, which has rows 0 to {num_nodes - 1}"
        )
        raise GraphDataError(msg)


def _column(values: Any, name: str, what: str) -> Any | None:
    """Return an array [n] or [n, k] as an Arrow column."""
    if values is None:
        return None
    if isinstance(values, pa.ChunkedArray):
        return values
    if isinstance(values, pa.Array):
        return pa.chunked_array([values])
    array = as_numpy(values)
    if array.ndim == 2 and array.dtype.kind in "iufb":
        return pa.chunked_array([fixed_lists(array)])
    if array.ndim != 1:
        msg = (
            f"{name!r} of {what} is {array.dtype} {list(array.shape)}; give one value a row, or a "
            "matrix of numbers with one row a row"
        )
        raise ArgumentError(msg)
    return from_numpy(array)


def _features(values: Any, name: str, what: str) -> Any | None:
    """Return features as an Arrow column or, where they are sparse, as `CSRFeatures`."""
    if hasattr(values, "tocsr"):  # scipy.sparse
        csr = values.tocsr()
        return CSRFeatures(
            indptr=csr.indptr, indices=csr.indices, values=csr.data, dim=csr.shape[1]
        )
    if isinstance(values, CSRFeatures) or values is None:
        return values
    if hasattr(values, "csr"):  # torch_sparse.SparseTensor
        indptr, indices, data = values.csr()
        return _csr(indptr, indices, data, values.size(1))
    layout = str(getattr(values, "layout", ""))
    if layout == "torch.sparse_csr":
        parts = (values.crow_indices(), values.col_indices(), values.values())
        return _csr(*parts, values.shape[1])
    if layout == "torch.sparse_coo":
        values = values.coalesce()
        rows, columns = values.indices()
        counts = np.bincount(as_numpy(rows), minlength=values.shape[0])
        return _csr(
            np.concatenate([[0], np.cumsum(counts)]), columns, values.values(), values.shape[1]
        )
    return _column(values, name, what)


def _csr(indptr: Any, indices: Any, values: Any | None, dim: int) -> CSRFeatures:
    return CSRFeatures(
        indptr=as_numpy(indptr),
        indices=as_numpy(indices),
        values=np.ones(1, np.float32) if values is None else as_numpy(values),
        dim=dim,
    )


def _own_dtype(values: Any) -> FeatureDtype | None:
    """Return "bfloat16" for tensors of that type, which come as float32."""
    return "bfloat16" if str(getattr(values, "dtype", "")).endswith("bfloat16") else None


def _split_columns(arrays: NodeArrays, what: str) -> dict[str, Any]:
    if not isinstance(arrays.split, Mapping):
        column = _column(arrays.split, "split", what)
        return {} if column is None else {"split": column}
    for key in arrays.split:
        if key not in SPLITS:
            msg = f"{what} has a mask for {key!r}, which is no split{nearest(key, SPLITS)}"
            raise ArgumentError(msg)
    return {key: _column(mask, f"{key} mask", what) for key, mask in arrays.split.items()}


def _split(arrays: NodeArrays, source: SourceTable) -> Any | None:
    columns = _split_columns(arrays, source.what)
    for key, column in columns.items():
        if len(column) != source.num_rows:
            msg = (
                f"the split ({key}) of {source.what} has {len(column)} rows for {source.num_rows} "
                "nodes"
            )
            raise GraphDataError(msg)
    if isinstance(arrays.split, Mapping):
        return split_of_masks(columns, source)
    return split_of_column(columns["split"], source, "split") if columns else None


def _source(what: str, given: list[Any], num_nodes: int | None) -> SourceTable:
    """Return a source with the number of rows that the first given array has."""
    sizes = [
        column.num_rows if isinstance(column, CSRFeatures) else len(column)
        for column in given
        if column is not None
    ]
    if num_nodes is None and not sizes:
        msg = f"{what} has neither arrays nor num_nodes; give one of them"
        raise ArgumentError(msg)
    size = num_nodes if num_nodes is not None else sizes[0]
    return SourceTable.of_size(size, what)
