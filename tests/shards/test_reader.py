"""Opening shards: views, ids, owners; and what a damaged or foreign directory says."""

import json
import pickle
import shutil

import numpy as np
import pyarrow as pa
import pytest

from distgnn.exceptions import (
    ArgumentError,
    ShardCorruptError,
    ShardError,
    ShardVersionError,
)
from distgnn.shards import ShardedGraph, SparseRows, manifest
from distgnn.testing.graphs import CITES, WRITES, papers, scholars


@pytest.mark.parametrize("hand_made", [papers(), scholars()], ids=lambda g: g.raw.name)
def test_parts_hold_the_arrays_written_out_by_hand(hand_made, tmp_path):
    graph = hand_made.write(tmp_path / "graph")
    assert graph.schema == hand_made.raw.schema
    assert graph.fingerprint == hand_made.raw.fingerprint()
    assert graph.num_parts == 2
    for name, offsets in hand_made.offsets.items():
        np.testing.assert_array_equal(graph.offsets(name), offsets)
        np.testing.assert_array_equal(graph.column(name, "index"), hand_made.index[name])
        assert graph.num_nodes(name) == hand_made.raw.num_nodes(name)
    for edge_type, parts in hand_made.edges.items():
        assert graph.num_edges(edge_type) == hand_made.raw.num_edges(edge_type)
        for part, expected in enumerate(parts):
            found = graph.edges(edge_type, part)
            np.testing.assert_array_equal(found.indptr, expected.indptr)
            np.testing.assert_array_equal(found.src, expected.src)
            np.testing.assert_array_equal(found.eid, expected.eid)
            assert (found.time is None) == (expected.time is None)
            if found.time is not None:
                np.testing.assert_array_equal(found.time, expected.time)


def test_node_columns(papers_graph):
    nodes = papers_graph.nodes("paper", 0)
    assert nodes.num_nodes == 3
    assert nodes.ids.to_pylist() == [100, 102, 105]
    np.testing.assert_array_equal(nodes.x, np.array([[0, 1], [20, 21], [50, 51]], np.float32))
    assert nodes.x.dtype == np.float32
    np.testing.assert_array_equal(nodes.y, [0, 2, 1])
    np.testing.assert_array_equal(nodes.split, [0, 1, 0])
    assert nodes.time is None
    assert nodes.column("title").to_pylist() == ["a", "c", "ü"]


def test_sparse_features_and_labels(scholars_graph):
    nodes = scholars_graph.nodes("paper", 0)
    assert isinstance(nodes.x, SparseRows)
    np.testing.assert_array_equal(nodes.x.indptr, [0, 2, 4])
    np.testing.assert_array_equal(nodes.x.indices, [0, 3, 1, 2])
    assert nodes.x.indices.dtype == np.int32
    np.testing.assert_array_equal(nodes.x.values, np.array([1, 2, 4, 5], np.float16))
    assert nodes.x.values.dtype == np.float16
    assert len(nodes.x) == 2
    np.testing.assert_array_equal(nodes.x.dense(), [[1, 0, 0, 2, 0], [0, 4, 5, 0, 0]])
    np.testing.assert_array_equal(nodes.x.dense(np.array([1, 1])), [[0, 4, 5, 0, 0]] * 2)
    assert scholars_graph.nodes("paper", 1).x.dense(np.array([], np.int64)).shape == (0, 5)
    np.testing.assert_array_equal(nodes.y, [[0, 1], [1, 0]])
    assert nodes.y.dtype == np.int8
    np.testing.assert_array_equal(nodes.time, [5, 1])


def test_edge_columns(papers_graph, scholars_graph):
    edges = papers_graph.edges(CITES, 1)
    assert (edges.num_dst, edges.num_edges) == (3, 7)
    np.testing.assert_array_equal(edges.weight, edges.eid * np.float32(0.5) + np.float32(0.5))
    writes = scholars_graph.edges(WRITES, 1)
    np.testing.assert_array_equal(writes.edge_attr, [[1], [2], [5]])
    assert writes.column("role").to_pylist() == ["last", None, "first"]
    assert writes.weight is None


def test_views_share_the_mapped_file_and_are_read_only(papers_graph):
    nodes, edges = papers_graph.nodes("paper", 0), papers_graph.edges(CITES, 0)
    for view in (nodes.index, nodes.x, nodes.y, nodes.split, edges.indptr, edges.src, edges.eid):
        assert not view.flags.owndata
        assert not view.flags.writeable
    column = nodes.columns.column("x").values.buffers()[1]
    assert nodes.x.__array_interface__["data"][0] == column.address
    assert papers_graph.nodes("paper", 0) is nodes
    with pytest.raises(ValueError, match="read-only"):
        papers_graph.offsets("paper")[0] = 1


def test_files_are_plain_arrow_of_one_uncompressed_batch(papers_graph):
    with pa.memory_map(
        str(papers_graph.path / "part-00001/edges/paper__cites__paper.arrow")
    ) as file:
        reader = pa.ipc.open_file(file)
        table = reader.read_all()
        assert reader.num_record_batches == 1
    assert table.schema.field("src").type == pa.large_list(pa.int64())
    assert table.column("src").to_pylist() == [[0, 0, 1, 4], [0, 5], [2]]
    frame = table.to_pandas()
    assert [list(found) for found in frame["eid"]] == [[0, 7, 1, 3], [5, 4], [6]]
    with pa.OSFile(str(papers_graph.path / "part-00000/nodes/paper.arrow")) as file:
        nodes = pa.ipc.open_file(file).read_all()
    assert nodes.column_names == ["id", "index", "x", "y", "split", "title"]
    assert nodes.column("x").to_pylist() == [[0, 1], [20, 21], [50, 51]]


def test_owner_and_gathers_follow_global_ids(papers_graph, scholars_graph):
    ids = np.array([5, 0, 3, 2, 2])
    np.testing.assert_array_equal(papers_graph.owner("paper", ids), [1, 0, 1, 0, 0])
    np.testing.assert_array_equal(papers_graph.index_of("paper", ids), [4, 0, 1, 5, 5])
    np.testing.assert_array_equal(papers_graph.gather("paper", "y", ids), [-1, 0, 1, 1, 1])
    np.testing.assert_array_equal(papers_graph.gather("paper", "x", ids)[:, 0], [40, 0, 10, 50, 50])
    assert papers_graph.ids_of("paper", ids).to_pylist() == [104, 100, 101, 105, 105]
    np.testing.assert_array_equal(papers_graph.global_id_of_index("paper"), [0, 3, 1, 4, 5, 2])
    assert papers_graph.arrow_column("paper", "title").to_pylist() == ["a", "c", "ü", None, "", "e"]
    assert scholars_graph.ids_of("author", np.array([1, 0])).to_pylist() == ["ann", "bob"]
    assert len(papers_graph.owner("paper", np.array([], np.int64))) == 0
    assert papers_graph.gather("paper", "y", np.array([], np.int64)).shape == (0,)


def test_a_wrong_argument_names_the_nearest(papers_graph, scholars_graph):
    with pytest.raises(ArgumentError, match="did you mean 'paper'"):
        papers_graph.nodes("papers", 0)
    with pytest.raises(ArgumentError, match="did you mean 'paper__cites__paper'"):
        papers_graph.edges(("paper", "cite", "paper"), 0)
    with pytest.raises(ArgumentError, match="part 2 is outside 0 to 1"):
        papers_graph.nodes("paper", 2)
    with pytest.raises(ArgumentError, match="ids -1 to 6 are outside 0 to 5"):
        papers_graph.owner("paper", np.array([-1, 6]))
    with pytest.raises(ArgumentError, match="no dense role column 'x'"):
        scholars_graph.column("paper", "x")
    with pytest.raises(ArgumentError, match="no dense role column 'time'"):
        papers_graph.gather("paper", "time", np.array([0]))


def test_a_graph_survives_pickling(papers_graph):
    copy = pickle.loads(pickle.dumps(papers_graph))
    assert copy.manifest == papers_graph.manifest
    np.testing.assert_array_equal(copy.edges(CITES, 0).src, papers_graph.edges(CITES, 0).src)


@pytest.fixture
def copied(papers_graph, tmp_path):
    """A copy of the graph that a test may damage."""
    return shutil.copytree(papers_graph.path, tmp_path / "copy")


def test_no_directory(tmp_path):
    with pytest.raises(ShardError, match=r"no graph at .*absent: no such directory"):
        ShardedGraph.open(tmp_path / "absent")


def test_a_directory_without_a_manifest(copied):
    with pytest.raises(ShardError, match=r"holds no graph\.json, so it is no partitioned graph"):
        ShardedGraph.open(copied / "part-00000")
    (copied / "graph.json").unlink()
    with pytest.raises(ShardError, match=r"holds no graph\.json"):
        ShardedGraph.open(copied)


def test_a_manifest_that_may_not_be_read(copied):
    # Root may read everything, so a directory stands in for a file without permission.
    (copied / "graph.json").unlink()
    (copied / "graph.json").mkdir()
    with pytest.raises(ShardError, match=r"cannot read .*graph.json: Is a directory"):
        ShardedGraph.open(copied)


def test_a_manifest_cut_off(copied):
    path = copied / "graph.json"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(ShardCorruptError, match=r"graph.json is cut off .*not valid JSON"):
        ShardedGraph.open(copied)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"[" * 100_000, b""])
def test_a_manifest_that_is_no_json(copied, text):
    (copied / "graph.json").write_bytes(text)
    with pytest.raises(ShardCorruptError, match="not valid JSON"):
        ShardedGraph.open(copied)


@pytest.mark.parametrize("body", [{"num_nodes": 3}, {"format": "other", "format_version": 1}])
def test_a_foreign_manifest(copied, body):
    (copied / "graph.json").write_text(json.dumps(body))
    with pytest.raises(ShardError, match=r"not a manifest of distgnn: its \"format\" is"):
        ShardedGraph.open(copied)


def test_a_foreign_list(copied):
    (copied / "graph.json").write_text("[1, 2]")
    with pytest.raises(ShardError, match="holds a JSON list"):
        ShardedGraph.open(copied)


def test_a_newer_format_is_refused_whatever_else_it_holds(copied):
    body = {"format": "distgnn-shards", "format_version": 2, "anything": [1]}
    (copied / "graph.json").write_text(json.dumps(body))
    with pytest.raises(
        ShardVersionError,
        match=r"version 2; this distgnn reads .* up to 1\..*pip",
    ):
        ShardedGraph.open(copied)


@pytest.mark.parametrize("version", ["1", None, 0])
def test_a_version_that_is_no_number(copied, version):
    body = {"format": "distgnn-shards", "format_version": version}
    (copied / "graph.json").write_text(json.dumps(body))
    with pytest.raises(ShardCorruptError, match="format_version"):
        ShardedGraph.open(copied)


def test_a_manifest_edited_by_hand(copied):
    path = copied / "graph.json"
    path.write_text(path.read_text().replace('"papers"', '"pipers"', 1))
    with pytest.raises(ShardCorruptError, match="changed after it was written"):
        ShardedGraph.open(copied)


def test_every_single_bit_flip_of_the_manifest_is_refused(copied):
    path = copied / "graph.json"
    original = path.read_bytes()
    for position in range(0, len(original), 11):
        for bit in (0, 3, 6):
            damaged = bytearray(original)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            if json_equal(damaged, original):
                continue
            with pytest.raises(ShardError):
                ShardedGraph.open(copied)


def json_equal(left, right):
    """Whether two texts hold the same JSON: a flip within white space may leave it as it was."""
    try:
        return json.loads(left) == json.loads(right)
    except ValueError:
        return False


def test_a_missing_file(copied):
    (copied / "part-00001/nodes/paper.arrow").unlink()
    with pytest.raises(ShardError, match=r"nodes/paper.arrow is missing.*partition"):
        ShardedGraph.open(copied)


def test_a_truncated_file(copied):
    path = copied / "part-00001/nodes/paper.arrow"
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ShardCorruptError, match=r"nodes/paper.arrow has [\d,]+ bytes, but [\d,]+"):
        ShardedGraph.open(copied)


def test_a_file_of_the_right_size_that_is_no_arrow(copied):
    path = copied / "part-00001/nodes/paper.arrow"
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(ShardCorruptError, match=r"paper.arrow is no readable Arrow file"):
        ShardedGraph.open(copied)


def test_an_arrow_file_of_another_type(copied):
    nodes = copied / "part-00001/nodes/paper.arrow"
    table = pa.table({"id": [1, 2, 3]})
    with pa.OSFile(str(nodes), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    resize_entry(copied, "part-00001/nodes/paper.arrow", nodes.stat().st_size)
    with pytest.raises(ShardCorruptError, match=r"holds the columns \['id'\], not \['id', 'index'"):
        ShardedGraph.open(copied)


def resize_entry(root, relative, size):
    """Make the manifest agree with a file that a test replaced."""
    body = json.loads((root / "graph.json").read_text())
    body["files"][relative]["bytes"] = size
    del body["checksum"]
    body["checksum"] = manifest._checksum(body)
    (root / "graph.json").write_text(json.dumps(body))
