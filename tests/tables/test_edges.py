import networkx as nx
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError, GraphDataError
from distgnn.tables.edges import EdgeOptions, apply_options, reverse_table

SAME = ("v", "to", "v")
OTHER = ("u", "to", "v")

PAIRS = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=30)


def table(pairs, **columns):
    ends = np.array(pairs, np.int64).reshape(-1, 2)
    return pa.table({"src": ends[:, 0], "dst": ends[:, 1]} | columns)


def numbered(pairs):
    return table(pairs, number=np.arange(len(pairs)))


def rows(made):
    return list(zip(*(made.column(name).to_pylist() for name in made.column_names), strict=True))


def test_kept_as_they_are_by_default():
    given = numbered([(0, 0), (1, 2), (1, 2)])
    assert apply_options(given, SAME, EdgeOptions()).equals(given)


def test_reverse_copies_follow_with_the_same_attributes():
    made = apply_options(numbered([(0, 1), (2, 2), (1, 0)]), SAME, EdgeOptions(undirected=True))
    assert rows(made) == [(0, 1, 0), (2, 2, 1), (1, 0, 2), (1, 0, 0), (0, 1, 2)]
    assert made.column("src").num_chunks == made.column("dst").num_chunks == 1


def test_a_reverse_that_is_there_is_not_doubled():
    options = EdgeOptions(undirected=True, duplicates="drop")
    made = apply_options(numbered([(0, 1), (1, 0), (2, 1)]), SAME, options)
    assert rows(made) == [(0, 1, 0), (1, 0, 1), (2, 1, 2), (1, 2, 2)]


@settings(max_examples=150, deadline=None)
@given(PAIRS)
def test_undirected_without_duplicates_is_the_graph_of_networkx(pairs):
    options = EdgeOptions(undirected=True, duplicates="drop")
    made = rows(apply_options(table(pairs), SAME, options))
    assert len(made) == len(set(made))
    assert set(made) == {pair for a, b in nx.Graph(pairs).edges for pair in ((a, b), (b, a))}


@settings(max_examples=150, deadline=None)
@given(PAIRS, st.booleans())
def test_dropping_and_counting_are_those_of_pandas(pairs, timed):
    times = {"time": np.arange(len(pairs)) % 2} if timed else {}
    given = table(pairs, **times, number=np.arange(len(pairs)))
    frame = given.to_pandas()
    keys = ["src", "dst", *times]
    dropped = apply_options(given, SAME, EdgeOptions(duplicates="drop"))
    expected = frame.drop_duplicates(keys)
    assert rows(dropped) == list(expected.itertuples(index=False, name=None))
    counted = apply_options(given, SAME, EdgeOptions(duplicates="count"))
    sizes = frame.groupby(keys).size() if len(frame) else pd.Series(dtype=int)
    wanted = [sizes[tuple(row)] for row in expected[keys].itertuples(index=False)]
    assert counted.column("count").to_pylist() == wanted
    assert counted.drop_columns("count").equals(dropped)


def test_keys_too_large_for_one_integer_are_compared_in_two():
    large = 2**40
    pairs = [(large, large + 1), (0, large + 1), (large, large + 1)]
    made = apply_options(table(pairs), SAME, EdgeOptions(duplicates="drop"))
    assert rows(made) == pairs[:2]


def test_duplicates_as_an_error_name_the_first_that_repeats():
    options = EdgeOptions(duplicates="error")
    assert apply_options(numbered([(0, 1), (1, 0)]), SAME, options).num_rows == 2
    with pytest.raises(GraphDataError, match=r"holds 2 duplicate edges.*row 3 .* to row 4 "):
        apply_options(table([(5, 5), (3, 4), (3, 4), (5, 5)]), SAME, options)


def test_loops():
    given = numbered([(0, 0), (0, 1), (2, 2)])
    assert rows(apply_options(given, SAME, EdgeOptions(self_loops="drop"))) == [(0, 1, 1)]
    with pytest.raises(GraphDataError, match=r"'v__to__v' holds 2 self-loops, the first at edge 0"):
        apply_options(given, SAME, EdgeOptions(self_loops="error"))


def test_equal_rows_of_different_types_are_no_loops():
    given = numbered([(0, 0), (0, 1)])
    assert apply_options(given, OTHER, EdgeOptions(self_loops="drop")).equals(given)


def test_undirected_edges_join_one_type():
    with pytest.raises(ArgumentError, match=r"'u__to__v' cannot be undirected"):
        apply_options(table([(0, 0)]), OTHER, EdgeOptions(undirected=True))


def test_counting_beside_a_column_of_that_name_is_refused():
    with pytest.raises(ArgumentError, match=r"has a column 'count' already"):
        apply_options(table([(0, 0)], count=[1]), SAME, EdgeOptions(duplicates="count"))


def test_reverse_table_exchanges_the_ends():
    assert rows(reverse_table(numbered([(0, 1), (2, 3)]))) == [(1, 0, 0), (3, 2, 1)]


def test_attributes_of_every_kind_travel_with_their_edges():
    attr = pa.array([[1.0, 2.0], [3.0, 4.0]], pa.list_(pa.float32(), 2))
    given = table([(0, 1), (1, 1)]).append_column("edge_attr", attr)
    given = given.append_column("note", pa.array(["a", None]))
    made = apply_options(given, SAME, EdgeOptions(undirected=True, self_loops="drop"))
    assert rows(made) == [(0, 1, [1.0, 2.0], "a"), (1, 0, [1.0, 2.0], "a")]
