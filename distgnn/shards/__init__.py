"""Shards: the on-disk format, Arrow files opened by mmap.

    products/
      graph.json                            manifest: format version, schema, id ranges, checksums
      part-00000/
        nodes/paper.arrow                   a row per owned node:
                                              id, index, x, y, split, time, the user's columns
        edges/author__writes__paper.arrow   a row per owned destination, each column a large_list:
                                              src, eid, weight, time, edge_attr, y, the user's

An Arrow IPC file holds one record batch, uncompressed, so any program that reads Arrow reads it; a
large_list column is a CSC matrix, its offsets indptr and its values the columns of the edges.

`ShardWriter` writes a directory that is complete or absent, `ShardedGraph` opens it without
copying, `verify.verify` reads all of it, `statistics.statistics` measures it. Many small graphs
have a format of their own, `graph_set`.
"""

from distgnn.shards.graph_set import GraphArrays, GraphSet, write_graphs
from distgnn.shards.manifest import FORMAT_VERSION, Manifest, ManifestInfo
from distgnn.shards.pruned import PrunedGraph
from distgnn.shards.reader import ShardedGraph
from distgnn.shards.views import EdgeShard, NodeShard, SparseRows
from distgnn.shards.writer import ShardWriter

__all__ = [
    "FORMAT_VERSION",
    "EdgeShard",
    "GraphArrays",
    "GraphSet",
    "Manifest",
    "ManifestInfo",
    "NodeShard",
    "PrunedGraph",
    "ShardWriter",
    "ShardedGraph",
    "SparseRows",
    "write_graphs",
]
