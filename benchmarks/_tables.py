"""Generated graphs as Parquet files: what the benchmark of partitioning reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from distgnn.datasets.generate import generate
from distgnn.schema import DEFAULT_EDGE_TYPE, DEFAULT_NODE_TYPE

if TYPE_CHECKING:
    from pathlib import Path

NUM_FILES = 8
ROWS_PER_GROUP = 1 << 18

TOML = """
name = "generated"
[nodes.node]
path = "nodes"
id = "id"
features = "x"
label = "y"
split = "split"
[edges.node__to__node]
path = "edges"
src = "src"
dst = "dst"
"""


def write_tables(
    folder: Path,
    num_nodes: int,
    num_edges: int,
    num_features: int,
    dtype: Literal["float16", "float32"] = "float32",
) -> Path:
    """Write a generated graph as Parquet files, once; return its TOML file."""
    graph = folder / "graph.toml"
    if graph.exists():
        return graph
    raw = generate(num_nodes, num_edges, num_features=num_features, dtype=dtype)
    tables = {"nodes": raw.nodes[DEFAULT_NODE_TYPE], "edges": raw.edges[DEFAULT_EDGE_TYPE]}
    del raw
    for name, table in tables.items():
        _write(folder / name, table)
    graph.write_text(TOML)
    return graph


def _write(folder: Path, table: pa.Table) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    step = -(-table.num_rows // NUM_FILES)
    for i in range(NUM_FILES):
        piece = table.slice(i * step, step)
        pq.write_table(
            piece, folder / f"{i}.parquet", row_group_size=ROWS_PER_GROUP, compression="none"
        )
