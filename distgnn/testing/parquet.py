"""A graph in memory as Parquet files with text ids, as users bring theirs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w

from distgnn.schema import EdgeSchema, NodeSchema, edge_key

if TYPE_CHECKING:
    from distgnn.tables.raw_graph import RawGraph

ROLES = {"x": "features", "edge_attr": "features", "y": "label"}
"""Columns of a `RawGraph` whose key in the TOML file has another name."""


def write_parquet(raw: RawGraph, folder: Path, *, num_files: int = 3) -> Path:
    """Write the tables of a graph as Parquet files and a TOML file; return the latter.

    Node ids become text, ``"paper:17"`` for the id 17; rows keep their order.

    Args:
        raw: Any graph.
        folder: Where to write; made if it is not there.
        num_files: Files of each table.
    """
    config: dict[str, Any] = {"name": raw.name, "nodes": {}, "edges": {}}
    for node in raw.schema.nodes:
        table = raw.nodes[node.type].set_column(0, "id", text_ids(raw, node.type))
        config["nodes"][node.type] = {"id": "id"} | _write(table, node, folder, num_files)
    for edge in raw.schema.edges:
        table = raw.edges[edge.type]
        for position, end, node_type in ((0, "src", edge.type[0]), (1, "dst", edge.type[2])):
            ids = text_ids(raw, node_type).take(table.column(end))
            table = table.set_column(position, end, ids)
        ends = {"src": "src", "dst": "dst"}
        config["edges"][edge_key(edge.type)] = ends | _write(table, edge, folder, num_files)
    path = folder / "graph.toml"
    path.write_text(tomli_w.dumps(config))
    return path


def text_ids(raw: RawGraph, node_type: str) -> Any:
    """Return the ids of a node type as text."""
    ids = raw.nodes[node_type].column("id").cast(pa.string())
    return pa.array([f"{node_type}:{value}" for value in ids.to_pylist()])


def _write(
    table: Any, schema: NodeSchema | EdgeSchema, folder: Path, num_files: int
) -> dict[str, Any]:
    """Write one table; return its keys in the TOML file."""
    kind = "nodes" if isinstance(schema, NodeSchema) else "edges"
    name = schema.type if isinstance(schema, NodeSchema) else edge_key(schema.type)
    keys: dict[str, Any] = {"path": f"{kind}/{name}"}
    for column in ("x", "edge_attr", "y", "split", "time", "weight"):
        if column in table.column_names and column not in schema.columns:
            keys[ROLES.get(column, column)] = column
    if schema.features is not None:
        keys["feature_dtype"] = schema.features.dtype
        if schema.features.sparse:
            table, keys["features"] = _sparse_columns(table, keys["features"], schema.features.dim)
    if schema.label is not None:
        keys["label_kind"] = schema.label.kind
        if schema.label.kind == "class":
            keys["num_classes"] = schema.label.dim
    target = Path(folder, kind, name)
    target.mkdir(parents=True, exist_ok=True)
    step = max(1, -(-table.num_rows // num_files))
    for i in range(num_files):
        pq.write_table(table.slice(i * step, step), target / f"{i}.parquet")
    return keys


def _sparse_columns(table: Any, name: str, dim: int) -> tuple[Any, dict[str, Any]]:
    """Return a table with sparse features as two columns of lists, and how the file names them."""
    column = table.column(name).combine_chunks()
    table = table.drop_columns([name])
    for part in ("indices", "values"):
        table = table.append_column(f"{name}_{part}", column.field(part))
    return table, {"indices": f"{name}_indices", "values": f"{name}_values", "dim": dim}
