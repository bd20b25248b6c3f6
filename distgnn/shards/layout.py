"""Node and edge files: from tables to record batches (writing) and back to views (reading)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, ShardCorruptError
from distgnn.schema import EdgeSchema, NodeSchema, edge_key
from distgnn.shards.columns import (
    DTYPE_KEY,
    MARKED,
    canonical,
    check_sparse,
    contiguous,
    feature_type,
    feature_view,
    is_variable_list,
    label_types,
    label_view,
    list_parts,
    list_view,
    numeric_view,
    require_no_nulls,
)
from distgnn.shards.views import EdgeShard, NodeShard

if TYPE_CHECKING:
    from distgnn.schema import FeatureSpec

INT64 = np.dtype(np.int64)

Roles = dict[str, tuple[Any, ...]]
"""For each role column that a file must hold, the Arrow types it may have."""


def node_roles(schema: NodeSchema) -> Roles:
    """Return the role columns of a node file, in order."""
    roles: Roles = {"id": (pa.int64(), pa.string(), pa.large_string()), "index": (pa.int64(),)}
    if schema.features is not None:
        roles["x"] = (feature_type(schema.features),)
    if schema.label is not None:
        roles["y"] = label_types(schema.label)
    if schema.has_split:
        roles["split"] = (pa.int8(),)
    if schema.has_time:
        roles["time"] = (pa.int64(),)
    return roles


def edge_roles(schema: EdgeSchema) -> Roles:
    """Return the role columns of an edge file, in order, with the types within their lists."""
    roles: Roles = {"src": (pa.int64(),), "eid": (pa.int64(),)}
    if schema.has_weight:
        roles["weight"] = (pa.float32(),)
    if schema.has_time:
        roles["time"] = (pa.int64(),)
    if schema.features is not None:
        roles["edge_attr"] = (feature_type(schema.features),)
    if schema.label is not None:
        roles["y"] = label_types(schema.label)
    return roles


def node_batch(schema: NodeSchema, table: Any) -> Any:
    """Return the record batch of a node file.

    Args:
        schema: The node type.
        table: Arrow table, a row per owned node: exactly the role columns of `node_roles` and the
            user's.

    Raises:
        ArgumentError: a column is missing, unknown or of another type, or a role column holds
            nulls.
    """
    what, roles = f"node type {schema.type!r}", node_roles(schema)
    _check_names(what, roles, schema.columns, table.column_names)
    fields, arrays = [], []
    for name, types in roles.items():
        where = f"column {name!r} of {what}"
        array = contiguous(table.column(name), where)
        require_no_nulls(array, where)
        array = _as_one_of(array, types, where)
        if name == "x" and schema.features is not None and schema.features.sparse:
            check_sparse(array, schema.features, where)
        fields.append(_role_field(name, array.type, schema.features if name == "x" else None))
        arrays.append(array)
    for name in schema.columns:
        arrays.append(contiguous(table.column(name), f"column {name!r} of {what}"))
        fields.append(table.schema.field(name))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def edge_batch(schema: EdgeSchema, table: Any) -> Any:
    """Return the record batch of an edge file.

    Args:
        schema: The edge type.
        table: Arrow table, a row per owned destination: exactly the role columns of `edge_roles`
            and the user's, each a list column with the same list lengths.

    Raises:
        ArgumentError: a column is missing, unknown, of another type or with other list lengths, or
            a role column holds nulls.
    """
    what, roles = f"edge type {edge_key(schema.type)!r}", edge_roles(schema)
    _check_names(what, roles, schema.columns, table.column_names)
    fields, arrays, offsets = [], [], None
    for name in (*roles, *schema.columns):
        where = f"column {name!r} of {what}"
        array = _edge_column(contiguous(table.column(name), where), roles.get(name), where)
        own_offsets = list_parts(array)[0].to_numpy()
        offsets = own_offsets if offsets is None else offsets
        if not np.array_equal(offsets, own_offsets):
            msg = f"the lists of {where} have other lengths than those of 'src'"
            raise ArgumentError(msg)
        if name == "edge_attr" and schema.features is not None and schema.features.sparse:
            check_sparse(array.flatten(), schema.features, where)
        arrays.append(array)
        if name in roles:
            fields.append(
                _role_field(name, array.type, schema.features if name == "edge_attr" else None)
            )
        else:
            fields.append(table.schema.field(name).with_type(array.type))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def node_shard(schema: NodeSchema, batch: Any, where: str) -> NodeShard:
    """Return the views of a node file.

    Args:
        schema: The node type.
        batch: Its record batch, with the columns that `check_arrow_schema` asks for.
        where: The file, for messages.

    Raises:
        ShardCorruptError: the buffers do not fit the number of rows.
    """

    def column(name: str) -> Any:
        return batch.column(name)

    return NodeShard(
        ids=column("id"),
        index=numeric_view(column("index"), INT64, f"{where}: index"),
        x=feature_view(column("x"), schema.features, f"{where}: x") if schema.features else None,
        y=label_view(column("y"), f"{where}: y") if schema.label else None,
        split=numeric_view(column("split"), np.dtype(np.int8), f"{where}: split")
        if schema.has_split
        else None,
        time=numeric_view(column("time"), INT64, f"{where}: time") if schema.has_time else None,
        columns=batch,
    )


def edge_shard(schema: EdgeSchema, batch: Any, where: str) -> EdgeShard:
    """Return the views of an edge file (arguments as for `node_shard`).

    Raises:
        ShardCorruptError: the buffers do not fit the number of rows, or one column holds more
            edges than another.
    """
    indptr, sources = list_view(batch.column("src"), f"{where}: src")

    def values(name: str) -> Any:
        found = list_view(batch.column(name), f"{where}: {name}")[1]
        if len(found) != len(sources):
            msg = (
                f"{where}: {name} holds {len(found)} edges, src {len(sources)}: the file is damaged"
            )
            raise ShardCorruptError(msg)
        return found

    return EdgeShard(
        indptr=indptr,
        src=numeric_view(sources, INT64, f"{where}: src"),
        eid=numeric_view(values("eid"), INT64, f"{where}: eid"),
        weight=numeric_view(values("weight"), np.dtype(np.float32), f"{where}: weight")
        if schema.has_weight
        else None,
        time=numeric_view(values("time"), INT64, f"{where}: time") if schema.has_time else None,
        edge_attr=feature_view(values("edge_attr"), schema.features, f"{where}: edge_attr")
        if schema.features
        else None,
        y=label_view(values("y"), f"{where}: y") if schema.label else None,
        columns=batch,
    )


def check_arrow_schema(schema: NodeSchema | EdgeSchema, found: Any, where: str) -> None:
    """Check that a file holds the columns that the schema of the graph promises.

    Args:
        schema: The node or edge type.
        found: The Arrow schema of the file.
        where: The file, for messages.

    Raises:
        ShardCorruptError: it does not.
    """
    roles = node_roles(schema) if isinstance(schema, NodeSchema) else edge_roles(schema)
    wanted = [*roles, *schema.columns]
    if found.names != wanted:
        msg = (
            f"{where} holds the columns {found.names}, not {wanted}: it belongs to another "
            "graph, or is damaged"
        )
        raise ShardCorruptError(msg)
    for name, types in roles.items():
        allowed = types if isinstance(schema, NodeSchema) else tuple(map(pa.large_list, types))
        if found.field(name).type not in allowed:
            msg = (
                f"{where}: column {name!r} has Arrow type {found.field(name).type}, not "
                f"{allowed[0]}: the file is damaged"
            )
            raise ShardCorruptError(msg)


def _check_names(what: str, roles: Roles, columns: tuple[str, ...], found: list[str]) -> None:
    wanted = [*roles, *columns]
    if len(set(wanted)) != len(wanted) or len(set(found)) != len(found):
        msg = f"{what} names a column twice: the schema has {wanted}, the table {found}"
        raise ArgumentError(msg)
    if set(wanted) != set(found):
        missing, unknown = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
        msg = (
            f"the table of {what} does not fit the schema: missing columns {missing}, unknown "
            f"columns {unknown}"
        )
        raise ArgumentError(msg)


def _as_one_of(array: Any, types: tuple[Any, ...], where: str) -> Any:
    return array if array.type in types else canonical(array, types[0], where)


def _edge_column(array: Any, types: tuple[Any, ...] | None, where: str) -> Any:
    """Return a column of lists as a large_list whose values have one of `types` (None: any)."""
    if not is_variable_list(array.type):
        msg = f"{where} has Arrow type {array.type}, not a list for each owned destination"
        raise ArgumentError(msg)
    if array.null_count:
        msg = (
            f"{where} holds {array.null_count} nulls instead of lists (a node without in-edges "
            "has an empty list)"
        )
        raise ArgumentError(msg)
    if types is not None:
        require_no_nulls(array, where)
        return _as_one_of(array, tuple(map(pa.large_list, types)), where)
    return canonical(array, pa.large_list(array.type.value_type), where)


def _role_field(name: str, dtype: Any, features: FeatureSpec | None) -> Any:
    """Return the Arrow field of a role column, which never holds nulls."""
    marked = features is not None and features.dtype in MARKED
    metadata = {DTYPE_KEY: features.dtype.encode()} if features is not None and marked else None
    return pa.field(name, dtype, nullable=False, metadata=metadata)
