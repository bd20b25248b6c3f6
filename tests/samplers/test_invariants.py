"""What holds for any graph and any request."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from distgnn.samplers import NeighborSampler
from tests.samplers.graphs import NODE, TO, global_ids, in_parts, raw_graph


@st.composite
def requests(draw):
    num_nodes = draw(st.integers(1, 30))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=120))
    seeds = draw(st.lists(node, min_size=1, max_size=10, unique=True))
    fanouts = draw(st.lists(st.sampled_from([-1, 1, 2, 3, 40]), min_size=1, max_size=3))
    parts = draw(st.integers(1, min(3, num_nodes)))
    ends = np.array(edges, np.int64).reshape(-1, 2).T
    return num_nodes, ends, seeds, fanouts, parts


def sampled(request, *, replace=False):
    num_nodes, ends, seeds, fanouts, parts = request
    with tempfile.TemporaryDirectory() as folder:
        graph = in_parts(raw_graph({NODE: num_nodes}, {TO: ends}), parts, Path(folder))
        sampler = NeighborSampler(graph, fanouts, replace=replace)
        found = sampler.sample(global_ids(graph, NODE, seeds), epoch=0, batch=0)
        rows = graph.index_of(NODE, found.nodes[NODE])
        return found, rows, sampler.edge_ids(found, TO)


@settings(max_examples=40, deadline=None)
@given(request=requests(), replace=st.booleans())
def test_invariants(request, replace):
    num_nodes, ends, seeds, fanouts, _ = request
    found, rows, eids = sampled(request, replace=replace)
    edges = found.edges[TO]
    assert rows[: len(seeds)].tolist() == seeds
    assert len(set(rows.tolist())) == len(rows)
    assert sum(found.num_nodes_per_hop[NODE]) == len(rows)
    assert len(found.num_nodes_per_hop[NODE]) == len(fanouts) + 1
    assert sum(edges.num_per_hop) == len(edges.indices) == len(edges.position) == edges.indptr[-1]
    assert edges.indptr[0] == 0
    # All but the nodes of the last hop are expanded.
    assert len(edges.indptr) - 1 == sum(found.num_nodes_per_hop[NODE][:-1])
    counts = np.diff(edges.indptr)
    target = np.repeat(np.arange(len(counts)), counts)
    assert np.array_equal(rows[edges.indices], ends[0, eids])
    assert np.array_equal(rows[target], ends[1, eids])
    degree = np.bincount(ends[1], minlength=num_nodes)[rows[: len(counts)]]
    hop_of_row = np.repeat(np.arange(len(fanouts)), found.num_nodes_per_hop[NODE][:-1])
    fanout = np.array(fanouts)[hop_of_row]
    most = np.where(replace, np.where(degree > 0, fanout, 0), np.minimum(fanout, degree))
    assert np.array_equal(counts, np.where(fanout == -1, degree, most))
    if not replace:
        assert len(set(eids.tolist())) == len(eids)


@settings(max_examples=30, deadline=None)
@given(request=requests())
def test_full_neighborhoods_are_powers_of_the_adjacency(request):
    num_nodes, ends, seeds, fanouts, _ = request
    request = (*request[:3], [-1] * len(fanouts), request[4])
    _, rows, eids = sampled(request)
    in_neighbors = csr_array((np.ones(ends.shape[1]), (ends[1], ends[0])), (num_nodes, num_nodes))
    reached = np.zeros(num_nodes)
    reached[seeds] = 1
    expanded = reached
    for _ in fanouts:
        expanded = reached
        reached = ((reached + reached @ in_neighbors) > 0).astype(float)
    assert set(rows.tolist()) == set(np.flatnonzero(reached).tolist())
    assert set(eids.tolist()) == set(np.flatnonzero(expanded[ends[1]]).tolist())
