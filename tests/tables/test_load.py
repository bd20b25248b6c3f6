import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ConfigError, GraphDataError, TableError
from distgnn.schema import EdgeSchema, FeatureSpec, LabelSpec
from distgnn.tables import from_arrays
from distgnn.tables.arrays import EdgeArrays, NodeArrays
from tests.tables.graphs import contents, load
from tests.tables.test_readers import write

TO = ("v", "to", "v")

PAPERS = pa.table(
    {
        "pid": [10, 20, 7],
        "emb": pa.array([[1, 2], [3, 4], [5, 6]], pa.list_(pa.float32())),
        "venue": pa.array([0, 2, None], pa.int8()),
        "part": ["train", "test", None],
    }
)
CITES = pa.table({"a": [10, 7, 7], "b": [20, 10, 20], "w": [0.5, 1.5, 2.5], "when": [3, 2, 1]})

TOML = """
[nodes.paper]
path = "papers.parquet"
id = "pid"
features = "emb"
label = "venue"
split = "part"

[edges.paper__cites__paper]
path = "cites.parquet"
src = "a"
dst = "b"
weight = "w"
time = "when"
"""


def graph(folder, papers=PAPERS, cites=CITES, text=TOML):
    pq.write_table(papers, folder / "papers.parquet")
    pq.write_table(cites, folder / "cites.parquet")
    return load(folder, text)


def replaced(table, name, values, dtype=None):
    return table.set_column(table.column_names.index(name), name, pa.array(values, dtype))


def test_a_homogeneous_graph(tmp_path):
    made = graph(tmp_path)
    assert made.name == "graph"
    assert made.schema.nodes[0].features == FeatureSpec(dim=2, dtype="float32")
    assert made.schema.nodes[0].label == LabelSpec(kind="class", dim=3)
    assert made.schema.edges[0] == EdgeSchema(
        type=("paper", "cites", "paper"), has_weight=True, has_time=True
    )
    assert contents(made) == {
        "paper": {
            "id": [10, 20, 7],
            "x": [[1, 2], [3, 4], [5, 6]],
            "y": [0, 2, -1],
            "split": [0, 2, -1],
        },
        ("paper", "cites", "paper"): {
            "src": [0, 2, 2],
            "dst": [1, 0, 1],
            "weight": [0.5, 1.5, 2.5],
            "time": [3, 2, 1],
        },
    }


def test_a_heterogeneous_graph_of_several_formats(tmp_path):
    (tmp_path / "papers").mkdir()
    pq.write_table(PAPERS.slice(0, 2), tmp_path / "papers" / "a.parquet")
    pq.write_table(PAPERS.slice(2), tmp_path / "papers" / "b.parquet")
    (tmp_path / "authors.csv").write_text("name,h,n,born\nann,1,2,2001-02-03\nbob,3,4.5,\n")
    (tmp_path / "writes.csv").write_text("author,paper\nbob,7\nann,10\n")
    np.savez(tmp_path / "cites.npz", ei=[[10, 20, 7], [20, 10, 7]], kind=[[1, 0], [0, 1], [1, 1]])
    made = load(
        tmp_path,
        """
        name = "library"
        [nodes.paper]
        path = "papers"
        id = "pid"
        columns = []
        [nodes.author]
        path = "authors.csv"
        id = "name"
        features = ["h", "n"]
        [nodes.topic]
        num_nodes = 2
        [edges.author__writes__paper]
        path = "writes.csv"
        src = "author"
        dst = "paper"
        reverse = "written_by"
        [edges.paper__cites__paper]
        path = "cites.npz"
        src = "ei[0]"
        dst = "ei[1]"
        features = "kind"
        undirected = true
        self_loops = "drop"
        duplicates = "drop"
        """,
    )
    assert made.name == "library"
    assert made.schema.nodes[1].features.dtype == "float32"
    assert contents(made) == {
        "paper": {"id": [10, 20, 7]},
        "author": {
            "id": ["ann", "bob"],
            "x": [[1, 2], [3, 4.5]],
            "born": [dt.date(2001, 2, 3), None],
        },
        "topic": {"id": [0, 1]},
        ("author", "writes", "paper"): {"src": [1, 0], "dst": [2, 0]},
        ("paper", "written_by", "author"): {"src": [2, 0], "dst": [1, 0]},
        ("paper", "cites", "paper"): {"src": [0, 1], "dst": [1, 0], "edge_attr": [[1, 0], [0, 1]]},
    }


def test_columns_of_the_user_are_kept_as_they_are(tmp_path):
    extra = pa.table(
        {
            "half": pa.array([0.5, None, 1.5], pa.float16()),
            "words": [["a"], [], None],
            "when": pa.array([1, 2, None], pa.timestamp("ms", "UTC")),
            "kind": pa.array(["u", "v", "u"]).dictionary_encode(),
            "both": [{"a": 1}, {"a": None}, None],
        }
    )
    papers = PAPERS
    for name in extra.column_names:
        papers = papers.append_column(name, extra.column(name))
    made = graph(tmp_path, papers)
    assert made.schema.nodes[0].columns == tuple(extra.column_names)
    kept = made.nodes["paper"].select(extra.column_names)
    assert kept.to_pydict() == extra.to_pydict()
    assert [f.type for f in kept.schema] == [f.type for f in extra.schema]


def test_masks_sparse_lists_and_stored_type(tmp_path):
    papers = pa.table(
        {
            "pid": ["p", "q"],
            "tr": [True, False],
            "te": [False, True],
            "i": [[3, 1], []],
            "v": [[1.0, 2.0], []],
        }
    )
    text = """
    [nodes.paper]
    path = "papers.parquet"
    id = "pid"
    features = { indices = "i", values = "v", dim = 5 }
    feature_dtype = "float16"
    split = { train = "tr", test = "te" }
    [edges]
    """
    made = graph(tmp_path, papers, text=text)
    assert made.schema.nodes[0].features == FeatureSpec(dim=5, dtype="float16", sparse=True)
    assert made.nodes["paper"].to_pydict() == {
        "id": ["p", "q"],
        "x": [{"indices": [1, 3], "values": [2, 1]}, {"indices": [], "values": []}],
        "split": [0, 2],
    }


CSR = """
[nodes.paper]
path = "g.npz"
features = { indptr = "p", indices = "i", values = "d", shape = "s" }
[edges.paper__cites__paper]
path = "g.npz"
src = "e[0]"
dst = "e[1]"
"""


def test_csr_arrays(tmp_path):
    arrays = {"p": [0, 1, 3], "i": [2, 0, 3], "d": [1.0], "s": [2, 4], "e": [[0], [1]]}
    np.savez(tmp_path / "g.npz", **arrays)
    made = load(tmp_path, CSR)
    expected = [{"indices": [2], "values": [1]}, {"indices": [0, 3], "values": [1, 1]}]
    assert made.nodes["paper"].column("x").to_pylist() == expected
    np.savez(tmp_path / "g.npz", **{k: v for k, v in arrays.items() if k != "d"})
    with pytest.raises(TableError, match=r"has no array 'd'"):
        load(tmp_path, CSR)


def test_csr_arrays_are_in_an_archive(tmp_path):
    pq.write_table(PAPERS, tmp_path / "papers.parquet")
    with pytest.raises(TableError, match=r"name `indptr` \(CSR arrays\), which takes one \.npz"):
        load(tmp_path, CSR.replace("g.npz", "papers.parquet", 1))


def test_shape_goes_with_csr_arrays(tmp_path):
    text = TOML.replace('"emb"', '{ indices = "emb", shape = "s" }')
    with pytest.raises(TableError, match=r"give `shape`, which goes with `indptr`"):
        graph(tmp_path, text=text)


def test_ids_as_text_in_both_tables(tmp_path):
    text = TOML.replace('id = "pid"', 'id = "pid"\nid_type = "string"')
    made = graph(tmp_path, text=text)
    assert made.nodes["paper"].column("id").to_pylist() == ["10", "20", "7"]
    assert made.edges["paper", "cites", "paper"].column("src").to_pylist() == [0, 2, 2]


NUMBERS = st.integers(-(2**40), 2**40) | st.integers(0, 20)
IDS = st.lists(NUMBERS, min_size=1, max_size=8, unique=True) | st.lists(
    st.text("abcXYZ ,'\"é", min_size=1, max_size=4), min_size=1, max_size=8, unique=True
)
ROUND_TRIP = """
[nodes.v]
path = "nodes.KIND"
id = "id"
id_type = "TYPE"
features = ["f", "g"]
feature_dtype = "float32"
label = "label"
label_kind = "class"
split = "split"
time = "time"
[edges.v__to__v]
path = "edges.KIND"
src = "s"
dst = "d"
weight = "w"
features = "k"
feature_dtype = "int16"
undirected = UNDIRECTED
"""


@st.composite
def tables(draw):
    ids = draw(IDS)
    num_nodes, num_edges = len(ids), draw(st.integers(1, 12))

    def values(strategy, size):
        return draw(st.lists(strategy, min_size=size, max_size=size))

    # Text has no -0: without a point it reads as the integer 0.
    floats = st.floats(-1e6, 1e6, width=32).map(lambda value: value + 0.0)
    nodes = {
        "id": ids,
        "f": np.array(values(floats, num_nodes), np.float32),
        "g": np.array(values(floats, num_nodes), np.float32),
        "label": [0, *values(st.integers(0, 5), num_nodes - 1)],
        "split": values(st.sampled_from([0, 1, 2, -1]), num_nodes),
        "time": values(st.integers(-(2**40), 2**40), num_nodes),
    }
    edges = {
        "s": values(st.sampled_from(ids), num_edges),
        "d": values(st.sampled_from(ids), num_edges),
        "w": np.array(values(st.floats(0, 1e6, width=32), num_edges), np.float32),
        "k": np.array(values(st.integers(-100, 100), num_edges), np.int16),
    }
    return pa.table(nodes), pa.table(edges), draw(st.booleans())


@settings(max_examples=25, deadline=None)
@given(tables())
def test_every_format_gives_the_same_graph(tmp_path_factory, made):
    nodes, edges, undirected = made
    folder = tmp_path_factory.mktemp("formats")
    type_name = "string" if nodes.schema.field("id").type == pa.string() else "int64"
    text = ROUND_TRIP.replace("TYPE", type_name).replace("UNDIRECTED", str(undirected).lower())
    graphs = {}
    for kind in ("parquet", "csv", "arrow", "arrows", "npz"):
        for name, table in (("nodes", nodes), ("edges", edges)):
            if kind == "npz":
                save_arrays(folder / f"{name}.npz", table)
            else:
                write(table, folder / f"{name}.{kind}")
        graphs[kind] = load(folder, text.replace("KIND", kind))
    assert len({graph.fingerprint() for graph in graphs.values()}) == 1
    rows = {value: row for row, value in enumerate(nodes.column("id").to_pylist())}
    src = [rows[value] for value in edges.column("s").to_pylist()]
    table = graphs["csv"].edges[TO]
    assert table.column("src").to_pylist()[: len(src)] == src
    assert table.column("weight").to_pylist()[: len(src)] == edges.column("w").to_pylist()


def save_arrays(path, table):
    columns = {name: table.column(name).to_pylist() for name in table.column_names}
    dtypes = {"f": np.float32, "g": np.float32, "w": np.float32, "k": np.int16}
    np.savez(path, **{name: np.array(v, dtypes.get(name)) for name, v in columns.items()})


def test_a_toml_file_and_arrays_give_the_same_graph(tmp_path):
    made = graph(tmp_path)
    arrays = from_arrays(
        {
            "paper": NodeArrays(
                ids=[10, 20, 7],
                x=np.array([[1, 2], [3, 4], [5, 6]], np.float32),
                y=[0, 2, -1],
                split=[0, 2, -1],
            )
        },
        {
            ("paper", "cites", "paper"): EdgeArrays(
                index=[[0, 2, 2], [1, 0, 1]], weight=[0.5, 1.5, 2.5], time=[3, 2, 1]
            )
        },
    )
    assert made.fingerprint() == arrays.fingerprint()


BAD = {
    "a duplicate id": (
        {"papers": replaced(PAPERS, "pid", [10, 20, 10])},
        GraphDataError,
        r"id 10 of node type 'paper' appears twice: in row 0 of .*papers\.parquet .* and in row 2",
    ),
    "a null id": (
        {"papers": replaced(PAPERS, "pid", [10, None, 7])},
        GraphDataError,
        r"'pid' of node type 'paper' is null in row 1 of .*papers\.parquet",
    ),
    "an edge to an unknown node": (
        {"cites": replaced(CITES, "b", [20, 10, 11])},
        GraphDataError,
        r"unknown node: b is 11 in row 2 of .*cites\.parquet .*'paper__cites__paper'",
    ),
    "a null end": (
        {"cites": replaced(CITES, "a", [20, None, 11])},
        GraphDataError,
        r"'a' of edge type .* is null in row 1 of .*cites\.parquet",
    ),
    "NaN in features": (
        {"papers": replaced(PAPERS, "emb", [[1, 2], [3, float("nan")], [5, 6]])},
        GraphDataError,
        r"'emb' of node type 'paper' is nan in row 1 of .*feature 1",
    ),
    "a null in features": (
        {"papers": replaced(PAPERS, "emb", [[1, 2], [3, None], [5, 6]])},
        GraphDataError,
        r"'emb' of node type 'paper' is null in row 1 of",
    ),
    "ragged features": (
        {"papers": replaced(PAPERS, "emb", [[1, 2], [3], [5, 6]])},
        GraphDataError,
        r"2 values in row 0 but 1 in row 1 of .*papers\.parquet",
    ),
    "text features": (
        {"papers": replaced(PAPERS, "emb", ["a", "b", "c"])},
        TableError,
        r"feature column 'emb' of node type 'paper' has Arrow type string",
    ),
    "a label out of range": (
        {"text": TOML.replace('label = "venue"', 'label = "venue"\nnum_classes = 2')},
        GraphDataError,
        r"'venue' of node type 'paper' is 2 in row 1 of .*0 to 1 \(num_classes is 2\)",
    ),
    "an unknown split": (
        {"papers": replaced(PAPERS, "part", ["train", "dev", "test"])},
        GraphDataError,
        r"'part' of node type 'paper' is 'dev' in row 1 of .*names no split",
    ),
    "an unlabelled training row": (
        {"papers": replaced(PAPERS, "part", ["train", "test", "train"])},
        GraphDataError,
        r"1 rows of the train split .* unlabelled, the first of them row 2 of",
    ),
    "splits that overlap": (
        {
            "papers": PAPERS.append_column("te", pa.array([True, False, True])),
            "text": TOML.replace('"part"', '{ train = "te", test = "te" }'),
        },
        GraphDataError,
        r"splits of node type 'paper' overlap: 2 rows .*row 0 of .*papers\.parquet",
    ),
    "no nodes": (
        {"papers": PAPERS.slice(0, 0)},
        GraphDataError,
        r"node type 'paper' has no nodes",
    ),
    "text ids in one table": (
        {"cites": replaced(CITES, "a", ["10", "7", "7"])},
        TableError,
        r"ids of node type 'paper' are integers, but column 'a' .* holds text",
    ),
    "float ids": (
        {"cites": replaced(CITES, "a", [10.0, 7.0, 7.0])},
        TableError,
        r"'a' of edge type .* has Arrow type double; ids are integers or text",
    ),
    "a negative weight": (
        {"cites": replaced(CITES, "w", [0.5, -1.0, 2.0])},
        GraphDataError,
        r"'w' of edge type .* is -1\.0 in row 1 of .*cites\.parquet",
    ),
    "a NaN weight": (
        {"cites": replaced(CITES, "w", [0.5, 1.0, float("nan")])},
        GraphDataError,
        r"'w' of edge type .* is nan in row 2 of .*cites\.parquet",
    ),
    "a missing column": (
        {"text": TOML.replace('"venue"', '"venu"')},
        TableError,
        r"papers\.parquet has no column 'venu', .*as its label; did you mean 'venue'",
    ),
    "a missing file": (
        {"text": TOML.replace("cites.parquet", "cite.parquet")},
        TableError,
        r"path of edge type 'paper__cites__paper' leads nowhere: there is no .*cite\.parquet",
    ),
    "an unknown key": (
        {"text": TOML.replace("weight =", "wieght =")},
        ConfigError,
        r"unknown key 'edges\.paper__cites__paper\.wieght'; did you mean 'weight'",
    ),
    "a column that takes a role's name": (
        {"papers": PAPERS.append_column("x", pa.array([1, 2, 3]))},
        GraphDataError,
        r"further column 'x', a name that distgnn uses .*leave it out",
    ),
    "a further column that is not there": (
        {"text": TOML.replace('split = "part"', 'split = "part"\ncolumns = ["title"]')},
        TableError,
        r"has no column 'title', .*as its further column",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(tmp_path, case):
    given, error, message = BAD[case]
    with pytest.raises(error, match=message) as caught:
        graph(tmp_path, **given)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_a_cut_off_file_is_named(tmp_path, kind):
    text = TOML.replace("cites.parquet", f"cites.{kind}")
    write(CITES, tmp_path / f"cites.{kind}")
    whole = (tmp_path / f"cites.{kind}").read_bytes()
    (tmp_path / f"cites.{kind}").write_bytes(whole[: len(whole) // 2])
    write(PAPERS, tmp_path / "papers.parquet")
    with pytest.raises(TableError, match=rf"cites\.{kind} cannot be read .*cut off"):
        load(tmp_path, text)


def test_the_example_in_the_documentation_of_the_keys_is_one(tmp_path):
    from distgnn.tables import config

    text = config.__doc__.split("\n\n", 1)[1]
    (tmp_path / "g.toml").write_text(text)
    made = config.read_config(tmp_path / "g.toml")
    assert list(made.nodes) == ["paper", "author"]
    assert made.edges["paper__cites__paper"].src == "edge_index[0]"


def test_paths_are_relative_to_the_file_and_not_to_the_working_directory(tmp_path, monkeypatch):
    graph(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    from distgnn.tables import load_graph

    assert load_graph("../graph.toml").num_nodes("paper") == 3
    assert load_graph(Path("../graph.toml")).num_nodes("paper") == 3
