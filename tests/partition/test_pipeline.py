"""The whole way: tables in, shards out, and back."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distgnn.exceptions import OutputExistsError, PartitionError
from distgnn.partition import pipeline
from distgnn.partition.pipeline import partition_graph
from distgnn.partition.registry import PARTITIONERS
from distgnn.schema import DEFAULT_NODE_TYPE
from distgnn.shards.reader import ShardedGraph
from distgnn.testing.graphs import papers, scholars
from distgnn.testing.sharding import shard
from tests.partition.graphs import communities, raw_graphs, raw_of
from tests.partition.unshard import unshard

METHODS = sorted(PARTITIONERS)


def run(raw, out, **options):
    report = partition_graph(raw, out, progress=False, **options)
    return report, ShardedGraph.open(out)


def owners_of(graph):
    """For each node type the part of every raw row."""
    owners = {}
    for node_type in graph.schema.node_types:
        owners[node_type] = np.empty(graph.num_nodes(node_type), np.int64)
        for part in range(graph.num_parts):
            owners[node_type][graph.nodes(node_type, part).index] = part
    return owners


def files_of(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=30, deadline=None)
@given(raw=raw_graphs(), num_parts=st.integers(1, 5), balance=st.sampled_from(["nodes", "edges"]))
@example(raw=papers().raw, num_parts=5, balance="edges")
@example(raw=scholars().raw, num_parts=3, balance="nodes")
def test_shards_hold_the_raw_graph_and_nothing_else(method, raw, num_parts, balance):
    num_parts = min(num_parts, sum(table.num_rows for table in raw.nodes.values()))
    with tempfile.TemporaryDirectory() as folder:
        _, graph = run(
            raw, Path(folder, "out"), num_parts=num_parts, method=method, balance=balance, seed=3
        )
        back = unshard(graph, raw)
    assert graph.num_parts == num_parts
    assert all(np.sum([np.diff(graph.offsets(t)) for t in raw.nodes], axis=0) > 0)
    for node_type, table in raw.nodes.items():
        assert back.nodes[node_type].to_pylist() == table.to_pylist()
    for edge_type, table in raw.edges.items():
        assert back.edges[edge_type].to_pylist() == table.to_pylist()
    assert graph.fingerprint == back.fingerprint() == raw.fingerprint()


@settings(max_examples=30, deadline=None)
@given(raw=raw_graphs(), num_parts=st.integers(1, 4))
@example(raw=papers().raw, num_parts=2)
@example(raw=scholars().raw, num_parts=2)
def test_files_equal_those_of_the_slow_way(raw, num_parts):
    num_parts = min(num_parts, sum(table.num_rows for table in raw.nodes.values()))
    with tempfile.TemporaryDirectory() as folder:
        _, graph = run(raw, Path(folder, "fast"), num_parts=num_parts, method="fennel")
        owners = owners_of(graph)
        shard(raw, owners, Path(folder, "slow"))
        fast, slow = (files_of(Path(folder, name)) for name in ("fast", "slow"))
    for path in fast.keys() - {Path("graph.json")}:
        assert fast[path] == slow[path], path


@pytest.mark.parametrize("method", METHODS)
def test_two_runs_write_the_same_bytes(method, tmp_path):
    raw = scholars().raw
    for name in ("one", "two"):
        run(raw, tmp_path / name, num_parts=3, method=method, balance="edges", seed=5)
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")


def test_manifest_and_report_say_how_it_went(tmp_path):
    edges = communities(400, 3000)
    raw = raw_of(edges, 400, split=np.arange(400) % 3)
    report, graph = run(raw, tmp_path / "out", num_parts=4, method="metis", balance="train", seed=7)
    parts = owners_of(graph)[DEFAULT_NODE_TYPE]
    cut = float((parts[edges[:, 0]] != parts[edges[:, 1]]).mean())
    assert report.quality.edge_cut == pytest.approx(cut)
    assert graph.manifest.stats["edge_cut"] == report.quality.edge_cut
    assert graph.manifest.stats["balance"] == report.quality.train_balance <= 1.05
    made = graph.manifest.made
    assert (made.method, made.balance, made.seed) == ("metis", "train", 7)
    assert (report.num_nodes, report.num_edges) == (400, 3000)
    assert report.num_bytes == sum(p.stat().st_size for p in (tmp_path / "out").rglob("*.arrow"))
    assert list(report.seconds) == [
        "adjacency",
        "assignment",
        "renumbering",
        "edge cut",
        "nodes",
        "edges",
        "fingerprint",
        "commit",
    ]


def test_nodes_of_a_part_keep_raw_order_and_own_a_range(tmp_path):
    raw = raw_of(communities(100, 500), 100)
    _, graph = run(raw, tmp_path / "out", num_parts=3, method="ldg")
    offsets = graph.offsets(DEFAULT_NODE_TYPE)
    assert offsets[0] == 0
    assert offsets[-1] == 100
    for part in range(3):
        index = graph.nodes(DEFAULT_NODE_TYPE, part).index
        assert len(index) == offsets[part + 1] - offsets[part]
        assert (np.diff(index) > 0).all()


def test_in_neighbours_are_sorted_by_time_index_and_edge(tmp_path):
    raw = scholars().raw
    _, graph = run(raw, tmp_path / "out", num_parts=1, method="range")
    cites = graph.edges(("paper", "cites", "paper"), 0)
    # Paper 1 is cited by 3 at time 2, by 0 and by 2 at 4; paper 2 by 1 at 0 and by 0 at 1.
    assert cites.indptr.tolist() == [0, 0, 3, 5, 5]
    assert cites.src.tolist() == [3, 0, 2, 1, 0]
    assert cites.time.tolist() == [2, 4, 4, 0, 1]
    assert cites.eid.tolist() == [1, 0, 2, 4, 3]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_parts": 0}, "into 0 parts: give at least 1"),
        ({"num_parts": -2}, "into -2 parts"),
        ({"num_parts": 7}, "6 nodes into 7 parts: some would be empty"),
        ({"num_parts": 2, "method": "mets"}, "no partitioning method 'mets'; did you mean 'metis'"),
        ({"num_parts": 2, "method": "x"}, "known: fennel, hash, kahip, ldg, metis, multilevel"),
        ({"num_parts": 2, "balance": "node"}, "no balance 'node'; did you mean 'nodes'"),
        ({"num_parts": 2, "seed": -1}, "the seed is -1"),
    ],
)
def test_wrong_arguments_are_named(options, message, tmp_path):
    with pytest.raises(PartitionError, match=message):
        run(papers().raw, tmp_path / "out", **options)
    assert list(tmp_path.iterdir()) == []


def test_balance_train_needs_training_nodes(tmp_path):
    raw = raw_of([(0, 1)], 2, split=[1, 2])
    with pytest.raises(PartitionError, match="'train' needs training nodes"):
        run(raw, tmp_path / "out", num_parts=2, balance="train")
    assert list(tmp_path.iterdir()) == []


def test_an_output_that_exists_stays_unless_told(tmp_path):
    raw, out = papers().raw, tmp_path / "out"
    run(raw, out, num_parts=2, method="hash")
    before = files_of(out)
    with pytest.raises(OutputExistsError, match="exists already"):
        run(raw, out, num_parts=3, method="hash")
    assert files_of(out) == before
    _, graph = run(raw, out, num_parts=3, method="hash", overwrite=True)
    assert graph.num_parts == 3


def test_nothing_is_left_when_a_stage_fails(tmp_path, monkeypatch):
    def fail(*args):
        raise RuntimeError("boom")

    monkeypatch.setattr(pipeline, "part_edges", fail)
    with pytest.raises(RuntimeError, match="boom"):
        run(papers().raw, tmp_path / "out", num_parts=2, method="hash")
    assert list(tmp_path.iterdir()) == []


def test_progress_and_estimate_go_to_stderr(tmp_path, capsys):
    partition_graph(papers().raw, tmp_path / "out", num_parts=2, method="hash")
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "6 nodes, 9 edges" in printed.err
    assert "assignment" in printed.err


def test_quiet_prints_nothing(tmp_path, capfd):
    for method in METHODS:
        run(papers().raw, tmp_path / method, num_parts=2, method=method)
    assert capfd.readouterr() == ("", "")
