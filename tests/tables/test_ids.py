import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import GraphDataError, TableError
from distgnn.tables.ids import IdMap, id_column, row_ids
from tests.tables.graphs import column, source

EDGES = source(9, "edge type 'a__to__b'", ("e.csv", 2), ("f.csv", 7))


def test_row_numbers_are_the_default():
    assert row_ids(3).to_pylist() == [0, 1, 2]


@pytest.mark.parametrize("dtype", [pa.int8(), pa.uint64(), pa.int64()])
def test_integers_become_int64(dtype):
    assert id_column(column([5, 3], dtype), source(2), "pid").type == pa.int64()


def test_ids_may_be_cast():
    assert id_column(column([5, 3]), source(2), "pid", "string").to_pylist() == ["5", "3"]
    assert id_column(column(["5", "03"]), source(2), "pid", "int64").to_pylist() == [5, 3]
    with pytest.raises(TableError, match=r"'pid' .* cannot be read as int64: .*'x7'"):
        id_column(column(["5", "x7"]), source(2), "pid", "int64")


def test_a_null_id_is_refused_with_its_row():
    with pytest.raises(GraphDataError, match=r"'pid' of node type 'paper' is null in row 1"):
        id_column(column([5, None, 3]), source(3), "pid")


def test_ids_beyond_int64_and_floats_are_refused():
    with pytest.raises(TableError, match=r"'pid' .* cannot be read as int64"):
        id_column(column([2**63], pa.uint64()), source(1), "pid")
    with pytest.raises(TableError, match=r"'pid' .* Arrow type double; ids are integers or text"):
        id_column(column([1.5]), source(1), "pid")


IDS = (
    st.lists(st.integers(-5, 30), unique=True, min_size=1)  # looked up in an array
    | st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1)  # hashed
    | st.integers(1, 20).map(lambda n: list(range(n)))  # the row numbers
    | st.lists(st.text(max_size=3), unique=True, min_size=1)
)


@settings(max_examples=200, deadline=None)
@given(IDS, st.data(), st.integers(1, 3))
def test_rows_are_those_of_a_dictionary(ids, data, chunks):
    wanted = data.draw(st.lists(st.sampled_from(ids), max_size=20))
    dtype = pa.string() if isinstance(ids[0], str) else pa.int64()
    mapping = IdMap(column(ids, dtype, chunks=chunks), source(len(ids)))
    rows = mapping.rows(column(wanted, dtype, chunks=chunks), source(len(wanted)), "src")
    lookup = {id_: row for row, id_ in enumerate(ids)}
    assert rows.dtype == np.int64
    assert rows.tolist() == [lookup[id_] for id_ in wanted]


@pytest.mark.parametrize(
    "ids",
    [
        [0, 1, 2],
        [7, 3, 5],
        [10**12, -5, 2**63 - 1],
        [-(2**63), 0, 5],
    ],
)
@pytest.mark.parametrize("unknown", [4, -6, 10**13, 2**63 - 2, -(2**63) + 1])
def test_an_unknown_node_is_named_with_file_and_row(ids, unknown):
    mapping = IdMap(column(ids, pa.int64()), source(3))
    with pytest.raises(
        GraphDataError,
        match=rf"unknown node: dst is {unknown} in row 1 of f\.csv .*'a__to__b'.*\(2 of 5 edges",
    ):
        mapping.rows(column([ids[0], ids[1], ids[2], unknown, unknown]), EDGES, "dst")


def test_an_unknown_text_id_is_named():
    mapping = IdMap(column(["ann", "bob"]), source(2))
    with pytest.raises(GraphDataError, match=r"src is 'eve' in row 0 of e.csv"):
        mapping.rows(column(["eve", "ann"]), EDGES, "src")


def test_large_strings_meet_strings():
    mapping = IdMap(column(["ann", "bob"]), source(2))
    rows = mapping.rows(column(["bob"], pa.large_string()), EDGES, "src")
    assert rows.tolist() == [1]


@pytest.mark.parametrize(
    "ids", [[4, 2, 4, 2], [10**15, 2, 10**15, 2], ["u", "v", "u", "v"], [0, 1, 0, 1]]
)
def test_a_duplicate_id_is_named_with_both_places(ids):
    nodes = source(4, "node type 'paper'", ("a.csv", 1), ("b.csv", 3))
    with pytest.raises(
        GraphDataError,
        match=rf"id {ids[0]!r} of node type 'paper' appears twice: in row 0 of a\.csv .* "
        r"row 1 of b\.csv .*\(2 rows repeat",
    ):
        IdMap(column(ids, chunks=2), nodes)


def test_text_and_integers_do_not_mix():
    with pytest.raises(
        TableError, match=r"ids of node type 'paper' are integers, but column 'src' .* holds text"
    ):
        IdMap(column([1, 2]), source(2)).rows(column(["1"]), EDGES, "src")
    with pytest.raises(TableError, match=r"are text, but column 'src' .* holds integers .*int64"):
        IdMap(column(["1", "2"]), source(2)).rows(column([1]), EDGES, "src")
