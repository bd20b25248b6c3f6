"""Splitting by owner and putting answers together, against slow numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.samplers import BufferPool, NodeRows
from distgnn.samplers._kernels import (
    DenseRows,
    IdTable,
    merge_draws,
    place_rows,
    split_by_owner,
)
from distgnn.shards import ShardedGraph

OFFSETS = np.array([0, 3, 3, 10, 12])
OWNERS = [1, 0, 2, 1]  # of the four parts


def places_of(owner, ids):
    part = np.searchsorted(OFFSETS, ids, side="right") - 1
    return np.flatnonzero(np.array(OWNERS)[part] == owner)


@given(ids=st.lists(st.integers(0, 11), max_size=40))
def test_ids_go_to_their_owners_in_order(ids):
    ids = np.array(ids, np.int64)
    found, places, counts = split_by_owner(BufferPool(), OFFSETS, OWNERS, 3, ids)
    begin = 0
    for owner, count in enumerate(counts):
        wanted = places_of(owner, ids)
        assert places[begin : begin + count].tolist() == wanted.tolist()
        assert found[begin : begin + count].tolist() == ids[wanted].tolist()
        begin += count
    assert begin == len(ids)


@settings(deadline=None)
@given(ids=st.lists(st.integers(0, 11), min_size=1, max_size=30), short=st.booleans())
def test_answers_come_together_in_the_order_of_the_question(ids, short):
    ids = np.array(ids, np.int64)
    rng = np.random.default_rng(0)
    drawn = [rng.integers(1000, size=rng.integers(4)) for _ in ids]
    dtype = np.uint32 if short else np.int64
    answers = []
    for owner in range(3):
        places = places_of(owner, ids)
        sources = np.concatenate([np.zeros(0, int), *(drawn[i] for i in places)]).astype(dtype)
        picks = np.array([len(drawn[i]) for i in places], np.int64)
        answers.append((places, picks, sources, sources.astype(np.int64) + 7))
    num_picks, sources, positions = merge_draws(BufferPool(), len(ids), answers)
    assert num_picks.tolist() == [len(edges) for edges in drawn]
    assert sources.tolist() == np.concatenate(drawn).tolist()
    assert positions.tolist() == (np.concatenate(drawn) + 7).tolist()


def int64s(*values):
    return np.array(values, np.int64)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([(int64s(0), int64s(1), int64s(5), int64s(5))], "answered for 1 of 2 nodes"),
        ([(int64s(0, 2), int64s(0, 0), int64s(), int64s())], "does not fit its question"),
        ([(int64s(0, 0), int64s(0, 0), int64s(), int64s())], "does not fit its question"),
        ([(int64s(0, 1), int64s(0, -1), int64s(), int64s())], "does not fit its question"),
        ([(int64s(1, 0), int64s(0, 0), int64s(), int64s())], "places do not rise"),
        ([(int64s(0, 1), int64s(1, 1), int64s(5), int64s(5))], "1 edges, but counts 2"),
        ([(int64s(0, 1), int64s(1, 0), int64s(5), int64s())], "not every edge has a place"),
    ],
    ids=["missing", "outside", "twice", "negative", "falling", "too few edges", "no place"],
)
def test_answers_that_do_not_fit(answers, words):
    with pytest.raises(ArgumentError, match=words):
        merge_draws(BufferPool(), 2, answers)


@pytest.mark.parametrize(
    ("owners", "ids", "words"),
    [
        ([0, 1], [0], "an entry for each of 4 parts"),
        ([0, 1, 3, 0], [0], "owner_of_part hold 3"),
        (OWNERS, [12], "ids hold 12"),
    ],
)
def test_splits_that_do_not_fit(owners, ids, words):
    with pytest.raises(ArgumentError, match=words):
        split_by_owner(BufferPool(), OFFSETS, owners, 3, np.array(ids))


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int64"])
def test_placed_rows(dtype):
    rng = np.random.default_rng(1)
    rows = (10 * rng.standard_normal((6, 3))).astype(dtype)
    factors = rng.random(6).astype(np.float32)
    target = np.zeros((9, 3), np.float32)
    places, picks = np.array([8, 0, 3]), np.array([5, 5, 1])
    place_rows(target, places, rows, stored_as=dtype, factors=factors, picks=picks)
    wanted = np.zeros((9, 3), np.float32)
    wanted[places] = rows[picks].astype(np.float32) * factors[picks][:, None]
    np.testing.assert_array_equal(target, wanted)
    place_rows(target, np.arange(6), rows, stored_as=dtype)
    np.testing.assert_array_equal(target[:6], rows.astype(np.float32))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"places": np.array([9])}, "places hold 9"),
        ({"picks": np.array([6])}, "picks hold 6"),
        ({"picks": np.array([0, 1])}, "a pick for each place"),
        ({"places": np.array([1, 2])}, "a pick for each place"),
        ({"picks": None}, "a place for each row"),
        ({"factors": np.ones(2, np.float32)}, "a factor for each row"),
        ({"rows": np.ones((6, 4), np.float32)}, "cannot be placed"),
        ({"stored_as": "int8"}, "are said to be stored as int8"),
    ],
)
def test_rows_that_do_not_fit(arguments, words):
    given_arguments = {
        "target": np.zeros((9, 3), np.float32),
        "places": np.array([1]),
        "rows": np.ones((6, 3), np.float32),
        "stored_as": "float32",
        "picks": np.array([0]),
    } | arguments
    with pytest.raises(ArgumentError, match=words):
        place_rows(**given_arguments)


def test_ids_at_hand():
    rng = np.random.default_rng(2)
    ids = rng.choice(2**40, size=1000, replace=False)
    table = IdTable(ids)
    asked = np.concatenate([ids[::-1], rng.integers(2**40, size=500)])
    place_of = {value: place for place, value in enumerate(ids.tolist())}
    assert table.find(asked).tolist() == [place_of.get(value, -1) for value in asked.tolist()]
    assert IdTable(np.zeros(0, np.int64)).find(np.array([0])).tolist() == [-1]
    with pytest.raises(ArgumentError, match="hold 3 more than once"):
        IdTable(np.array([3, 3]))


@pytest.mark.parametrize("stored_as", ["float32", "bytes"])
def test_rows_of_a_part_that_is_not_open(stored_as):
    rows = np.arange(4, dtype=np.float32).reshape(2, 2)
    kernel = DenseRows(BufferPool(), np.array([0, 3, 5]), [None, rows], stored_as=stored_as)
    assert kernel.gather(np.array([4, 3])).tolist() == [[2, 3], [0, 1]]
    with pytest.raises(ArgumentError, match="id 2 is of part 0, which is not open"):
        kernel.gather(np.array([3, 2]))
    with pytest.raises(ArgumentError, match="no part is open"):
        DenseRows(BufferPool(), np.array([0, 3, 5]), [None, None], stored_as=stored_as)


def test_columns_of_a_graph_that_is_open_in_part(papers_graph, scholars_graph):
    for graph, node_type in ((papers_graph, "paper"), (scholars_graph, "paper")):
        part = ShardedGraph.open(graph.path, parts=[1])
        whole = NodeRows(graph, node_type, "x", BufferPool())
        rows = NodeRows(part, node_type, "x", BufferPool())
        first, end = graph.offsets(node_type)[1:]
        ids = np.arange(first, end)
        np.testing.assert_array_equal(rows.gather(ids), whole.gather(ids))
        with pytest.raises(ArgumentError, match=r"part 0, which is not open"):
            rows.gather(np.array([0]))
