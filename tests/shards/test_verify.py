"""`verify` finds damage: flipped bits by checksums, faulty writers by reading what is there."""

import shutil

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ShardCorruptError, ShardError
from distgnn.schema import EdgeSchema, FeatureSpec, GraphSchema, LabelSpec, NodeSchema
from distgnn.shards import ManifestInfo, ShardedGraph, ShardWriter
from distgnn.shards import verify as module
from distgnn.shards.verify import file_checksum, verify

EDGE = ("n", "to", "n")
INFO = ManifestInfo(name="test", fingerprint="0", method="by hand")


def test_what_was_written_is_right(papers_graph, scholars_graph, capsys):
    verify(papers_graph.path, progress=False)
    assert capsys.readouterr().err == ""
    verify(scholars_graph.path, progress=True)
    shown = capsys.readouterr().err
    assert "checksums" in shown
    assert "contents" in shown


@pytest.fixture
def copied(papers_graph, tmp_path):
    """A copy of the graph that a test may damage."""
    return shutil.copytree(papers_graph.path, tmp_path / "copy")


def flip(path, position, bit=0):
    data = bytearray(path.read_bytes())
    data[position] ^= 1 << bit
    path.write_bytes(data)


def test_a_flipped_bit_in_the_data(copied):
    path = copied / "part-00001/edges/paper__cites__paper.arrow"
    graph = ShardedGraph.open(copied)
    place = graph.edges(EDGE_OF_PAPERS, 1).src.tobytes()
    flip(path, path.read_bytes().index(place))
    ShardedGraph.open(copied)
    with pytest.raises(
        ShardCorruptError,
        match=r"1 of 4 files are damaged: .*paper__cites__paper.arrow has other bytes.*Copy it",
    ):
        verify(copied, progress=False)


EDGE_OF_PAPERS = ("paper", "cites", "paper")


def test_all_damaged_files_are_named(copied, monkeypatch):
    for path in copied.rglob("*.arrow"):
        path.write_bytes(path.read_bytes()[:-1])
    monkeypatch.setattr(module, "NAMED_FILES", 3)
    with pytest.raises(ShardCorruptError, match=r"4 of 4 files .*bytes instead of .* and 1 more\."):
        verify(copied, progress=False)


def test_a_missing_file(copied):
    (copied / "part-00000/nodes/paper.arrow").unlink()
    with pytest.raises(ShardError, match=r"part-00000/nodes/paper.arrow is missing"):
        verify(copied, progress=False)


def test_no_graph(tmp_path):
    with pytest.raises(ShardError, match=r"holds no graph\.json"):
        verify(tmp_path, progress=False)


@settings(max_examples=80)
@given(data=st.data())
def test_a_bit_flipped_anywhere_never_crashes_and_is_always_found(data, flippable):
    """Opening and reading may find it, or not; `verify` always does, and nothing else is raised."""
    path = data.draw(st.sampled_from(sorted(flippable.rglob("*.arrow"))))
    original = path.read_bytes()
    position = data.draw(st.integers(0, len(original) - 1))
    flip(path, position, data.draw(st.integers(0, 7)))
    try:
        with pytest.raises(ShardCorruptError):
            verify(flippable, progress=False)
        read_everything(flippable)
    finally:
        path.write_bytes(original)


@pytest.fixture(scope="module")
def flippable(scholars_graph, tmp_path_factory):
    return shutil.copytree(scholars_graph.path, tmp_path_factory.mktemp("flip") / "copy")


def read_everything(path):
    """Open the graph and touch every role column, as a reader who never verifies does."""
    try:
        graph = ShardedGraph.open(path)
        shards = [
            *(graph.nodes(name, part) for name in graph.schema.node_types for part in range(2)),
            *(graph.edges(name, part) for name in graph.schema.edge_types for part in range(2)),
        ]
    except ShardCorruptError:
        return
    for found in shards:
        for name in type(found).__slots__:
            view = getattr(found, name)
            if isinstance(view, np.ndarray):
                view.copy()


def test_file_checksum_reads_in_blocks(tmp_path, monkeypatch):
    import xxhash

    data = np.random.default_rng(0).bytes(1000)
    (tmp_path / "file").write_bytes(data)
    monkeypatch.setattr(module, "BLOCK_BYTES", 64)
    blocks = []
    assert file_checksum(tmp_path / "file", blocks.append) == xxhash.xxh3_128_hexdigest(data)
    assert sum(blocks) == 1000
    assert max(blocks) == 64


TIMED = GraphSchema(
    nodes=(
        NodeSchema(
            type="n",
            features=FeatureSpec(dim=4, dtype="float32", sparse=True),
            label=LabelSpec(kind="class", dim=2),
            has_split=True,
        ),
    ),
    edges=(EdgeSchema(type=EDGE, has_time=True),),
)
LISTS = pa.large_list(pa.int64())


def sparse(indices, lengths):
    offsets = np.cumsum([0, *lengths]).astype(np.int32)
    parts = [pa.array(indices, pa.int32()), pa.array(range(len(indices)), pa.float32())]
    lists = [pa.ListArray.from_arrays(offsets, part) for part in parts]
    return pa.StructArray.from_arrays(lists, ["indices", "values"])


def write(out, nodes=(), edges=()):
    """Write a right graph of 3 nodes and 4 edges, but for the columns given."""
    node_columns = {
        "id": pa.array([5, 6, 7], pa.int64()),
        "index": pa.array([2, 0, 1], pa.int64()),
        "x": sparse([0, 1, 3, 2], [3, 0, 1]),
        "y": pa.array([0, 1, -1], pa.int64()),
        "split": pa.array([0, 2, -1], pa.int8()),
    }
    edge_columns = {
        "src": pa.array([[0, 1, 0], [], [2]], LISTS),
        "eid": pa.array([[3, 0, 1], [], [2]], LISTS),
        "time": pa.array([[1, 4, 4], [], [0]], LISTS),
    }
    with ShardWriter(out, TIMED, 1) as writer:
        writer.write_nodes(0, "n", pa.table(node_columns | dict(nodes)))
        writer.write_edges(0, EDGE, pa.table(edge_columns | dict(edges)))
        writer.commit(INFO)
    return out


def test_the_graph_that_the_next_tests_spoil_is_right(tmp_path):
    verify(write(tmp_path / "graph"), progress=False)


@pytest.mark.parametrize(
    ("nodes", "edges", "match"),
    [
        (
            {"index": pa.array([2, 0, 0])},
            {},
            "'index' of node type 'n' does not hold each of 0 to 2",
        ),
        ({"index": pa.array([3, 0, 1])}, {}, r"n.arrow: index holds values 0 to 3, outside 0 to 2"),
        ({"y": pa.array([0, 2, 0])}, {}, r"n.arrow: y holds values 0 to 2, outside -1 to 1"),
        (
            {"split": pa.array([3, 0, 0], pa.int8())},
            {},
            "split holds values 0 to 3, outside -1 to 2",
        ),
        ({"x": sparse([1, 1, 3, 2], [3, 0, 1])}, {}, "x: the indices of a row do not rise"),
        ({}, {"eid": [[3, 0, 1], [], [1]]}, "'eid' of edge type 'n__to__n' does not hold each of"),
        ({}, {"eid": [[3, 0, 4], [], [1]]}, "eid holds values 0 to 4, outside 0 to 3"),
        ({}, {"time": [[5, 4, 4], [], [0]]}, "the in-neighbours of row 0 are not in order"),
        ({}, {"src": [[0, 0, 1], [], [2]]}, "the in-neighbours of row 0 are not in order"),
        (
            {},
            {
                "src": [[], [], [0, 1, 1, 2]],
                "eid": [[], [], [3, 2, 1, 0]],
                "time": [[], [], [0] * 4],
            },
            "the in-neighbours of row 2 are not in order",
        ),
    ],
)
def test_what_a_faulty_writer_leaves(nodes, edges, match, tmp_path):
    lists = {name: pa.array(values, LISTS) for name, values in edges.items()}
    with pytest.raises(ShardCorruptError, match=f"{match}.*written so, by a faulty program"):
        verify(write(tmp_path / "graph", nodes, lists), progress=False)


@settings(max_examples=60)
@given(st.lists(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), max_size=5), max_size=6))
def test_order_is_checked_as_sorting_would(rows):
    """Blocks of two pairs against Python's sort, row by row."""
    flat = [pair for row in rows for pair in row]
    indptr = np.cumsum([0, *map(len, rows)])
    eids = iter(range(len(flat)))
    keyed = [[(index, time, next(eids)) for index, time in row] for row in rows]
    right = all(row == sorted(row, key=lambda edge: (edge[1], edge[0], edge[2])) for row in keyed)
    src = np.array([index for index, _ in flat], np.int64)
    time = np.array([time for _, time in flat], np.int64)
    edges = type("Edges", (), {})()
    edges.indptr, edges.src, edges.eid = indptr, src, np.arange(len(flat))
    edges.time, edges.num_edges = time, len(flat)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK_EDGES", 2)
        if right:
            module._check_order(edges, np.arange(5), "file")
        else:
            with pytest.raises(ShardCorruptError, match="not in order"):
                module._check_order(edges, np.arange(5), "file")
