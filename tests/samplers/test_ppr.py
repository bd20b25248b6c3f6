"""Personalised PageRank against networkx, its bound, ties and layouts."""

import networkx as nx
import numpy as np
import pytest

from distgnn.exceptions import ArgumentError
from distgnn.samplers import PersonalizedPageRank
from tests.samplers.graphs import BUYS, NODE, TO, global_ids, in_parts, one_type, raw_graph


def digraph(raw, *, reverse=False):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(raw.num_nodes(NODE)))
    ends = [raw.edges[TO].column(name).to_pylist() for name in ("src", "dst")]
    for a, b in zip(*ends, strict=True):
        a, b = (b, a) if reverse else (a, b)
        weight = graph.get_edge_data(a, b, {"weight": 0})["weight"]
        graph.add_edge(a, b, weight=weight + 1)  # parallel edges count each
    return graph


def scores_by_row(graph, found, seed):
    span = slice(found.indptr[seed], found.indptr[seed + 1])
    rows = graph.index_of(NODE, found.nodes[span]).tolist()
    return dict(zip(rows, found.scores[span].tolist(), strict=True))


@pytest.mark.parametrize("direction", ["out", "in"])
def test_scores_are_those_of_networkx(one_type_parts, direction):
    graph, raw = one_type_parts[2], one_type()
    ppr = PersonalizedPageRank(graph, top_k=200, alpha=0.2, epsilon=1e-9, direction=direction)
    found = ppr.sample(global_ids(graph, NODE, [0, 63, 150]))
    network = digraph(raw, reverse=direction == "in")
    for place, row in enumerate([0, 63, 150]):
        exact = nx.pagerank(network, alpha=0.8, personalization={row: 1}, tol=1e-12)
        scores = scores_by_row(graph, found, place)
        assert scores[row] >= 0.2
        for other, score in exact.items():
            assert scores.get(other, 0) == pytest.approx(score, abs=3e-7)


def test_scores_are_bounds_from_below(one_type_parts):
    graph, raw = one_type_parts[1], one_type()
    epsilon = 1e-3
    found = PersonalizedPageRank(graph, top_k=200, epsilon=epsilon).sample(
        global_ids(graph, NODE, [7])
    )
    exact = nx.pagerank(digraph(raw), alpha=0.85, personalization={7: 1}, tol=1e-12)
    scores = scores_by_row(graph, found, 0)
    for row, score in scores.items():
        assert score <= exact[row] + 1e-9
    degrees = np.bincount(raw.edges[TO].column("src").to_numpy(), minlength=200)
    assert 1 - sum(scores.values()) < epsilon * np.maximum(degrees, 1).sum()


def test_the_best_come_first_and_ties_in_raw_order(tmp_path):
    # A star: all leaves have the same score.
    leaves = np.arange(1, 9)
    hub = np.zeros(8, np.int64)
    edges = np.concatenate([[hub, leaves], [leaves, hub]], axis=1)
    graph = in_parts(raw_graph({NODE: 9}, {TO: edges}), 3, tmp_path)
    found = PersonalizedPageRank(graph, top_k=4).sample(global_ids(graph, NODE, [0]))
    assert graph.index_of(NODE, found.nodes).tolist() == [0, 1, 2, 3]
    assert found.indptr.tolist() == [0, 4]
    assert (np.diff(found.scores) <= 0).all()


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("parts", [1, 2, 8, 40])
def test_parts_and_threads_do_not_change_scores(one_type_parts, parts, num_threads):
    def run(graph, **options):
        ppr = PersonalizedPageRank(graph, top_k=10, **options)
        found = ppr.sample(global_ids(graph, NODE, range(200)))
        return found.indptr, graph.index_of(NODE, found.nodes), found.scores

    for ours, expected in zip(
        run(one_type_parts[parts], num_threads=num_threads), run(one_type_parts[1]), strict=True
    ):
        assert np.array_equal(ours, expected)


def test_a_lone_seed_keeps_all(tmp_path):
    graph = in_parts(raw_graph({NODE: 2}, {TO: np.zeros((2, 0), np.int64)}), 1, tmp_path)
    found = PersonalizedPageRank(graph, top_k=5, epsilon=1e-9).sample(np.array([1]))
    assert found.nodes.tolist() == [1]
    assert found.scores[0] == pytest.approx(1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "top_k must be"),
        ({"alpha": 0}, "alpha = 0 is no probability"),
        ({"alpha": 1.0}, "alpha = 1.0 is no probability"),
        ({"epsilon": 0}, "epsilon = 0 must be in"),
        ({"epsilon": float("nan")}, "epsilon = nan"),
        ({"edge_type": BUYS}, "no edge type 'user__buys__item'"),
    ],
)
def test_impossible_options(one_type_parts, options, message):
    with pytest.raises(ArgumentError, match=message):
        PersonalizedPageRank(one_type_parts[1], **({"top_k": 3} | options))


def test_impossible_seeds(one_type_parts, two_type_parts):
    ppr = PersonalizedPageRank(one_type_parts[1], top_k=3)
    with pytest.raises(ArgumentError, match="seeds hold 200"):
        ppr.sample(np.array([200]))
    with pytest.raises(ArgumentError, match="leads from 'user' to 'item'"):
        PersonalizedPageRank(two_type_parts[1], BUYS, top_k=3)
