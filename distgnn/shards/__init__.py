"""Shards: the on-disk format, Arrow files opened by mmap.

    products/
      graph.json                              Manifest: format version, schema, id ranges,
      checksums, how it was made part-00000/
        nodes/paper.arrow                     a row per owned node: id, index, x, y, split, time,
        the user's columns edges/author__writes__paper.arrow     a row per owned destination: lists
        of src, eid, weight, time, edge_attr, ...

`ShardWriter` writes a directory that is complete or absent, `ShardedGraph` opens it without
copying.
"""

from distgnn.shards.manifest import FORMAT_VERSION, Manifest, ManifestInfo
from distgnn.shards.reader import ShardedGraph
from distgnn.shards.views import EdgeShard, NodeShard, SparseRows
from distgnn.shards.writer import ShardWriter

__all__ = [
    "FORMAT_VERSION",
    "EdgeShard",
    "Manifest",
    "ManifestInfo",
    "NodeShard",
    "ShardWriter",
    "ShardedGraph",
    "SparseRows",
]
