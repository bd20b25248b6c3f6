"""Short ways to columns, sources and TOML files for the tests of this folder."""

import itertools
from pathlib import Path

import numpy as np
import pyarrow as pa

from distgnn.tables import RawGraph, load_graph
from distgnn.tables.source import SourceTable


def source(num_rows: int, what: str = "node type 'paper'", *files) -> SourceTable:
    """A source of rows without columns; `files` are (path, rows)."""
    table = pa.table({"row": pa.nulls(num_rows)}).select([])
    return SourceTable(table=table, what=what, files=files)


def column(values, dtype=None, *, chunks: int = 1):
    """A column in about that many chunks."""
    array = values if isinstance(values, pa.Array) else pa.array(values, dtype)
    bounds = np.linspace(0, len(array), chunks + 1).astype(int)
    pieces = [array.slice(a, b - a) for a, b in itertools.pairwise(bounds)]
    return pa.chunked_array(pieces, type=array.type)


def load(folder: Path, text: str) -> RawGraph:
    """The graph of a TOML file with that text in that folder."""
    (folder / "graph.toml").write_text(text)
    return load_graph(folder / "graph.toml")


def contents(graph: RawGraph) -> dict:
    """All values of a graph as Python objects."""
    tables = {**graph.nodes, **graph.edges}
    return {name: table.to_pydict() for name, table in tables.items()}
