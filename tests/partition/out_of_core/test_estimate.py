"""What is said before a run against what the run takes, in processes of their own."""

import json
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distgnn.exceptions import PartitionError
from distgnn.partition.estimate import parse_bytes
from distgnn.partition.out_of_core import estimate as module
from distgnn.partition.out_of_core.run import estimate_tables, partition_tables
from tests.partition.out_of_core.tables import scholar_tables

DEADLINE_S = 100

RUN = """
import json, sys
from pathlib import Path
from distgnn.partition.out_of_core.run import partition_tables
report = partition_tables(Path(sys.argv[1]), Path(sys.argv[2]), num_parts=4, method="fennel",
                          memory_limit=int(sys.argv[3]), progress=False)
# Not getrusage: its peak begins with that of the process that started this one.
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
peak = int(status["VmHWM"].split()[0]) * 1024
found = report.estimate
print(json.dumps({"peak": peak, "expected": found.peak_bytes, "written": report.num_bytes,
                  "to_write": found.write_bytes, "edges": found.num_edges}))
"""


def random_graph(folder, num_nodes, num_edges, num_features):
    rng = np.random.default_rng(0)
    x = pa.array(rng.random(num_nodes * num_features, np.float32))
    ends = {name: rng.integers(0, num_nodes, num_edges) for name in ("src", "dst")}
    nodes = {"x": pa.FixedSizeListArray.from_arrays(x, num_features)}
    for name, columns in (("nodes", nodes), ("edges", ends)):
        (folder / name).mkdir()
        pq.write_table(pa.table(columns), folder / name / "0.parquet")
    text = '[nodes.node]\npath = "nodes"\nfeatures = "x"\n'
    text += '[edges.node__to__node]\npath = "edges"\nsrc = "src"\ndst = "dst"\n'
    (folder / "graph.toml").write_text(text)
    return folder / "graph.toml"


@pytest.mark.multiprocess
@pytest.mark.parametrize(
    ("num_nodes", "num_edges", "num_features"),
    [(1000, 20_000, 8), (60_000, 1_500_000, 64), (200_000, 3_000_000, 32)],
)
def test_the_peak_is_within_a_quarter_of_the_estimate(num_nodes, num_edges, num_features, tmp_path):
    graph = random_graph(tmp_path, num_nodes, num_edges, num_features)
    words = [sys.executable, "-c", RUN, str(graph), str(tmp_path / "out"), str(400 << 20)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["edges"] == num_edges
    assert found["peak"] == pytest.approx(found["expected"], rel=0.25)
    assert found["peak"] <= 400 << 20
    assert found["written"] == pytest.approx(found["to_write"], rel=0.25)


def test_too_little_memory_names_the_flag(tmp_path):
    graph = scholar_tables(tmp_path)
    arguments = {"num_parts": 2, "memory_limit": 50 << 20}
    with pytest.raises(PartitionError, match=r"limit is 50.0 MiB: raise --memory-limit"):
        partition_tables(graph, tmp_path / "out", **arguments, progress=False)
    assert {p.name for p in tmp_path.iterdir() if p.is_dir()} == {
        "papers",
        "authors",
        "cites",
        "writes",
    }


def test_a_method_that_holds_the_edges_names_those_that_do_not(tmp_path, monkeypatch):
    graph = scholar_tables(tmp_path)
    monkeypatch.setattr(module, "count_nodes", lambda job: 10**7)
    with pytest.raises(PartitionError, match="--method multilevel, fennel, restream or ldg"):
        partition_tables(
            graph,
            tmp_path / "out",
            num_parts=2,
            method="metis",
            memory_limit=700 << 20,
            progress=False,
        )


def test_too_small_a_disk_names_the_flag(tmp_path, monkeypatch):
    graph = scholar_tables(tmp_path)

    class Usage:
        free = 10

    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: Usage)
    with pytest.raises(PartitionError, match=r"has 10 B free: .* with --work"):
        partition_tables(graph, tmp_path / "out", num_parts=2, progress=False)


def test_more_of_everything_takes_longer(tmp_path):
    small = estimate_tables(scholar_tables(tmp_path / "s"), tmp_path / "out", num_parts=2)
    large = estimate_tables(
        scholar_tables(tmp_path / "l", num_papers=2000), tmp_path / "out", num_parts=2
    )
    assert large.seconds > small.seconds
    assert large.read_bytes > small.read_bytes
    assert "290 nodes, 1,900 edges" in small.render()


@pytest.mark.parametrize(
    ("text", "number"),
    [("2GiB", 2 << 30), ("800 MB", 800_000_000), ("123", 123), ("1.5G", 1_500_000_000)],
)
def test_amounts_of_memory(text, number):
    assert parse_bytes(text) == number


def test_no_amount_of_memory():
    with pytest.raises(PartitionError, match="'2 gallons' is no amount of memory"):
        parse_bytes("2 gallons")
