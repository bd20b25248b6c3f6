"""A content hash of a graph that does not depend on how its columns are chunked or encoded.

Each column is split into streams of bytes (list lengths, text, numbers, positions of nulls), each
of which is the same however the column is cut into chunks; each stream has its own hash.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from distgnn.exceptions import TableError
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from distgnn.schema import EdgeType, GraphSchema, NodeType


def fingerprint_graph(
    schema: GraphSchema, nodes: Mapping[NodeType, Any], edges: Mapping[EdgeType, Any]
) -> str:
    """Return the fingerprint of a graph, 32 hexadecimal digits (xxh3_128).

    Args:
        schema: All types, in order.
        nodes: Arrow table of each node type.
        edges: Arrow table of each edge type.

    Raises:
        TableError: a column has a type whose content cannot be hashed (map, union).
    """
    tables = [(name_nodes(name), nodes[name]) for name in schema.node_types]
    tables += [(name_edges(name), edges[name]) for name in schema.edge_types]
    digests = []
    for where, table in tables:
        digest = TableDigest(where)
        for name in table.column_names:
            for chunk in table.column(name).chunks:
                digest.add(name, chunk)
        digests.append((where, table.num_rows, digest.columns(table.schema)))
    return combine_digests(schema, digests)


def name_nodes(node_type: NodeType) -> str:
    """Return what the fingerprint calls a node table."""
    return f"nodes {node_type}"


def name_edges(edge_type: EdgeType) -> str:
    """Return what the fingerprint calls an edge table."""
    return f"edges {edge_key(edge_type)}"


def combine_digests(
    schema: GraphSchema, tables: Iterable[tuple[str, int, Mapping[str, str]]]
) -> str:
    """Return the fingerprint of a graph.

    Args:
        schema: All types, in order.
        tables: For each table in that order its name, number of rows, and `TableDigest.columns`.
    """
    total = xxhash.xxh3_128(json.dumps(asdict(schema), sort_keys=True).encode())
    for where, num_rows, columns in tables:
        total.update(f"\n{where} {num_rows}".encode())
        for name in sorted(columns):
            total.update(f"\n{name} {columns[name]}".encode())
    return total.hexdigest()


def column_digest(column: Any, where: str) -> str:
    """Return the hash of an Arrow column (ChunkedArray): its type and its values.

    Raises:
        TableError: values of this type cannot be hashed.
    """
    digest = TableDigest(where)
    for chunk in column.chunks:
        digest.add(where, chunk)
    return digest.columns([pa.field(where, column.type)])[where]


class TableDigest:
    """The hashes of a table's columns, fed one chunk at a time."""

    def __init__(self, where: str) -> None:
        """Start with no rows; `where` names the table in messages."""
        self._where = where
        self._streams: dict[str, _Streams] = {}

    def add(self, name: str, chunk: Any) -> None:
        """Feed the next chunk (Arrow array) of the column `name`.

        Raises:
            TableError: values of this type cannot be hashed.
        """
        if name not in self._streams:
            self._streams[name] = _Streams(f"column {name!r} of {self._where}")
        self._streams[name].add("", chunk)

    def columns(self, schema: Any) -> dict[str, str]:
        """Return the hash of each column (Arrow fields): of its type and its values."""
        return {field.name: self._digest(field) for field in schema}

    def _digest(self, field: Any) -> str:
        streams = self._streams.get(field.name)
        hashes = {} if streams is None else streams.hashes
        parts = [_type_name(field.type)]
        parts += [f"{name}={hashes[name].hexdigest()}" for name in sorted(hashes)]
        return "|".join(parts)


class _Streams:
    """The hashes of a column's streams, fed one chunk at a time."""

    def __init__(self, where: str) -> None:
        self.hashes: dict[str, xxhash.xxh3_128] = defaultdict(xxhash.xxh3_128)
        self._rows: dict[str, int] = defaultdict(int)
        self._where = where

    def add(self, path: str, array: Any) -> None:
        """Feed an Arrow array to the streams whose names begin with `path`."""
        self._add_nulls(path, array)
        dtype = array.type
        if pa.types.is_dictionary(dtype):
            self._add_values(path, array.cast(dtype.value_type))
        else:
            self._add_values(path, array)

    def _add_nulls(self, path: str, array: Any) -> None:
        if array.null_count:
            rows = np.flatnonzero(array.is_null().to_numpy(zero_copy_only=False))
            self._update(f"{path}.nulls", (rows + self._rows[path]).astype(np.int64))
        self._rows[path] += len(array)

    def _add_values(self, path: str, array: Any) -> None:
        dtype = array.type
        if pa.types.is_struct(dtype):
            for i, child in enumerate(array.flatten()):
                self.add(f"{path}.{dtype.field(i).name}", child)
        elif pa.types.is_fixed_size_list(dtype):
            self.add(f"{path}[]", array.flatten())
        elif pa.types.is_list(dtype) or pa.types.is_large_list(dtype):
            self._update(f"{path}.lengths", _lengths(pc.list_value_length(array)))
            self.add(f"{path}[]", array.flatten())
        elif _is_text(dtype):
            self._add_text(path, array)
        elif pa.types.is_boolean(dtype):
            self._add_fixed(path, array.cast(pa.uint8()), 1)
        elif not pa.types.is_null(dtype):
            self._add_fixed(path, array, self._width(dtype))

    def _add_text(self, path: str, array: Any) -> None:
        """Strings and bytes: their lengths, and the bytes of all that are not null."""
        self._update(f"{path}.lengths", _lengths(pc.binary_length(array)))
        array = array.drop_null()
        if len(array) == 0:
            return
        wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
        _, offsets, data = array.buffers()
        bounds = np.frombuffer(offsets, np.int64 if wide else np.int32)
        start, stop = bounds[array.offset], bounds[array.offset + len(array)]
        if data is not None:
            self._update(f"{path}.text", memoryview(data)[start:stop])

    def _add_fixed(self, path: str, array: Any, width: int) -> None:
        """Numbers, times and the like: the bytes of all that are not null."""
        array = array.drop_null() if array.null_count else array
        if len(array):
            start = array.offset * width
            data = memoryview(array.buffers()[1])[start : start + len(array) * width]
            self._update(f"{path}.values", data)

    def _width(self, dtype: Any) -> int:
        try:
            bits = int(dtype.bit_width)
        except ValueError:
            msg = (
                f"{self._where} has Arrow type {dtype}, which cannot be kept; leave it out, or "
                "turn it into numbers, text, lists or structs"
            )
            raise TableError(msg) from None
        return bits // 8

    def _update(self, stream: str, data: Any) -> None:
        """Feed bytes; none leave no trace, so that empty chunks do not count."""
        if len(data):
            self.hashes[stream].update(memoryview(data).cast("B"))


def _lengths(lengths: Any) -> Any:
    return lengths.drop_null().cast(pa.int64()).to_numpy()


def _is_text(dtype: Any) -> bool:
    types = pa.types
    tests = (types.is_string, types.is_large_string, types.is_binary, types.is_large_binary)
    return any(test(dtype) for test in tests)


def _type_name(dtype: Any) -> str:
    """Return the name of a type, the same for each way to store equal values."""
    if pa.types.is_dictionary(dtype):
        return _type_name(dtype.value_type)
    if pa.types.is_struct(dtype):
        fields = (
            f"{dtype.field(i).name}:{_type_name(dtype.field(i).type)}"
            for i in range(dtype.num_fields)
        )
        return f"struct<{','.join(fields)}>"
    if pa.types.is_fixed_size_list(dtype):
        return f"list<{_type_name(dtype.value_type)},{dtype.list_size}>"
    if pa.types.is_list(dtype) or pa.types.is_large_list(dtype):
        return f"list<{_type_name(dtype.value_type)}>"
    return str(dtype).removeprefix("large_")
