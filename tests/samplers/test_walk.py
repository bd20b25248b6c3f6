"""Random walks: node2vec's transition probabilities, edges, restarts, layout and bad input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from distgnn.exceptions import ArgumentError
from distgnn.samplers import RandomWalks
from tests.samplers.graphs import BUYS, NODE, TO, global_ids, in_parts, one_type, raw_graph

pytestmark = pytest.mark.filterwarnings("error")

# A square with a tail, each edge both ways, and a way out of it that leads nowhere.
#   0 - 1
#   | / |    3 - 4 - 5 -> 6
#   2 - 3
PAIRS = [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (3, 4), (4, 5)]
EDGES = np.array([*PAIRS, *[(b, a) for a, b in PAIRS], (5, 6)]).T


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return in_parts(raw_graph({NODE: 7}, {TO: EDGES}), 2, tmp_path_factory.mktemp("small"))


def successors(raw, node):
    src, dst = (raw.edges[TO].column(name).to_numpy() for name in ("src", "dst"))
    return dst[src == node]


def raw_walks(graph, walks):
    return graph.index_of(NODE, walks.ravel()).reshape(walks.shape)


def walk_rows(graph, rows, *, epoch=0, **options):
    walks = RandomWalks(graph, **options).sample(global_ids(graph, NODE, rows), epoch=epoch)
    return raw_walks(graph, walks)


@pytest.mark.parametrize(("p", "q"), [(1, 1), (0.25, 4), (4, 0.25), (2, 1), (1, 3), (50, 50)])
def test_steps_have_the_probabilities_of_node2vec(small, p, q):
    walks = walk_rows(small, range(7), length=30, walks_per_node=4000, p=p, q=q, seed=3)
    edges = set(map(tuple, EDGES.T.tolist()))
    steps = np.concatenate([walks[..., i : i + 3].reshape(-1, 3) for i in range(29)])
    checked = 0
    for t, v in edges:
        after = sorted(x for u, x in edges if u == v)
        if v == 6 or not after:
            continue
        weights = np.array([1 / p if x == t else 1 if (t, x) in edges else 1 / q for x in after])
        found = steps[(steps[:, 0] == t) & (steps[:, 1] == v), 2]
        counts = np.array([(found == x).sum() for x in after])
        assert counts.sum() == len(found)
        if len(after) > 1 and len(found) > 1000:
            checked += 1
            assert chisquare(counts, weights / weights.sum() * len(found)).pvalue > 1e-4
    assert checked > 10


def test_the_first_step_is_uniform_whatever_p_and_q(small):
    first = walk_rows(small, [3], length=1, walks_per_node=6000, p=0.01, q=50)[0, :, 1]
    counts = [(first == x).sum() for x in (1, 2, 4)]
    assert chisquare(counts).pvalue > 1e-3
    assert sum(counts) == 6000


def test_a_walk_stays_where_there_is_no_way_on(small):
    walks = walk_rows(small, [6], length=4, walks_per_node=2, q=2.0)
    assert (walks == 6).all()
    walks = walk_rows(small, [5], length=6, walks_per_node=500)[0]
    ended = walks[(walks[:, 1] == 6)]
    assert len(ended) > 100
    assert (ended[:, 1:] == 6).all()


def test_restarts_come_as_often_as_asked(small):
    walks = walk_rows(small, [4], length=50, walks_per_node=2000, restart=0.3, seed=1)[0]
    # From 6 a walk moves only by a restart, from 0 it cannot get to 4 otherwise.
    for node in (0, 6):
        here = walks[:, :-1] == node
        assert abs((walks[:, 1:][here] == 4).mean() - 0.3) < 0.02


def test_walks_follow_edges_in_either_direction(one_type_parts):
    raw = one_type()
    edges = set(
        zip(*(raw.edges[TO].column(name).to_pylist() for name in ("src", "dst")), strict=True)
    )
    for direction in ("out", "in"):
        walks = walk_rows(
            one_type_parts[8], range(200), length=10, direction=direction, p=0.5, q=2, seed=1
        )
        for a, b in zip(walks[..., :-1].ravel(), walks[..., 1:].ravel(), strict=True):
            pair = (a, b) if direction == "out" else (b, a)
            ends = {u for u, _ in edges} if direction == "out" else {v for _, v in edges}
            assert pair in edges or (a == b and a not in ends)


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("parts", [1, 2, 8, 40])
@pytest.mark.parametrize("direction", ["in", "out"])
def test_parts_and_threads_do_not_change_walks(
    one_type_parts, parts, num_threads, direction, memory
):
    options = {"length": 12, "walks_per_node": 4, "p": 0.5, "q": 2, "restart": 0.1, "seed": 9}
    rows = np.random.default_rng(0).permutation(200)
    expected = walk_rows(one_type_parts[1], rows, direction=direction, epoch=2, **options)
    found = walk_rows(
        one_type_parts[parts], rows, direction=direction, epoch=2, num_threads=num_threads,
        in_memory=memory, **options,
    )  # fmt: skip
    assert np.array_equal(found, expected)


def test_a_walk_depends_on_its_start_and_number_only(one_type_parts):
    options = {"length": 8, "q": 0.5, "seed": 4}
    alone = walk_rows(one_type_parts[2], [17], walks_per_node=3, **options)[0]
    among = walk_rows(one_type_parts[2], [3, 17, 90], walks_per_node=5, **options)[1]
    assert np.array_equal(alone, among[:3])
    assert len(np.unique(among, axis=0)) == 5
    other = walk_rows(one_type_parts[2], [17], walks_per_node=3, epoch=1, **options)[0]
    assert not np.array_equal(alone, other)
    del options["seed"]
    assert not np.array_equal(
        alone, walk_rows(one_type_parts[2], [17], walks_per_node=3, seed=5, **options)[0]
    )


def test_hubs_are_searched_as_small_nodes_are(tmp_path):
    """Long lists are searched by halves: the probabilities stay those of node2vec."""
    n = 700
    rows = np.arange(1, n)
    # A hub 0 with edges both ways, and a ring of the others.
    ring = np.stack([rows, np.roll(rows, 1)])
    star = np.stack([np.zeros(n - 1, np.int64), rows])
    edges = np.concatenate([ring, ring[::-1], star, star[::-1]], axis=1)
    graph = in_parts(raw_graph({NODE: n}, {TO: edges}), 3, tmp_path)
    walks = walk_rows(graph, [0] * 40, length=40, walks_per_node=1, p=1, q=4, seed=2)
    again = walk_rows(graph, range(1, 700), length=2, walks_per_node=60, p=1, q=1e-9, seed=2)
    # From the hub's neighbour all ways lead to the hub's neighbours or the hub: never away from
    # the hub. From a ring node through the hub nearly all are away.
    assert walks.shape == (40, 1, 41)
    through = again.reshape(-1, 3)
    through = through[through[:, 1] == 0]
    start, end = through[:, 0], through[:, 2]
    near = [np.roll(rows, shift)[start - 1] for shift in (1, -1)]
    assert not ((end == start) | (end == near[0]) | (end == near[1])).any()


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 12).flatmap(
        lambda n: st.tuples(
            st.just(n),
            st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)), max_size=30),
        )
    ),
    st.floats(0.1, 10),
    st.floats(0.1, 10),
)
def test_every_step_is_an_edge_or_a_rest(tmp_path_factory, shape, p, q):
    num_nodes, pairs = shape
    edges = np.array(pairs, np.int64).reshape(-1, 2).T
    raw = raw_graph({NODE: num_nodes}, {TO: edges})
    graph = in_parts(raw, min(2, num_nodes), tmp_path_factory.mktemp("any"))
    walks = walk_rows(graph, range(num_nodes), length=5, walks_per_node=2, p=p, q=q)
    for a, b in zip(walks[..., :-1].ravel(), walks[..., 1:].ravel(), strict=True):
        assert (a, b) in pairs or (a == b and len(successors(raw, a)) == 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"length": 0}, "length must be a whole number, at least 1"),
        ({"length": 2.5}, "length must be a whole number"),
        ({"walks_per_node": 0}, "walks_per_node must be"),
        ({"p": 0}, "p = 0 must be a positive number"),
        ({"q": -1.0}, "q = -1.0 must be a positive number"),
        ({"q": float("nan")}, "q = nan must be"),
        ({"restart": 1.0}, r"restart = 1.0 is no probability in \[0, 1\)"),
        ({"direction": "up"}, "direction = 'up': edges are followed 'out' or 'in'"),
        ({"seed": -1}, "seed must be"),
        ({"edge_type": ("node", "too", "node")}, "did you mean 'node__to__node'"),
    ],
)
def test_impossible_options(one_type_parts, options, message):
    with pytest.raises(ArgumentError, match=message):
        RandomWalks(one_type_parts[1], **({"length": 3} | options))


def test_edges_between_two_types_cannot_be_walked_on(two_type_parts):
    with pytest.raises(ArgumentError, match="leads from 'user' to 'item'; use MetapathWalks"):
        RandomWalks(two_type_parts[1], BUYS, length=3)
    with pytest.raises(ArgumentError, match="say which one is meant"):
        RandomWalks(two_type_parts[1], length=3)


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        (np.array([0, 200]), "starts hold 200 at place 1, outside the ids 0 to 199"),
        (np.array([-1]), "starts hold -1"),
        (np.array([0.5]), "starts must be int64"),
        ([1, 2], "starts must be a numpy array"),
    ],
)
def test_impossible_starts(one_type_parts, starts, message):
    with pytest.raises(ArgumentError, match=message):
        RandomWalks(one_type_parts[1], length=3).sample(starts, epoch=0)
    with pytest.raises(ArgumentError, match="epoch must be"):
        RandomWalks(one_type_parts[1], length=3).sample(np.array([0]), epoch=-1)


def test_no_starts_give_no_walks(one_type_parts):
    walks = RandomWalks(one_type_parts[1], length=3).sample(np.zeros(0, np.int64), epoch=0)
    assert walks.shape == (0, 1, 4)
