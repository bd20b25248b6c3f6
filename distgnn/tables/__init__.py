"""Tables: raw files or objects in memory to a checked `RawGraph`."""

from distgnn.tables.arrays import EdgeArrays, NodeArrays, from_arrays
from distgnn.tables.edges import EdgeOptions
from distgnn.tables.npz import read_npz
from distgnn.tables.raw_graph import RawGraph
from distgnn.tables.sparse import CSRFeatures

__all__ = [
    "CSRFeatures",
    "EdgeArrays",
    "EdgeOptions",
    "NodeArrays",
    "RawGraph",
    "from_arrays",
    "read_npz",
]
