"""Negatives: distributions, exact exclusion, times, layout, complete graphs and bad input."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from distgnn.exceptions import ArgumentError, NoNegativesError
from distgnn.samplers import NegativeSampler
from distgnn.testing.graphs import CITES
from tests.samplers.graphs import (
    BUYS,
    ITEM,
    NODE,
    TO,
    USER,
    global_ids,
    in_parts,
    one_type,
    raw_graph,
    two_types,
)

KINDS = ["uniform", "per_source", "degree", "in_batch"]


def ends(raw, edge_type=TO):
    return np.stack([raw.edges[edge_type].column(name).to_numpy() for name in ("src", "dst")])


def negatives(graph, positives, edge_type=TO, *, epoch=0, numbers=None, times=None, **options):
    """Return negatives in raw rows, [2, B, k], of positives in raw rows, [2, B]."""
    src_type, _, dst_type = edge_type
    sampler = NegativeSampler(graph, edge_type, **options)
    src, dst = sampler.sample(
        global_ids(graph, src_type, positives[0]), global_ids(graph, dst_type, positives[1]),
        epoch=epoch, numbers=numbers, times=times,
    )  # fmt: skip
    rows = [graph.index_of(t, x.ravel()) for t, x in ((src_type, src), (dst_type, dst))]
    return np.stack(rows).reshape(2, *src.shape)


def allowed_destinations(raw, source):
    taken = {dst for src, dst in ends(raw).T.tolist() if src == source} | {source}
    return np.array([row for row in range(raw.num_nodes(NODE)) if row not in taken])


@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_no_negative_is_an_edge_or_a_loop(one_type_parts, kind, memory):
    raw = one_type()
    positives = ends(raw)[:, :600]
    found = negatives(one_type_parts[8], positives, kind=kind, num_negatives=7, in_memory=memory)
    assert found.shape == (2, 600, 7)
    edges = set(map(tuple, ends(raw).T.tolist()))
    assert not edges & set(zip(*found.reshape(2, -1).tolist(), strict=True))
    assert (found[0] != found[1]).all()
    if kind != "uniform":
        assert (found[0] == positives[0][:, None]).all()


def test_destinations_are_uniform_over_those_that_are_no_neighbors(one_type_parts):
    raw = one_type()
    source = 12
    found = negatives(one_type_parts[2], np.array([[source], [0]]), num_negatives=40_000, seed=1)
    candidates = allowed_destinations(raw, source)
    counts = np.bincount(found[1].ravel(), minlength=200)
    assert counts.sum() == counts[candidates].sum()
    assert chisquare(counts[candidates]).pvalue > 1e-3


def test_destinations_follow_the_power_of_their_degree(one_type_parts):
    raw = one_type()
    source = 12
    found = negatives(
        one_type_parts[8], np.array([[source], [0]]), kind="degree", num_negatives=100_000, seed=1
    )
    degrees = np.bincount(ends(raw)[1], minlength=200).astype(float)
    candidates = allowed_destinations(raw, source)
    candidates = candidates[degrees[candidates] > 0]
    weights = degrees[candidates] ** 0.75
    counts = np.bincount(found[1].ravel(), minlength=200)
    assert counts.sum() == counts[candidates].sum()
    assert chisquare(counts[candidates], weights / weights.sum() * 100_000).pvalue > 1e-3


def test_pairs_are_uniform_over_those_that_are_no_edges(tmp_path):
    edges = np.array([[0, 0, 1, 3, 3, 3], [1, 2, 0, 0, 1, 2]])
    graph = in_parts(raw_graph({NODE: 4}, {TO: edges}), 2, tmp_path)
    found = negatives(graph, np.array([[0], [1]]), kind="uniform", num_negatives=30_000)
    pairs, counts = np.unique(found.reshape(2, -1), axis=1, return_counts=True)
    assert set(map(tuple, pairs.T.tolist())) == {(0, 3), (1, 2), (1, 3), (2, 0), (2, 1), (2, 3)}
    assert chisquare(counts).pvalue > 1e-3


def test_in_batch_destinations_are_those_of_the_batch(one_type_parts):
    raw = one_type()
    positives = ends(raw)[:, [3, 90, 400, 777]]
    found = negatives(
        one_type_parts[2], positives, kind="in_batch", num_negatives=4000, exclude_positives=False
    )
    assert set(found[1].ravel()) == set(positives[1])
    for row in found[1]:
        counts = [(row == dst).sum() for dst in positives[1]]
        assert chisquare(counts).pvalue > 1e-4
    excluded = negatives(one_type_parts[2], positives, kind="in_batch", num_negatives=50)
    for i in range(4):
        assert positives[1, i] not in excluded[1, i]


def test_a_batch_of_one_gets_any_destination(one_type_parts):
    raw = one_type()
    positives = ends(raw)[:, :1]
    found = negatives(one_type_parts[1], positives, kind="in_batch", num_negatives=500)
    assert len(set(found[1].ravel())) > 50
    assert set(found[1].ravel()) <= set(allowed_destinations(raw, positives[0, 0]))


def test_without_exclusion_any_node_comes(one_type_parts):
    found = negatives(
        one_type_parts[1], np.array([[5], [0]]), num_negatives=20_000, exclude_positives=False
    )
    assert chisquare(np.bincount(found[1].ravel(), minlength=200)).pvalue > 1e-3


@pytest.mark.parametrize("kind", KINDS)
def test_the_last_free_pair_is_found(tmp_path, kind):
    """All but one pair of 40 nodes are edges: trials fail, and the search is exact."""
    n, free = 40, (7, 31)
    src, dst = np.divmod(np.arange(n * n), n)
    keep = ~((src == free[0]) & (dst == free[1])) & (src != dst)
    graph = in_parts(raw_graph({NODE: n}, {TO: np.stack([src, dst])[:, keep]}), 3, tmp_path)
    found = negatives(graph, np.array([[7], [31]]), kind=kind, num_negatives=20)
    assert (np.array(free) == found.reshape(2, -1).T).all()
    if kind != "uniform":
        with pytest.raises(
            NoNegativesError, match=r"no negative for source node \d+ .* neighbours"
        ):
            negatives(graph, np.array([[8], [31]]), kind=kind)


@pytest.mark.parametrize("kind", KINDS)
def test_a_complete_graph_has_no_negatives(tmp_path, kind):
    src, dst = np.divmod(np.arange(36), 6)
    graph = in_parts(raw_graph({NODE: 6}, {TO: np.stack([src, dst])}), 2, tmp_path)
    with pytest.raises(NoNegativesError, match="no negative"):
        negatives(graph, np.array([[0], [1]]), kind=kind)
    found = negatives(graph, np.array([[0], [1]]), kind=kind, exclude_positives=False)
    assert found.shape == (2, 1, 1)


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("parts", [1, 2, 8])
@pytest.mark.parametrize("kind", KINDS)
def test_parts_and_threads_do_not_change_negatives(two_type_parts, kind, parts, num_threads):
    positives = np.tile(ends(two_types(), BUYS), 5)
    options = {"kind": kind, "num_negatives": 3, "seed": 4, "epoch": 2}
    expected = negatives(two_type_parts[1], positives, BUYS, **options)
    found = negatives(two_type_parts[parts], positives, BUYS, num_threads=num_threads, **options)
    assert np.array_equal(found, expected)


def test_a_negative_depends_on_the_positives_number(one_type_parts):
    positives = ends(one_type())[:, :50]
    numbers = np.arange(100, 150)
    options = {"kind": "degree", "num_negatives": 2, "seed": 3}
    whole = negatives(one_type_parts[2], positives, numbers=numbers, **options)
    order = np.random.default_rng(0).permutation(50)[:20]
    some = negatives(one_type_parts[2], positives[:, order], numbers=numbers[order], **options)
    assert np.array_equal(some, whole[:, order])
    assert not np.array_equal(whole, negatives(one_type_parts[2], positives, epoch=1, **options))
    more = negatives(
        one_type_parts[2], positives, numbers=numbers, **(options | {"num_negatives": 4})
    )
    assert np.array_equal(more[..., :2], whole)


def test_temporal_negatives_know_nothing_of_later(scholars_graph):
    # Papers are from 5, 3, 9, 1. Row 0 cites row 1 at 4 and row 2 at 1.
    def found(source, time):
        rows = negatives(
            scholars_graph, np.array([[source], [1]]), CITES, temporal=True, num_negatives=200,
            times=np.array([time]),
        )  # fmt: skip
        return set(rows[1].ravel().tolist())

    assert found(0, 3) == {1, 3}  # row 1 exists, and is not cited by row 0 before 4
    assert found(0, 4) == {3}
    assert found(3, 9) == {0, 2}
    assert found(3, 5) == {0}
    with pytest.raises(NoNegativesError):
        found(3, 2)  # the only paper by then is row 3 itself


def test_temporal_negatives_of_edges_without_node_times(tmp_path):
    rng = np.random.default_rng(5)
    raw = one_type()
    schema = raw.schema
    edges = raw.edges[TO].append_column("time", pa.array(rng.integers(100, size=1500)))
    raw = dataclasses.replace(
        raw,
        schema=dataclasses.replace(
            schema, edges=(dataclasses.replace(schema.edges[0], has_time=True),)
        ),
        edges={TO: edges},
    )
    graph = in_parts(raw, 3, tmp_path)
    times = edges.column("time").to_numpy()
    positives = ends(raw)
    found = negatives(graph, positives, temporal=True, num_negatives=30, times=times)
    by_time = list(zip(*positives.tolist(), times.tolist(), strict=True))
    known = {(u, v, t) for u, v, t in by_time}
    first = {}
    for u, v, t in known:
        first[u, v] = min(t, first.get((u, v), t))
    later = 0
    for i, t in enumerate(times):
        for u, v in zip(found[0, i].tolist(), found[1, i].tolist(), strict=True):
            assert (u, v) not in first or first[u, v] > t
            later += (u, v) in first
    assert later > 100


@settings(max_examples=30, deadline=None)
@given(
    st.integers(2, 9).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(
                st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), min_size=1, max_size=60
            ),
        )
    ),
    st.sampled_from(KINDS),
)
def test_negatives_are_never_positives(tmp_path_factory, shape, kind):
    num_nodes, pairs = shape
    raw = raw_graph({NODE: num_nodes}, {TO: np.array(pairs).T})
    graph = in_parts(raw, 2, tmp_path_factory.mktemp("any"))
    try:
        found = negatives(graph, np.array(pairs).T, kind=kind, num_negatives=3)
    except NoNegativesError:
        sources = range(num_nodes) if kind == "uniform" else {src for src, _ in pairs}
        free = [len(allowed_destinations(raw, source)) for source in sources]
        assert sum(free) == 0 if kind == "uniform" else (min(free) == 0 or kind == "degree")
        return
    assert not set(zip(*found.reshape(2, -1).tolist(), strict=True)) & set(pairs)
    assert (found[0] != found[1]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "degrees"}, "no negatives of kind 'degrees'; did you mean 'degree'"),
        ({"num_negatives": 0}, "num_negatives must be"),
        ({"seed": -1}, "seed must be"),
        ({"temporal": True}, "neither 'node__to__node' nor 'node' has a time column"),
        ({"temporal": True, "kind": "uniform"}, "temporal negatives belong to a positive"),
    ],
)
def test_impossible_options(one_type_parts, options, message):
    with pytest.raises(ArgumentError, match=message):
        NegativeSampler(one_type_parts[1], **options)


def test_no_edges_cannot_be_drawn_by_degree(tmp_path):
    graph = in_parts(raw_graph({NODE: 3}, {TO: np.zeros((2, 0), np.int64)}), 1, tmp_path)
    with pytest.raises(ArgumentError, match="no node has an in-edge"):
        NegativeSampler(graph, kind="degree")
    found = negatives(graph, np.array([[0], [1]]), num_negatives=5)
    assert set(found[1].ravel()) <= {1, 2}


def test_impossible_positives(two_type_parts, scholars_graph):
    sampler = NegativeSampler(two_type_parts[1], BUYS)
    one = np.zeros(1, np.int64)
    with pytest.raises(ArgumentError, match="src hold 60 at place 0, outside the ids 0 to 59"):
        sampler.sample(one + 60, one, epoch=0)
    with pytest.raises(ArgumentError, match="dst hold 90"):
        sampler.sample(one, one + 90, epoch=0)
    with pytest.raises(ArgumentError, match="must have the same length"):
        sampler.sample(one, np.arange(2), epoch=0)
    with pytest.raises(ArgumentError, match="takes no times"):
        sampler.sample(one, one, epoch=0, times=one)
    with pytest.raises(ArgumentError, match="needs times"):
        NegativeSampler(scholars_graph, CITES, temporal=True).sample(one, one, epoch=0)
    assert (two_type_parts[1].num_nodes(USER), two_type_parts[1].num_nodes(ITEM)) == (60, 90)
