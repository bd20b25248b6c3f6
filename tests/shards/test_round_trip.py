"""Whatever a user brings comes back bit for bit, however its tables are sliced and chunked."""

import datetime as dt
import tempfile
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.schema import EdgeSchema, FeatureSpec, GraphSchema, LabelSpec, NodeSchema
from distgnn.shards import ManifestInfo, ShardedGraph, ShardWriter, SparseRows
from distgnn.shards.columns import DTYPE_KEY, STORAGE, numpy_dtype, widen

EDGE = ("n", "to", "n")
INFO = ManifestInfo(name="test", fingerprint="0", method="by hand")

INTEGERS = {
    getattr(pa, f"{sign}int{bits}")(): st.integers(
        0 if sign else -(2 ** (bits - 1)), 2 ** (bits - bool(not sign)) - 1
    )
    for sign in ("", "u")
    for bits in (8, 16, 32, 64)
}
FLOATS = {
    getattr(pa, f"float{width}")(): st.floats(width=width, allow_nan=False)
    for width in (16, 32, 64)
}
INSTANTS = st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))
SCALARS = {
    **INTEGERS,
    **FLOATS,
    pa.bool_(): st.booleans(),
    pa.string(): st.text(max_size=5),
    pa.large_string(): st.text(max_size=5),
    pa.binary(): st.binary(max_size=5),
    pa.date32(): st.dates(),
    pa.timestamp("us"): INSTANTS,
    pa.timestamp("us", tz="Europe/Vienna"): INSTANTS.map(lambda t: t.replace(tzinfo=dt.UTC)),
    pa.decimal128(10, 2): st.integers(-(10**9), 10**9).map(lambda n: Decimal(n) / 100),
}
NESTED = {
    pa.list_(pa.string()): st.lists(st.none() | st.text(max_size=3), max_size=3),
    pa.large_list(pa.int32()): st.lists(st.integers(0, 9), max_size=3),
    pa.list_(pa.float32(), 2): st.lists(st.integers(0, 9), min_size=2, max_size=2),
    pa.struct([("a", pa.int8()), ("b", pa.bool_())]): st.fixed_dictionaries(
        {"a": st.none() | st.integers(0, 9), "b": st.booleans()}
    ),
}
TYPES = {**SCALARS, **NESTED}


@st.composite
def columns(draw, num_rows):
    """A user's column of any type, with nulls."""
    dtype = draw(st.sampled_from(list(TYPES)))
    values = draw(st.lists(st.none() | TYPES[dtype], min_size=num_rows, max_size=num_rows))
    return pa.array(values, dtype)


def cut_up(draw, table):
    """The same table as a slice of a longer one, in several chunks."""
    longer = pa.concat_tables([table, table, table])
    start, cut = table.num_rows, draw(st.integers(0, table.num_rows))
    return pa.concat_tables([longer.slice(start, cut), longer.slice(start + cut, start - cut)])


@settings(max_examples=60)
@given(st.data())
def test_columns_that_the_user_brought(data):
    num_rows = data.draw(st.integers(0, 5))
    ids = data.draw(st.sampled_from([pa.int64(), pa.string()]))
    table = pa.table(
        {
            "id": pa.array(range(num_rows)).cast(ids),
            "index": pa.array(range(num_rows), pa.int64()),
            "a": data.draw(columns(num_rows)),
            "b": data.draw(columns(num_rows)),
        }
    )
    schema = GraphSchema(nodes=(NodeSchema(type="n", columns=("a", "b")),), edges=())
    with tempfile.TemporaryDirectory() as folder:
        with ShardWriter(Path(folder, "graph"), schema, 1) as writer:
            writer.write_nodes(0, "n", cut_up(data.draw, table))
            writer.commit(INFO)
        graph = ShardedGraph.open(Path(folder, "graph"))
        found = graph.nodes("n", 0).columns
        found.validate(full=True)
        assert found.to_pydict() == table.to_pydict()
        assert found.schema.types == table.schema.types
        assert graph.arrow_column("n", "a").to_pylist() == table.column("a").to_pylist()


@settings(max_examples=40)
@given(st.data())
def test_columns_of_edges_that_the_user_brought(data):
    lengths = data.draw(st.lists(st.integers(0, 3), max_size=4))
    offsets = np.cumsum([0, *lengths])
    brought = data.draw(columns(int(offsets[-1])))
    values = {
        "src": pa.array(np.repeat(np.arange(len(lengths)), lengths), pa.int64()),
        "eid": pa.array(range(offsets[-1]), pa.int64()),
        "a": brought,
    }
    lists = {
        name: pa.LargeListArray.from_arrays(offsets, column) for name, column in values.items()
    }
    schema = GraphSchema(
        nodes=(NodeSchema(type="n"),), edges=(EdgeSchema(type=EDGE, columns=("a",)),)
    )
    index = pa.array(range(len(lengths)), pa.int64())
    with tempfile.TemporaryDirectory() as folder:
        with ShardWriter(Path(folder, "graph"), schema, 1) as writer:
            writer.write_nodes(0, "n", pa.table({"id": index, "index": index}))
            writer.write_edges(0, EDGE, cut_up(data.draw, pa.table(lists)))
            writer.commit(INFO)
        edges = ShardedGraph.open(Path(folder, "graph")).edges(EDGE, 0)
        np.testing.assert_array_equal(edges.indptr, offsets)
        np.testing.assert_array_equal(edges.eid, np.arange(offsets[-1]))
        assert edges.column("a").to_pylist() == brought.to_pylist()
        assert edges.column("a").type == brought.type


@settings(max_examples=60)
@given(st.data())
def test_features_of_every_type(data):
    dtype, sparse = data.draw(st.sampled_from(list(STORAGE))), data.draw(st.booleans())
    num_rows, dim = data.draw(st.integers(0, 5)), data.draw(st.integers(1, 4))
    seed = data.draw(st.integers(0, 2**32 - 1))
    bits = np.random.default_rng(seed).integers(0, 256, (num_rows, dim, 8), np.uint8)
    width = numpy_dtype(dtype).itemsize
    x = bits[..., :width].copy().view(numpy_dtype(dtype))[..., 0]
    if dtype == "bool":
        x = bits[..., 0] > 127
    kept = bits[..., 7] > 127 if sparse else np.ones((num_rows, dim), bool)
    stored = pa.array(x[kept].view(np.uint16) if dtype == "bfloat16" else x[kept])
    if sparse:
        offsets = np.concatenate([[0], np.cumsum(kept.sum(1))]).astype(np.int32)
        indices = pa.array(np.nonzero(kept)[1].astype(np.int32))
        parts = [pa.ListArray.from_arrays(offsets, part) for part in (indices, stored)]
        column = pa.StructArray.from_arrays(parts, ["indices", "values"])
    else:
        column = pa.FixedSizeListArray.from_arrays(stored, dim)
    features = FeatureSpec(dim=dim, dtype=dtype, sparse=sparse)
    schema = GraphSchema(nodes=(NodeSchema(type="n", features=features),), edges=())
    index = pa.array(range(num_rows), pa.int64())
    table = pa.table({"id": index, "index": index, "x": column})
    with tempfile.TemporaryDirectory() as folder:
        with ShardWriter(Path(folder, "graph"), schema, 1) as writer:
            writer.write_nodes(0, "n", cut_up(data.draw, table))
            writer.commit(INFO)
        nodes = ShardedGraph.open(Path(folder, "graph")).nodes("n", 0)
        found = nodes.x.dense() if isinstance(nodes.x, SparseRows) else nodes.x
        assert found.dtype == numpy_dtype(dtype)
        assert found.tobytes() == np.where(kept, x, np.zeros((), x.dtype)).tobytes()
        marked = nodes.columns.schema.field("x").metadata or {}
        assert marked.get(DTYPE_KEY) == (dtype.encode() if dtype in ("bfloat16", "bool") else None)


def test_bfloat16_widens_to_float32():
    import torch

    values = torch.tensor([0.0, -1.5, 3.14159, float("inf"), 1e-40])
    bits = values.to(torch.bfloat16).view(torch.uint16).numpy()
    np.testing.assert_array_equal(
        widen(bits, "bfloat16"), values.to(torch.bfloat16).to(torch.float32).numpy()
    )
    np.testing.assert_array_equal(widen(np.array([1, -2], np.int8), "int8"), np.float32([1, -2]))


@pytest.mark.parametrize(
    ("spec", "y", "expected"),
    [
        (LabelSpec(kind="class", dim=3), pa.array([2, -1]), np.array([2, -1])),
        (
            LabelSpec(kind="multilabel", dim=2),
            pa.array([[0, 1], [1, 1]], pa.list_(pa.int8(), 2)),
            np.array([[0, 1], [1, 1]], np.int8),
        ),
        (
            LabelSpec(kind="multilabel", dim=2),
            pa.array([[0, 1], [1, 1]], pa.list_(pa.float32(), 2)),
            np.array([[0, 1], [1, 1]], np.float32),
        ),
        (
            LabelSpec(kind="value", dim=1),
            pa.array([0.5, -1], pa.float32()),
            np.array([0.5, -1], np.float32),
        ),
        (
            LabelSpec(kind="value", dim=2),
            pa.array([[0.5, 1], [2, 3]], pa.list_(pa.float32(), 2)),
            np.array([[0.5, 1], [2, 3]], np.float32),
        ),
    ],
)
def test_labels_of_every_kind(spec, y, expected, tmp_path):
    schema = GraphSchema(nodes=(NodeSchema(type="n", label=spec),), edges=())
    index = pa.array([0, 1], pa.int64())
    with ShardWriter(tmp_path / "graph", schema, 1) as writer:
        writer.write_nodes(0, "n", pa.table({"id": index, "index": index, "y": y}))
        writer.commit(INFO)
    found = ShardedGraph.open(tmp_path / "graph").nodes("n", 0).y
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_dictionaries_and_metadata_of_a_users_column(tmp_path):
    field = pa.field("a", pa.dictionary(pa.int8(), pa.string()), metadata={"unit": "kg"})
    schema = GraphSchema(nodes=(NodeSchema(type="n", columns=("a",)),), edges=())
    chunks = pa.chunked_array(
        [pa.array(["x", None]).dictionary_encode(), pa.array(["y"]).dictionary_encode()]
    ).cast(field.type)
    index = pa.array([0, 1, 2], pa.int64())
    fields = pa.schema([("id", pa.int64()), ("index", pa.int64()), field])
    with ShardWriter(tmp_path / "graph", schema, 1) as writer:
        writer.write_nodes(0, "n", pa.table([index, index, chunks], schema=fields))
        writer.commit(INFO)
    found = ShardedGraph.open(tmp_path / "graph").nodes("n", 0)
    assert found.column("a").to_pylist() == ["x", None, "y"]
    assert found.columns.schema.field("a").equals(field, check_metadata=True)


@pytest.mark.parametrize("name", ["a/b", "..", "<script>", "Ünï cödé", "a b", "%2F", "$x^$"])
def test_type_names_never_leave_the_graph(name, tmp_path):
    edge = (name, "to", name)
    schema = GraphSchema(nodes=(NodeSchema(type=name),), edges=(EdgeSchema(type=edge),))
    index, empty = pa.array([0], pa.int64()), pa.array([[]], pa.large_list(pa.int64()))
    with ShardWriter(tmp_path / "graph", schema, 1) as writer:
        writer.write_nodes(0, name, pa.table({"id": index, "index": index}))
        writer.write_edges(0, edge, pa.table({"src": empty, "eid": empty}))
        writer.commit(INFO)
    assert [path.name for path in tmp_path.iterdir()] == ["graph"]
    graph = ShardedGraph.open(tmp_path / "graph")
    assert graph.schema.node_types == (name,)
    assert graph.edges(edge, 0).num_edges == 0
