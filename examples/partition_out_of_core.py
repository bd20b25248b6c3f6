"""A real graph as Parquet files with text ids, partitioned within a memory limit, and read back.

    python examples/partition_out_of_core.py --name gowalla --data ../shared/data
    python examples/partition_out_of_core.py --name wordnet31 --data ../shared/data --parts 8

Gowalla: 1,027,370 visits of 29,858 users to 40,981 places, both ways. WordNet 3.1: 365,119 edges
of several relations between 117,791 synsets. Every edge, feature and label that goes in is compared
with what comes out: 2,125,579 and 482,910 rows. There is no published figure to compare with.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import tyro
from rich.console import Console

from distgnn.datasets import load
from distgnn.partition.estimate import parse_bytes
from distgnn.partition.out_of_core.run import partition_tables
from distgnn.partition.repartition import raw_tables
from distgnn.shards import ShardedGraph
from distgnn.testing.parquet import text_ids, write_parquet


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What to partition."""

    name: str = "cora"
    """A known dataset; Cora ships with the package."""
    data: Path | None = None
    """Folder of the datasets that do not."""
    parts: int = 4
    method: str = "multilevel"
    memory_limit: str = "600MiB"


def main(arguments: Arguments) -> None:
    """Write, partition, read back, compare."""
    raw = load(arguments.name, arguments.data)
    with tempfile.TemporaryDirectory() as folder:
        graph = write_parquet(raw, Path(folder))
        report = partition_tables(
            graph,
            Path(folder, "out"),
            num_parts=arguments.parts,
            method=arguments.method,
            memory_limit=parse_bytes(arguments.memory_limit),
        )
        back = raw_tables(ShardedGraph.open(Path(folder, "out")))
        same = 0
        for node_type, table in raw.nodes.items():
            found = back.nodes[node_type]
            assert found.column("id").to_pylist() == text_ids(raw, node_type).to_pylist()
            for column in set(table.column_names) - {"id"}:
                assert found.column(column).to_pylist() == table.column(column).to_pylist(), column
            same += table.num_rows
        for edge_type, table in raw.edges.items():
            for column in table.column_names:
                found = back.edges[edge_type].column(column)
                assert found.to_pylist() == table.column(column).to_pylist(), column
            same += table.num_rows
    Console().print(report)
    Console().print(f"{same:,} rows of nodes and edges came back as they went in")


if __name__ == "__main__":
    main(tyro.cli(Arguments))
