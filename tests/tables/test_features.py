import re

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError, GraphDataError, TableError
from distgnn.schema import FeatureSpec
from distgnn.tables.features import dense_features, feature_field, join_columns
from tests.tables.graphs import column, source

FILES = (("a.parquet", 2), ("b.parquet", 2))


def features(values, dtype=None, *, chunks=1, stored=None):
    made = column(values, dtype, chunks=chunks)
    return dense_features(made, source(len(made), "node type 'paper'", *FILES), "emb", stored)


@pytest.mark.parametrize(
    "dtype",
    [pa.list_(pa.float32()), pa.large_list(pa.float32()), pa.list_(pa.float32(), 2)],
)
@pytest.mark.parametrize("chunks", [1, 2, 4])
def test_every_list_type_becomes_fixed_size(dtype, chunks):
    values = [[1, 2], [3, 4], [5, 6]]
    spec, made = features(values, dtype, chunks=chunks)
    assert spec == FeatureSpec(dim=2, dtype="float32")
    assert made.type == pa.list_(pa.float32(), 2)
    assert made.to_pylist() == values


def test_numbers_are_one_feature():
    spec, made = features([1.0, 2.0], pa.float64())
    assert spec == FeatureSpec(dim=1, dtype="float64")
    assert made.to_pylist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        (pa.int8(), "int8"),
        (pa.uint8(), "uint8"),
        (pa.int16(), "int16"),
        (pa.uint16(), "int32"),
        (pa.uint32(), "int64"),
        (pa.bool_(), "bool"),
        (pa.float16(), "float16"),
    ],
)
def test_types_are_kept_or_widened(given, stored):
    spec, made = features(pa.array([[1, 0], [0, 1]]).cast(pa.list_(given)))
    assert spec.dtype == stored
    assert made.to_pylist() == [[1, 0], [0, 1]]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.floats(-1e4, 1e4, width=32), min_size=3, max_size=3), min_size=1),
    st.sampled_from(["float16", "float32", "float64", "bfloat16"]),
    st.integers(1, 3),
)
def test_conversion_is_that_of_numpy_and_torch(rows, stored, chunks):
    import torch

    spec, made = features(rows, pa.list_(pa.float32()), chunks=chunks, stored=stored)
    assert spec == FeatureSpec(dim=3, dtype=stored)
    flat = made.combine_chunks().flatten().to_numpy()
    tensor = torch.tensor(rows, dtype=torch.float32).to(getattr(torch, stored)).flatten()
    expected = tensor.view(torch.int16).numpy() if stored == "bfloat16" else tensor.numpy()
    assert (flat == expected.view(flat.dtype)).all()


def test_shared_memory_where_nothing_changes():
    given = column([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32()))
    _, made = dense_features(given, source(2), "x", None)
    addresses = [c.chunk(0).flatten().buffers()[1].address for c in (given, made)]
    assert addresses[0] == addresses[1]


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("dtype", [pa.list_(pa.float32()), pa.list_(pa.float16(), 2)])
def test_nan_and_infinity_are_refused_with_their_place(bad, dtype):
    with pytest.raises(
        GraphDataError,
        match=r"'emb' of node type 'paper' is (nan|-?inf) in row 1 of b\.parquet.*feature 1;",
    ):
        features([[1, 2], [3, 4], [5, 6], [7, bad]], dtype, chunks=3)


@pytest.mark.parametrize(
    ("value", "stored"),
    [(1e6, "float16"), (3.4e38, "bfloat16"), (300, "int8"), (-1, "uint8"), (0.5, "int64")],
)
def test_what_the_stored_type_cannot_hold_is_refused(value, stored):
    at = re.escape(f"is {float(value)} in row 0 ")
    with pytest.raises(GraphDataError, match=f"{at}.*{stored} cannot hold it"):
        features([[value]], pa.list_(pa.float64()), stored=stored)


def test_unsigned_integers_beyond_int64_are_refused():
    with pytest.raises(GraphDataError, match=r"is 9223372036854775808 in row 0 .*int64 cannot"):
        features([[2**63]], pa.list_(pa.uint64()))


@pytest.mark.parametrize("dtype", [pa.list_(pa.float32()), pa.list_(pa.float32(), 2)])
@pytest.mark.parametrize("bad", [None, [5, None]])
@pytest.mark.parametrize("chunks", [1, 2])
def test_a_null_is_refused_with_its_row(dtype, bad, chunks):
    with pytest.raises(GraphDataError, match=r"'emb'.* is null in row 0 of b\.parquet"):
        features([[1, 2], [3, 4], bad, [7, 8]], dtype, chunks=chunks)


def test_ragged_lists_are_refused_with_both_lengths():
    with pytest.raises(GraphDataError, match=r"2 values in row 0 but 3 in row 1 of a\.parquet"):
        features([[1, 2], [3, 4, 5]], pa.list_(pa.float32()), chunks=2)


def test_empty_lists_are_refused():
    with pytest.raises(GraphDataError, match=r"holds empty lists"):
        features([[], []], pa.list_(pa.float32()))


@pytest.mark.parametrize("dtype", [pa.string(), pa.list_(pa.string()), pa.timestamp("us")])
def test_other_types_are_refused(dtype):
    with pytest.raises(TableError, match=r"feature column 'emb' .* has Arrow type"):
        features([], dtype)


def test_an_unknown_storage_type_is_refused():
    with pytest.raises(ArgumentError, match=r"'float8' is no type of features"):
        features([[1.0]], stored="float8")


def test_joined_columns_take_the_smallest_common_type():
    columns = [column([1, 2], pa.int16()), column([0.5, 1.5], pa.float32(), chunks=2)]
    made = join_columns(columns, source(2), ["a", "b"])
    assert made.type.value_type == pa.float32()
    assert made.to_pylist() == [[1, 0.5], [2, 1.5]]


def test_joined_columns_must_be_whole_numbers_columns():
    with pytest.raises(GraphDataError, match=r"'b' of node type 'paper' is null in row 1"):
        join_columns([column([1, 2]), column([1, None])], source(2), ["a", "b"])
    with pytest.raises(TableError, match=r"'b' .* has Arrow type string"):
        join_columns([column([1, 2]), column(["u", "v"])], source(2), ["a", "b"])


def test_bfloat16_is_marked_in_the_field():
    spec, made = features([[1.0, -2.0]], stored="bfloat16")
    assert feature_field("x", spec, made.type).metadata == {b"distgnn.dtype": b"bfloat16"}
    assert made.type.value_type == pa.uint16()
    assert feature_field("x", FeatureSpec(dim=1, dtype="int8"), made.type).metadata is None
    assert np.array(made.to_pylist()).tolist() == [[0x3F80, 0xC000]]
