"""Tables: raw files or objects in memory to a checked `RawGraph`."""

from distgnn.tables.arrays import EdgeArrays, NodeArrays, from_arrays
from distgnn.tables.edges import EdgeOptions
from distgnn.tables.load import load_graph
from distgnn.tables.npz import read_npz
from distgnn.tables.pyg import from_pyg
from distgnn.tables.raw_graph import RawGraph
from distgnn.tables.select import select_edges
from distgnn.tables.sparse import CSRFeatures

__all__ = [
    "CSRFeatures",
    "EdgeArrays",
    "EdgeOptions",
    "NodeArrays",
    "RawGraph",
    "from_arrays",
    "from_pyg",
    "load_graph",
    "read_npz",
    "select_edges",
]
