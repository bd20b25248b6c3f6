"""`RawGraph`: checked Arrow tables for every node and edge type, in the user's order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from distgnn.exceptions import GraphDataError
from distgnn.schema import EdgeSchema, NodeSchema, edge_key
from distgnn.tables.fingerprint import fingerprint_graph

if TYPE_CHECKING:
    from distgnn.schema import EdgeType, GraphSchema, NodeType


@dataclass(frozen=True, slots=True, kw_only=True)
class RawGraph:
    """A graph as Arrow tables: what the partitioner reads.

    Values have been checked by whoever built the tables (`node_table` and `edge_table` do);
    construction checks columns, types and that edges end at nodes.

    Raises:
        GraphDataError: the tables do not fit the schema, or an edge ends outside its node table.
    """

    schema: GraphSchema
    nodes: dict[NodeType, Any]
    """Arrow table of each node type. Row r is the node of index r.

    Columns: `id` (int64 or string); where the schema has them `x`, `y`, `split` (int8, a code of
    `SPLITS` or -1), `time` (int64); and the user's columns. Dense `x` is
    fixed_size_list<dtype, dim>; sparse `x` is struct<indices: list<int32>, values: list<dtype>>,
    indices rising within a row. bfloat16 is stored as its bits, uint16, with field metadata
    ``{b"distgnn.dtype": b"bfloat16"}``. `y` is int64 (class, -1 unlabelled), float32 (value), or a
    fixed_size_list of int8 or float32.
    """
    edges: dict[EdgeType, Any]
    """Arrow table of each edge type.

    Columns: `src` and `dst` (int64: row indices into the node tables of the type's ends); where the
    schema has them `weight` (float32), `time` (int64), `edge_attr` (as `x`), `y`; and the user's
    columns.
    """
    name: str
    """For messages and reports."""

    def __post_init__(self) -> None:
        _check_types(set(self.schema.node_types), set(self.nodes), "node")
        _check_types(set(self.schema.edge_types), set(self.edges), "edge")
        for node in self.schema.nodes:
            _check_columns(f"node type {node.type!r}", self.nodes[node.type], _node_names(node))
        for edge in self.schema.edges:
            where = f"edge type {edge_key(edge.type)!r}"
            _check_columns(where, self.edges[edge.type], _edge_names(edge))
            for end, node_type in (("src", edge.type[0]), ("dst", edge.type[2])):
                _check_ends(where, self.edges[edge.type], end, self.nodes[node_type].num_rows)

    def num_nodes(self, node_type: NodeType) -> int:
        """Return the number of nodes of a type.

        Raises:
            ArgumentError: there is no such node type.
        """
        return int(self.nodes[self.schema.node(node_type).type].num_rows)

    def num_edges(self, edge_type: EdgeType) -> int:
        """Return the number of directed edges of a type.

        Raises:
            ArgumentError: there is no such edge type.
        """
        return int(self.edges[self.schema.edge(edge_type).type].num_rows)

    def fingerprint(self) -> str:
        """Return a hash of the schema and of every value of every column, in raw order.

        The same for equal contents however they are chunked, read or partitioned; the name does
        not count. Reads all columns once (about 10 GB/s).
        """
        return fingerprint_graph(self.schema, self.nodes, self.edges)


def _node_names(node: NodeSchema) -> list[str]:
    roles = {
        "id": True,
        "x": node.features is not None,
        "y": node.label is not None,
        "split": node.has_split,
        "time": node.has_time,
    }
    return [*(name for name, present in roles.items() if present), *node.columns]


def _edge_names(edge: EdgeSchema) -> list[str]:
    roles = {
        "src": True,
        "dst": True,
        "weight": edge.has_weight,
        "time": edge.has_time,
        "edge_attr": edge.features is not None,
        "y": edge.label is not None,
    }
    return [*(name for name, present in roles.items() if present), *edge.columns]


def _check_types(wanted: set[Any], found: set[Any], kind: str) -> None:
    if wanted != found:
        msg = (
            f"the schema has the {kind} types {sorted(wanted)}, but there are tables for "
            f"{sorted(found)}; give one table for each type of the schema"
        )
        raise GraphDataError(msg)


def _check_columns(where: str, table: Any, wanted: list[str]) -> None:
    if sorted(table.column_names) != sorted(wanted):
        msg = (
            f"the table of {where} has the columns {table.column_names}, but its schema promises "
            f"{wanted}; distgnn.tables.from_arrays builds both"
        )
        raise GraphDataError(msg)


def _check_ends(where: str, table: Any, end: str, num_nodes: int) -> None:
    column = table.column(end)
    if column.type != pa.int64() or column.null_count:
        msg = f"column {end!r} of {where} must be int64 without nulls, not {column.type}"
        raise GraphDataError(msg)
    bounds = pc.min_max(column).as_py()
    if table.num_rows and not 0 <= bounds["min"] <= bounds["max"] < num_nodes:
        msg = (
            f"column {end!r} of {where} holds rows {bounds['min']} to {bounds['max']}, but the "
            f"node table has rows 0 to {num_nodes - 1}; edges name their ends by row here, ids are "
            "mapped to rows when files are loaded"
        )
        raise GraphDataError(msg)
