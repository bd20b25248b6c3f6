"""From columns with roles to checked node and edge tables: the one way in for every reader."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from distgnn.exceptions import GraphDataError
from distgnn.schema import (
    SPLITS,
    UNLABELLED,
    EdgeSchema,
    EdgeType,
    FeatureDtype,
    GraphSchema,
    LabelKind,
    LabelSpec,
    NodeSchema,
    NodeType,
    edge_key,
)
from distgnn.tables.convert import to_numpy
from distgnn.tables.edges import EdgeOptions, apply_options
from distgnn.tables.features import dense_features, feature_field
from distgnn.tables.ids import id_column, row_ids
from distgnn.tables.labels import label_column, time_column, weight_column
from distgnn.tables.raw_graph import RawGraph
from distgnn.tables.sparse import CSRFeatures, sparse_features

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import numpy.typing as npt

    from distgnn.tables.source import SourceTable

NODE_ROLES = ("id", "x", "y", "split", "time")
EDGE_ROLES = ("src", "dst", "weight", "time", "edge_attr", "y")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Roles:
    """The columns of one table by role; None: it has none. Columns are Arrow ChunkedArrays."""

    features: Any | CSRFeatures | None = None
    feature_dtype: FeatureDtype | None = None
    """Type in storage; None: as given."""
    feature_name: str = "x"
    """What the user calls the features, for messages."""
    label: Any | None = None
    label_kind: LabelKind | None = None
    """None: by the type of the column."""
    num_classes: int | None = None
    """None: one more than the largest class."""
    label_name: str = "y"
    time: Any | None = None
    time_name: str = "time"
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Further columns, kept as they are."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NodeRoles(Roles):
    """The columns of a node table by role."""

    ids: Any | None = None
    """None: row numbers."""
    id_name: str = "id"
    split: Any | None = None
    """int8 codes, as `split_of_column` and `split_of_masks` give them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EdgeRoles(Roles):
    """The columns of an edge table by role."""

    src: Any
    """int64 rows of the source's node table."""
    dst: Any
    """int64 rows of the destination's node table."""
    weight: Any | None = None
    weight_name: str = "weight"
    feature_name: str = "edge_attr"


def node_table(
    node_type: NodeType, roles: NodeRoles, source: SourceTable
) -> tuple[NodeSchema, Any]:
    """Return the checked table of a node type and its schema.

    Args:
        node_type: Its name.
        roles: Its columns.
        source: Where they came from: for messages, and for the number of rows.

    Raises:
        GraphDataError: there are no nodes, or values that make no graph.
        TableError: a column has the wrong type.
    """
    if source.num_rows == 0:
        msg = f"{source.what} has no nodes; give its rows, or leave the type out of the graph"
        raise GraphDataError(msg)
    columns = _Columns(source, NODE_ROLES)
    ids = row_ids(source.num_rows)
    columns.add("id", ids if roles.ids is None else id_column(roles.ids, source, roles.id_name))
    features = columns.add_features("x", roles)
    label = columns.add_label(roles)
    if roles.split is not None:
        columns.add("split", roles.split)
        _refuse_unlabelled(columns, label, source)
    columns.add_time(roles)
    schema = NodeSchema(
        type=node_type,
        features=features,
        label=label,
        has_split=roles.split is not None,
        has_time=roles.time is not None,
        columns=columns.add_extra(roles),
    )
    return schema, columns.table()


def edge_table(
    edge_type: EdgeType,
    roles: EdgeRoles,
    source: SourceTable,
    options: EdgeOptions,
    kept: npt.NDArray[np.bool_] | None = None,
) -> tuple[EdgeSchema, Any]:
    """Return the checked table of an edge type and its schema.

    Args:
        edge_type: Its name.
        roles: Its columns.
        source: Where they came from, for messages.
        options: What to do with loops, reverse copies and duplicates.
        kept: bool [E], which rows are edges at all; None: all.

    Raises:
        ArgumentError: options that do not suit this edge type.
        GraphDataError: values that make no graph.
        TableError: a column has the wrong type.
    """
    columns = _Columns(source, EDGE_ROLES)
    columns.add("src", roles.src)
    columns.add("dst", roles.dst)
    if roles.weight is not None:
        columns.add("weight", weight_column(roles.weight, source, roles.weight_name))
    columns.add_time(roles)
    features = columns.add_features("edge_attr", roles)
    label = columns.add_label(roles)
    columns.add_extra(roles)
    table = columns.table()
    if kept is not None and not kept.all():
        table = table.filter(pa.array(kept))
    table = apply_options(table, edge_type, options)
    schema = EdgeSchema(
        type=edge_type,
        features=features,
        label=label,
        has_weight=roles.weight is not None,
        has_time=roles.time is not None,
        columns=tuple(name for name in table.column_names if name not in EDGE_ROLES),
    )
    return schema, table


def raw_graph(
    name: str, nodes: list[tuple[NodeSchema, Any]], edges: list[tuple[EdgeSchema, Any]]
) -> RawGraph:
    """Return the graph of tables that `node_table` and `edge_table` made."""
    schema = GraphSchema(
        nodes=tuple(node for node, _ in nodes), edges=tuple(edge for edge, _ in edges)
    )
    return RawGraph(
        name=name,
        schema=schema,
        nodes={node.type: table for node, table in nodes},
        edges={edge.type: table for edge, table in edges},
    )


def describe_nodes(node_type: NodeType) -> str:
    """Return what messages call a node table."""
    return f"node type {node_type!r}"


def describe_edges(edge_type: EdgeType) -> str:
    """Return what messages call an edge table."""
    return f"edge type {edge_key(edge_type)!r}"


class _Columns:
    """The columns of a table that is being built, in the order in which they are added."""

    def __init__(self, source: SourceTable, reserved: tuple[str, ...]) -> None:
        self._source, self._reserved = source, reserved
        self._fields: list[Any] = []
        self._arrays: dict[str, Any] = {}

    def add(self, name: str, column: Any, arrow_field: Any = None) -> None:
        if len(column) != self._source.num_rows:
            msg = (
                f"column {name!r} of {self._source.what} has {len(column)} rows, but the table has "
                f"{self._source.num_rows}; all columns have one value a row"
            )
            raise GraphDataError(msg)
        self._fields.append(arrow_field or pa.field(name, column.type))
        self._arrays[name] = column

    def add_features(self, name: str, roles: Roles) -> Any:
        if roles.features is None:
            return None
        given, dtype = roles.features, roles.feature_dtype
        make = sparse_features if isinstance(given, CSRFeatures) else dense_features
        spec, column = make(given, self._source, roles.feature_name, dtype)
        self.add(name, column, feature_field(name, spec, column.type))
        return spec

    def add_label(self, roles: Roles) -> LabelSpec | None:
        if roles.label is None:
            return None
        label, column = label_column(
            roles.label, self._source, roles.label_name, roles.label_kind, roles.num_classes
        )
        self.add("y", column)
        return label

    def add_time(self, roles: Roles) -> None:
        if roles.time is not None:
            self.add("time", time_column(roles.time, self._source, roles.time_name))

    def add_extra(self, roles: Roles) -> tuple[str, ...]:
        for name, column in roles.columns.items():
            if name in self._reserved:
                msg = (
                    f"{self._source.what} has a further column {name!r}, a name that distgnn uses "
                    f"for a role; name its role, rename it, or leave it out"
                )
                raise GraphDataError(msg)
            self.add(name, column)
        return tuple(roles.columns)

    def column(self, name: str) -> Any:
        return self._arrays[name]

    def table(self) -> Any:
        return pa.Table.from_arrays(list(self._arrays.values()), schema=pa.schema(self._fields))


def _refuse_unlabelled(columns: _Columns, label: LabelSpec | None, source: SourceTable) -> None:
    """Check that training and validation rows have a class, if rows have classes at all.

    Test rows may lack one: their labels are often held back.
    """
    if label is None or label.kind != "class":
        return
    classes, split = to_numpy(columns.column("y")), to_numpy(columns.column("split"))
    for name in ("train", "val"):
        bad = (split == SPLITS[name]) & (classes == UNLABELLED)
        if bad.any():
            msg = (
                f"{int(bad.sum())} rows of the {name} split of {source.what} are unlabelled, the "
                f"first of them {source.at(int(bad.argmax()))}; take them out of the split, or "
                "label them"
            )
            raise GraphDataError(msg)
