"""ShaDow: the induced k-hop subgraph of each seed, disjoint from those of the others."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.samplers import NeighborSampler, Sampler, ShadowSampler
from distgnn.testing.graphs import CITES
from tests.samplers.graphs import (
    BUYS,
    ITEM,
    LIKE,
    NODE,
    SOLD_TO,
    TO,
    USER,
    global_ids,
    in_parts,
    raw_graph,
)
from tests.samplers.test_induced import content


def scopes(found, node_type, edge_type):
    """Return for each seed the local ids of its subgraph's nodes, by following edges backwards."""
    csc = found.edges[edge_type]
    num_seeds = found.num_nodes_per_hop[node_type][0]
    reached = []
    for seed in range(num_seeds):
        inside, frontier = {seed}, [seed]
        while frontier:
            row = frontier.pop()
            for source in csc.indices[csc.indptr[row] : csc.indptr[row + 1]].tolist():
                if source not in inside:
                    inside.add(source)
                    frontier.append(source)
        reached.append(inside)
    return reached


def test_two_hops_written_out(papers_graph):
    graph = papers_graph
    sampler: Sampler = ShadowSampler(graph, [-1, -1])
    found = sampler.sample(global_ids(graph, "paper", [3, 0]), epoch=0, batch=0)
    rows, edges, counts, _, _ = content(graph, found)
    # Seed 3 reaches 0 and 4, then 1 and 5; seed 0 reaches 1, then 0, 2 and 3.
    assert rows["paper"] == [3, 0, 0, 4, 1, 5, 1, 2, 3]
    assert counts[0]["paper"] == [2, 7]
    in_scope = [
        (0, 3, 5), (4, 3, 4), (1, 0, 2), (5, 4, 6), (0, 1, 0), (0, 1, 7), (3, 1, 3),
        (1, 0, 2), (0, 1, 0), (0, 1, 7), (2, 1, 1), (3, 1, 3), (2, 2, 8), (0, 3, 5),
    ]  # fmt: skip
    assert sorted(edges[CITES]) == sorted(in_scope)
    assert scopes(found, "paper", CITES) == [{0, 2, 3, 4, 5}, {1, 6, 7, 8}]


@st.composite
def requests(draw):
    num_nodes = draw(st.integers(1, 25))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=100))
    seeds = draw(st.lists(node, min_size=1, max_size=10, unique=True))
    fanouts = draw(st.lists(st.sampled_from([-1, 1, 2, 3]), min_size=1, max_size=3))
    parts = draw(st.integers(1, min(3, num_nodes)))
    return num_nodes, np.array(edges, np.int64).reshape(-1, 2).T, seeds, fanouts, parts


@settings(max_examples=40, deadline=None)
@given(request=requests(), threads=st.sampled_from([1, 2]), in_memory=st.booleans())
def test_each_seed_has_the_subgraph_that_sampling_from_it_reaches(request, threads, in_memory):
    num_nodes, ends, seeds, fanouts, parts = request
    key = {"epoch": 1, "batch": 2}
    with tempfile.TemporaryDirectory() as folder:
        graph = in_parts(raw_graph({NODE: num_nodes}, {TO: ends}), parts, Path(folder))
        ids = global_ids(graph, NODE, seeds)
        options = {"seed": 5, "num_threads": threads, "in_memory": in_memory}
        found = ShadowSampler(graph, fanouts, **options).sample(ids, **key)
        alone = NeighborSampler(graph, fanouts, seed=5)
        expected = [graph.index_of(NODE, alone.sample(ids[i : i + 1], **key).nodes[NODE])
                    for i in range(len(ids))]  # fmt: skip
        rows, edges, _, _, _ = content(graph, found)
    others = [row for scope in expected for row in scope[1:].tolist()]
    assert rows[NODE] == seeds + others
    place = len(seeds)
    csc = found.edges[TO]
    wanted = []
    for number, scope in enumerate(expected):
        local = [number, *range(place, place + len(scope) - 1)]
        place += len(scope) - 1
        inside = np.isin(ends, scope).all(axis=0)
        wanted += [(int(ends[0, e]), int(ends[1, e]), int(e)) for e in np.flatnonzero(inside)]
        for row in local:  # no edge leaves the subgraph
            assert set(csc.indices[csc.indptr[row] : csc.indptr[row + 1]].tolist()) <= set(local)
    assert sorted(edges[TO]) == sorted(wanted)


@pytest.mark.parametrize("parts", [2, 8])
def test_heterogeneous_subgraphs_do_not_depend_on_parts_or_threads(two_type_parts, parts):
    fanouts = {BUYS: [3, 2], SOLD_TO: [2, 2]}  # LIKE is not followed

    def sample(graph, **options):
        sampler = ShadowSampler(graph, fanouts, seed=1, **options)
        seeds = {ITEM: global_ids(graph, ITEM, range(30, 60))}
        return content(graph, sampler.sample(seeds, epoch=0, batch=4))

    expected = sample(two_type_parts[1])
    assert LIKE not in expected[1]
    assert expected[0][ITEM][:30] == list(range(30, 60))
    assert expected[2][0][USER][0] == 0
    assert sample(two_type_parts[parts], num_threads=2) == expected


BAD = {
    "none": ({USER: np.empty(0, np.int64)}, "no type"),
    "two types": ({USER: np.array([0]), ITEM: np.array([0])}, "seeds are of user, item"),
    "no type given": (np.array([0]), "node types user, item"),
    "unknown": ({"usr": np.array([0])}, "usr"),
    "range": ({USER: np.array([60])}, "hold 60 at place 0"),
    "dtype": ({USER: np.array([0.5])}, "int64"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_seeds(two_type_parts, name):
    sampler = ShadowSampler(two_type_parts[2], [2])
    seeds, message = BAD[name]
    with pytest.raises(ArgumentError, match=message):
        sampler.sample(seeds, epoch=0, batch=0)


@pytest.mark.parametrize("fanouts", [[0], [], [-2]])
def test_bad_fanouts(one_type_parts, fanouts):
    with pytest.raises(ArgumentError, match="fanout"):
        ShadowSampler(one_type_parts[1], fanouts)
