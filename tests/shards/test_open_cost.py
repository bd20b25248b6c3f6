"""Opening costs milliseconds and no memory, however large the files are: in a fresh process."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest

from distgnn.schema import EdgeSchema, FeatureSpec, GraphSchema, LabelSpec, NodeSchema
from distgnn.shards import ManifestInfo, ShardWriter

EDGE = ("n", "to", "n")
NUM_PARTS, NUM_FEATURES = 8, 128

MEASURE = """
import json, sys, time
import psutil
from distgnn.shards import ShardedGraph

process = psutil.Process()
before, times = process.memory_info().rss, []
for _ in range(5):
    start = time.perf_counter()
    graph = ShardedGraph.open(sys.argv[1])
    for part in range(graph.num_parts):
        nodes, edges = graph.nodes("n", part), graph.edges(("n", "to", "n"), part)
        assert nodes.x.shape[1] == 128 and len(edges.src) == edges.num_edges
    times.append(time.perf_counter() - start)
print(json.dumps({
    "seconds": min(times),
    "grown_bytes": process.memory_info().rss - before,
    "file_bytes": sum(entry.bytes for entry in graph.manifest.files.values()),
    "open_files": len(process.open_files()),
}))
"""


def write(out, num_nodes, num_edges):
    """Write a graph of zeros: what it holds is never looked at."""
    features = FeatureSpec(dim=NUM_FEATURES, dtype="float32")
    label = LabelSpec(kind="class", dim=2)
    schema = GraphSchema(
        nodes=(NodeSchema(type="n", features=features, label=label),),
        edges=(EdgeSchema(type=EDGE),),
    )
    rows, count = num_nodes // NUM_PARTS, num_edges // NUM_PARTS
    zeros, x = pa.array(np.zeros(rows, np.int64)), np.zeros(rows * NUM_FEATURES, np.float32)
    columns = {"id": zeros, "index": zeros, "x": x, "y": zeros}
    columns["x"] = pa.FixedSizeListArray.from_arrays(pa.array(x), NUM_FEATURES)
    offsets = pa.array(np.linspace(0, count, rows + 1).astype(np.int64))
    lists = pa.LargeListArray.from_arrays(offsets, pa.array(np.zeros(count, np.int64)))
    with ShardWriter(out, schema, NUM_PARTS) as writer:
        for part in range(NUM_PARTS):
            writer.write_nodes(part, "n", pa.table(columns))
            writer.write_edges(part, EDGE, pa.table({"src": lists, "eid": lists}))
        writer.commit(ManifestInfo(name="zeros", fingerprint="0", method="by hand"))


@pytest.mark.multiprocess
@pytest.mark.parametrize(
    ("num_nodes", "num_edges"),
    [(250_000, 5_000_000), pytest.param(1_000_000, 20_000_000, marks=pytest.mark.slow)],
)
def test_opening_takes_milliseconds_and_no_memory(num_nodes, num_edges, tmp_path):
    write(tmp_path / "graph", num_nodes, num_edges)
    command = [sys.executable, "-c", MEASURE, str(tmp_path / "graph")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = json.loads(done.stdout)
    assert found["seconds"] < 0.05
    assert found["grown_bytes"] < 0.05 * found["file_bytes"]
    assert found["open_files"] == 0, "the mappings live on without open files"
