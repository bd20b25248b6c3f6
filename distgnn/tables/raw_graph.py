"""`RawGraph`: checked tables of nodes and edges, the hand-over from readers to partitioners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.ipc
import xxhash

from distgnn.exceptions import ArgumentError, nearest
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from distgnn.schema import EdgeType, GraphSchema, NodeType

_HASH_ROWS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class RawGraph:
    """A graph in memory, as Arrow tables of one row a node and one row an edge.

    Row r of a node table is the node with `index` r. Node tables hold `id` (int64 or string) and,
    where the schema says so, `x`, `y`, `split`, `time`; edge tables hold `src` and `dst` (int64
    rows of the node tables) and, likewise, `weight`, `time`, `edge_attr`, `y`; both hold the
    further columns that the user brought.
    """

    schema: GraphSchema
    nodes: dict[NodeType, pa.Table]
    edges: dict[EdgeType, pa.Table]
    name: str

    def num_nodes(self, node_type: NodeType) -> int:
        """Return the number of nodes of a type.

        Raises:
            ArgumentError: there is no such node type.
        """
        if node_type not in self.nodes:
            msg = f"the graph has no node type {node_type!r}{nearest(node_type, self.nodes)}"
            raise ArgumentError(msg)
        return int(self.nodes[node_type].num_rows)

    def num_edges(self, edge_type: EdgeType) -> int:
        """Return the number of edges of a type.

        Raises:
            ArgumentError: there is no such edge type.
        """
        if edge_type not in self.edges:
            key = edge_key(edge_type)
            msg = f"the graph has no edge type {key!r}{nearest(key, map(edge_key, self.edges))}"
            raise ArgumentError(msg)
        return int(self.edges[edge_type].num_rows)

    def fingerprint(self) -> str:
        """Return a hash (32 hex digits) of the schema and of every column in raw order.

        It does not depend on how the graph is partitioned or how the columns are chunked, so two
        partitions of the same graph share it.
        """
        digest = xxhash.xxh3_128(repr(self.schema).encode())
        for node in self.schema.nodes:
            _hash_table(digest, node.type, self.nodes[node.type])
        for edge in self.schema.edges:
            _hash_table(digest, edge_key(edge.type), self.edges[edge.type])
        return str(digest.hexdigest())


def _hash_table(digest: xxhash.xxh3_128, name: str, table: pa.Table) -> None:
    """Hash the columns of `table` in blocks of fixed size, whatever its chunks are."""
    for column in sorted(table.column_names):
        field = table.schema.field(column)
        digest.update(f"{name}.{column}:{field.type}:{table.num_rows}".encode())
        values = table.select([column])
        for start in range(0, table.num_rows, _HASH_ROWS):
            block = values.slice(start, _HASH_ROWS).combine_chunks()
            digest.update(_canonical_bytes(block))


def _canonical_bytes(table: pa.Table) -> memoryview:
    """Serialise a one-chunk table: IPC writes the sliced rows alone, without padding garbage."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema.remove_metadata()) as writer:
        writer.write_table(table.replace_schema_metadata(None))
    return memoryview(sink.getvalue())
