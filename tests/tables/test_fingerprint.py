import datetime as dt
import decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import TableError
from distgnn.tables.fingerprint import column_digest
from tests.tables.graphs import column

VALUES = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "int8": st.integers(-128, 127),
    "float16": st.floats(width=16, allow_nan=False),
    "float64": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "string": st.text(max_size=5),
    "binary": st.binary(max_size=5),
    "timestamp[us]": st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2100, 1, 1)),
    "date32[day]": st.dates(),
    "list<int32>": st.lists(st.none() | st.integers(0, 9), max_size=3),
    "list<string>": st.lists(st.text(max_size=2), max_size=3),
    "list<list<int8>>": st.lists(st.lists(st.integers(0, 9), max_size=2), max_size=2),
    "struct": st.fixed_dictionaries({"a": st.none() | st.integers(0, 9), "b": st.text(max_size=2)}),
    "pairs": st.lists(st.integers(0, 9), min_size=2, max_size=2),
    "decimal": st.decimals(0, 99, places=2),
}

TYPES = {
    "int64": pa.int64(),
    "int8": pa.int8(),
    "float16": pa.float16(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "string": pa.string(),
    "binary": pa.binary(),
    "timestamp[us]": pa.timestamp("us"),
    "date32[day]": pa.date32(),
    "list<int32>": pa.list_(pa.int32()),
    "list<string>": pa.list_(pa.string()),
    "list<list<int8>>": pa.list_(pa.list_(pa.int8())),
    "struct": pa.struct([("a", pa.int64()), ("b", pa.string())]),
    "pairs": pa.list_(pa.int64(), 2),
    "decimal": pa.decimal128(8, 2),
}


@st.composite
def columns(draw):
    name = draw(st.sampled_from(sorted(TYPES)))
    values = draw(st.lists(st.none() | VALUES[name], max_size=12))
    return pa.array(values, TYPES[name])


@settings(max_examples=150, deadline=None)
@given(columns(), st.integers(1, 5), st.integers(1, 5))
def test_chunks_do_not_count(array, one, other):
    digests = {column_digest(column(array, chunks=n), "it") for n in (one, other)}
    whole = pa.concat_arrays([column(array, chunks=one).combine_chunks(), array.slice(0, 0)])
    digests.add(column_digest(pa.chunked_array([whole]), "it"))
    assert len(digests) == 1


@settings(max_examples=150, deadline=None)
@given(columns(), st.data())
def test_any_other_value_counts(array, data):
    rows = data.draw(st.permutations(range(len(array))))
    other = array.take(pa.array(rows, pa.int64()))
    same = repr(other.to_pylist()) == repr(array.to_pylist())  # as text: 0.0 is not -0.0
    one, two = (column_digest(pa.chunked_array([a], a.type), "it") for a in (array, other))
    assert (one == two) == same


def test_a_slice_hashes_only_its_own_rows():
    array = pa.array([["a"], ["b", "c"], None, [], ["d"]])
    alone = pa.array([["b", "c"], None, []])
    digests = [column_digest(pa.chunked_array([a]), "it") for a in (array.slice(1, 3), alone)]
    assert digests[0] == digests[1]


def test_bytes_behind_a_null_do_not_count():
    values = pa.array([1, 2, 3]).buffers()[1]
    masked = pa.Array.from_buffers(pa.int64(), 3, [pa.py_buffer(b"\x05"), values])
    assert masked.to_pylist() == [1, None, 3]
    clean = pa.array([1, None, 3])
    digests = [column_digest(pa.chunked_array([a]), "it") for a in (masked, clean)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array(["a", "b", "a"]), pa.array(["a", "b", "a"]).dictionary_encode()),
        (pa.array(["a", "bc"]), pa.array(["a", "bc"], pa.large_string())),
        (pa.array([[1], [2, 3]]), pa.array([[1], [2, 3]], pa.large_list(pa.int64()))),
    ],
)
def test_encodings_of_equal_values_do_not_count(one, other):
    digests = [column_digest(pa.chunked_array([a]), "it") for a in (one, other)]
    assert digests[0] == digests[1]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (pa.array([1, 2]), pa.array([1, 2], pa.int32())),
        (pa.array(["ab", "c"]), pa.array(["a", "bc"])),
        (pa.array([[1], [2, 3]]), pa.array([[1, 2], [3]])),
        (pa.array([[], [1]]), pa.array([None, [1]])),
        (pa.array([None, 1]), pa.array([1, None])),
        (pa.array([decimal.Decimal("1.5")]), pa.array([1.5])),
    ],
)
def test_values_split_or_typed_otherwise_differ(one, other):
    digests = [column_digest(pa.chunked_array([a]), "it") for a in (one, other)]
    assert digests[0] != digests[1]


def test_a_map_is_refused():
    maps = pa.chunked_array([pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64()))])
    with pytest.raises(TableError, match=r"column 'm' has Arrow type map<.*leave it out"):
        column_digest(maps, "column 'm'")
