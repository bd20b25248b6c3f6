"""The writer refuses what does not fit, and leaves a complete directory or nothing."""

import shutil

import numpy as np
import pyarrow as pa
import pytest

from distgnn.exceptions import ArgumentError, OutputExistsError, ShardError, StorageError
from distgnn.schema import EdgeSchema, FeatureSpec, GraphSchema, LabelSpec, NodeSchema
from distgnn.shards import ManifestInfo, ShardedGraph, ShardWriter
from distgnn.shards.verify import verify
from distgnn.testing.graphs import papers

EDGE = ("n", "to", "n")
INFO = ManifestInfo(name="test", fingerprint="0", method="by hand", stats={"edge_cut": 0.5})
SCHEMA = GraphSchema(
    nodes=(NodeSchema(type="n", features=FeatureSpec(dim=2, dtype="float32")),),
    edges=(EdgeSchema(type=EDGE, has_weight=True),),
)
LISTS = pa.large_list(pa.int64())


def node_table(num_rows=2, **changes):
    columns = {
        "id": pa.array(range(num_rows), pa.int64()),
        "index": pa.array(range(num_rows), pa.int64()),
        "x": pa.array([[1, 2]] * num_rows, pa.list_(pa.float32(), 2)),
    }
    return pa.table({name: column for name, column in (columns | changes).items() if column})


def edge_table(**changes):
    columns = {
        "src": pa.array([[0, 1], []], LISTS),
        "eid": pa.array([[0, 1], []], LISTS),
        "weight": pa.array([[1, 2], []], pa.large_list(pa.float32())),
    }
    return pa.table(columns | changes)


def write(out, *, nodes=None, edges=None, schema=SCHEMA, **options):
    with ShardWriter(out, schema, 1, **options) as writer:
        writer.write_nodes(0, "n", node_table() if nodes is None else nodes)
        writer.write_edges(0, EDGE, edge_table() if edges is None else edges)
        return writer.commit(INFO)


def write_nodes(out, table, schema):
    """Write the nodes of the only type of `schema`, and never commit."""
    with ShardWriter(out, schema, 1) as writer:
        writer.write_nodes(0, schema.node_types[0], table)


def test_the_manifest_says_what_was_written(tmp_path):
    manifest = write(tmp_path / "graph")
    assert ShardedGraph.open(tmp_path / "graph").manifest == manifest
    assert manifest.node_offsets == {"n": (0, 2)}
    assert manifest.edge_counts == {"n__to__n": (2,)}
    assert manifest.stats == {"edge_cut": 0.5}
    assert manifest.made.method == "by hand"
    for relative, entry in manifest.files.items():
        assert (tmp_path / "graph" / relative).stat().st_size == entry.bytes
        assert len(entry.checksum) == 32


def test_equal_input_gives_equal_bytes(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b")
    for path in (tmp_path / "a").rglob("*.*"):
        assert path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()


def test_parents_are_made_and_permissions_are_the_usual(tmp_path):
    write(tmp_path / "new" / "folder" / "graph")
    usual = tmp_path / "usual"
    usual.mkdir()
    assert (tmp_path / "new/folder/graph").stat().st_mode == usual.stat().st_mode


def test_columns_may_come_in_any_order(tmp_path):
    table = node_table()
    write(tmp_path / "graph", nodes=table.select(["x", "index", "id"]))
    nodes = ShardedGraph.open(tmp_path / "graph").nodes("n", 0)
    assert nodes.columns.schema.names == ["id", "index", "x"]


def test_parts_and_types_without_rows(tmp_path):
    with ShardWriter(tmp_path / "graph", SCHEMA, 3) as writer:
        for part, rows in enumerate([0, 2, 0]):
            writer.write_nodes(part, "n", node_table(rows) if rows else node_table().slice(0, 0))
            writer.write_edges(part, EDGE, edge_table().slice(0, rows))
        writer.commit(INFO)
    graph = ShardedGraph.open(tmp_path / "graph")
    np.testing.assert_array_equal(graph.offsets("n"), [0, 0, 2, 2])
    np.testing.assert_array_equal(graph.owner("n", np.array([0, 1])), [1, 1])
    assert graph.nodes("n", 0).x.shape == (0, 2)
    np.testing.assert_array_equal(graph.edges(EDGE, 2).indptr, [0])
    assert graph.edges(EDGE, 2).weight.shape == (0,)
    assert graph.column("n", "x").shape == (2, 2)
    verify(tmp_path / "graph", progress=False)


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"x": None}, r"missing columns \['x'\], unknown columns \[\]"),
        ({"z": pa.array([1, 2])}, r"unknown columns \['z'\]"),
        ({"id": pa.array([1.5, 2])}, "'id' of node type 'n' has Arrow type double"),
        ({"index": pa.array([0, 1], pa.int32())}, "'index' of node type 'n' has Arrow type int32"),
        ({"index": pa.array([0, None], pa.int64())}, "'index' of node type 'n' holds 1 nulls"),
        ({"x": pa.array([[1], [2]], pa.list_(pa.float32(), 1))}, r"asks for .*\[2\]"),
        ({"x": pa.array([[1, 2]] * 2, pa.list_(pa.float64(), 2))}, "'x' .* has Arrow type"),
        ({"x": pa.array([[1, None]] * 2, pa.list_(pa.float32(), 2))}, "'x' .* holds 2 nulls"),
        ({"x": pa.array([[1, 2], None], pa.list_(pa.float32(), 2))}, "'x' .* holds 1 nulls"),
    ],
)
def test_node_columns_that_do_not_fit(changes, match, tmp_path):
    with pytest.raises(ArgumentError, match=match):
        write(tmp_path / "graph", nodes=node_table(**changes))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        (
            {"src": pa.array([0, 1])},
            "'src' of edge type 'n__to__n' has Arrow type int64, not a list",
        ),
        ({"src": pa.array([[0, 1], None], LISTS)}, "holds 1 nulls instead of lists"),
        ({"src": pa.array([[0, None], []], LISTS)}, "'src' .* holds 1 nulls"),
        ({"src": pa.array([[0, 1], []], pa.large_list(pa.int32()))}, "has Arrow type int32"),
        ({"eid": pa.array([[0], [1]], LISTS)}, "'eid' .* have other lengths than those of 'src'"),
        ({"src": pa.array([[0, 2], []], LISTS)}, "sources 0 to 2, but node type 'n' has 2 nodes"),
        ({"src": pa.array([[-1, 0], []], LISTS)}, "sources -1 to 0"),
    ],
)
def test_edge_columns_that_do_not_fit(changes, match, tmp_path):
    with pytest.raises(ArgumentError, match=match):
        write(tmp_path / "graph", edges=edge_table(**changes))
    assert not list(tmp_path.iterdir())


def test_sparse_features_that_do_not_fit(tmp_path):
    schema = GraphSchema(
        nodes=(NodeSchema(type="n", features=FeatureSpec(dim=3, dtype="int8", sparse=True)),),
        edges=(),
    )
    index = pa.array([0], pa.int64())

    def write_x(x):
        write_nodes(tmp_path / "graph", pa.table({"id": index, "index": index, "x": x}), schema)

    lists = [pa.array([[0]], pa.list_(pa.int32())), pa.array([[1, 2]], pa.list_(pa.int8()))]
    with pytest.raises(ArgumentError, match="rows of 'indices' and of 'values' differ in length"):
        write_x(pa.StructArray.from_arrays(lists, ["indices", "values"]))
    with pytest.raises(ArgumentError, match="has Arrow type struct"):
        write_x(pa.StructArray.from_arrays(lists, ["indices", "weights"]))
    with pytest.raises(ArgumentError, match="has Arrow type list"):
        write_x(lists[0])
    lists = [pa.array([[3]], pa.list_(pa.int32())), pa.array([[1]], pa.list_(pa.int8()))]
    with pytest.raises(ArgumentError, match=r"'x' of .* has indices 3 to 3, outside 0 to 2"):
        write_x(pa.StructArray.from_arrays(lists, ["indices", "values"]))
    assert not list(tmp_path.iterdir())


def test_rows_that_do_not_fit_the_destinations(tmp_path):
    with pytest.raises(ArgumentError, match="has 1 rows for 2 owned destinations"):
        write(tmp_path / "graph", edges=edge_table().slice(0, 1))


def test_parts_whose_columns_differ(tmp_path):
    with ShardWriter(tmp_path / "graph", SCHEMA, 2) as writer:
        writer.write_nodes(0, "n", node_table())
        with pytest.raises(ArgumentError, match="node type 'n' in part 1 differ"):
            writer.write_nodes(1, "n", node_table(id=pa.array(["a", "b"])))


def test_wrong_calls(tmp_path):
    with pytest.raises(ArgumentError, match="num_parts is 0"):
        ShardWriter(tmp_path / "graph", SCHEMA, 0)
    with ShardWriter(tmp_path / "graph", SCHEMA, 1) as writer:
        with pytest.raises(ArgumentError, match="part 1 is outside 0 to 0"):
            writer.write_nodes(1, "n", node_table())
        writer.write_nodes(0, "n", node_table())
        with pytest.raises(ArgumentError, match="node type 'n' of part 0 was written already"):
            writer.write_nodes(0, "n", node_table())
        with pytest.raises(ArgumentError, match=r"1 of .* never written.*edges/n__to__n.arrow"):
            writer.commit(INFO)
    assert not list(tmp_path.iterdir())


def test_types_that_would_share_a_file(tmp_path):
    nodes = (NodeSchema(type="a"), NodeSchema(type="a__b"), NodeSchema(type="c"))
    edges = (EdgeSchema(type=("a", "b__x", "c")), EdgeSchema(type=("a__b", "x", "c")))
    with pytest.raises(ArgumentError, match="share a name"):
        ShardWriter(tmp_path / "graph", GraphSchema(nodes=nodes, edges=edges), 1)


def test_a_column_named_like_a_role(tmp_path):
    schema = GraphSchema(nodes=(NodeSchema(type="n", columns=("index",)),), edges=())
    with pytest.raises(ArgumentError, match="names a column twice"):
        write_nodes(tmp_path / "graph", node_table(x=None), schema)


def test_output_that_exists(tmp_path):
    write(tmp_path / "graph")
    with pytest.raises(OutputExistsError, match=r"graph exists already.*--overwrite"):
        write(tmp_path / "graph")
    (tmp_path / "file").write_text("mine")
    with pytest.raises(OutputExistsError, match="exists already"):
        write(tmp_path / "file")
    with pytest.raises(OutputExistsError, match=r"file is not replaced.*holds no graph.json"):
        write(tmp_path / "file", overwrite=True)


def test_overwriting_replaces_graphs_and_nothing_else(tmp_path):
    papers().write(tmp_path / "graph")
    (tmp_path / "link").symlink_to("graph")
    write(tmp_path / "link", overwrite=True)
    assert (tmp_path / "link").is_symlink()
    assert ShardedGraph.open(tmp_path / "graph").manifest.name == "test"
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", overwrite=True)
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputExistsError, match="something else than a graph"):
        write(home, overwrite=True)
    assert (home / "thesis.txt").read_text() == "years of work"
    assert {path.name for path in tmp_path.iterdir()} == {"graph", "link", "empty", "home"}


def test_views_of_a_graph_that_is_replaced_stay_valid(tmp_path):
    graph = papers().write(tmp_path / "graph")
    nodes = graph.nodes("paper", 0)
    papers().write(tmp_path / "other")
    shutil.rmtree(tmp_path / "graph")
    (tmp_path / "other").rename(tmp_path / "graph")
    np.testing.assert_array_equal(nodes.index, [0, 2, 5])
    with pytest.raises(ShardError, match="was replaced after it was opened: open it again"):
        graph.nodes("paper", 1)


def test_an_output_made_in_the_meantime_is_kept(tmp_path):
    with ShardWriter(tmp_path / "graph", SCHEMA, 1) as writer:
        writer.write_nodes(0, "n", node_table())
        writer.write_edges(0, EDGE, edge_table())
        papers().write(tmp_path / "graph")
        with pytest.raises(OutputExistsError, match="exists already"):
            writer.commit(INFO)
    assert ShardedGraph.open(tmp_path / "graph").manifest.name == "papers"
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_an_interrupted_writer_leaves_what_was_there(error, tmp_path):
    papers().write(tmp_path / "graph")

    def interrupted():
        with ShardWriter(tmp_path / "graph", SCHEMA, 1, overwrite=True) as writer:
            writer.write_nodes(0, "n", node_table())
            raise error

    with pytest.raises(error):
        interrupted()
    assert ShardedGraph.open(tmp_path / "graph").manifest.name == "papers"
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]


def test_two_writers_of_one_name_do_not_disturb_each_other(tmp_path):
    with ShardWriter(tmp_path / "graph", SCHEMA, 1, overwrite=True) as first:
        first.write_nodes(0, "n", node_table())
        write(tmp_path / "graph", overwrite=True)
        first.write_edges(0, EDGE, edge_table())
        first.commit(INFO)
    verify(tmp_path / "graph", progress=False)
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]


def test_a_name_too_long_for_the_file_system(tmp_path):
    schema = GraphSchema(nodes=(NodeSchema(type="n" * 300),), edges=())
    with pytest.raises(StorageError, match=r"File name too long.*Shorten the names"):
        write_nodes(tmp_path / "graph", node_table(x=None), schema)
    assert not list(tmp_path.iterdir())


def test_labels_of_a_wrong_kind(tmp_path):
    schema = GraphSchema(
        nodes=(NodeSchema(type="n", label=LabelSpec(kind="class", dim=2)),), edges=()
    )
    table = node_table(x=None, y=pa.array([0.5, 1.0], pa.float32()))
    with pytest.raises(ArgumentError, match=r"'y' .* has Arrow type float, .* asks for int64"):
        write_nodes(tmp_path / "graph", table, schema)
