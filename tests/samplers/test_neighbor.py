"""Neighbourhoods of graphs written out by hand, and of random ones against a slow reference."""

import numpy as np
import pytest

from distgnn.samplers import NeighborSampler
from distgnn.testing.graphs import BY, CITES, WRITES
from tests.samplers import reference
from tests.samplers.graphs import (
    BUYS,
    ITEM,
    LIKE,
    NODE,
    SOLD_TO,
    TO,
    USER,
    global_ids,
    one_type,
    raw_rows,
    two_types,
)

pytestmark = pytest.mark.usefixtures("_every_memory")


def test_all_neighbors_of_a_hand_made_graph(papers_graph):
    sampler = NeighborSampler(papers_graph, [-1, -1])
    # Raw row 0 is global id 0, row 3 is 4. Row 0 is cited by row 1; row 3 by rows 0 and 4; row 1 by
    # rows 0, 0, 2, 3; row 4 by row 5.
    found = sampler.sample(np.array([0, 4]), epoch=0, batch=0)
    assert found.nodes["paper"].tolist() == [0, 4, 3, 5, 1, 2]
    assert found.num_nodes_per_hop == {"paper": [2, 2, 2]}
    edges = found.edges[CITES]
    assert edges.indptr.tolist() == [0, 1, 3, 7, 8]
    assert edges.indices.tolist() == [2, 0, 3, 0, 0, 4, 1, 5]
    assert edges.num_per_hop == [3, 5]
    assert edges.position.tolist() == [0, 6, 7, 2, 3, 4, 5, 8]
    assert sampler.edge_ids(found, CITES).tolist() == [2, 5, 4, 0, 7, 1, 3, 6]
    assert (found.epoch, found.batch) == (0, 0)


def test_all_neighbors_of_a_hand_made_heterogeneous_graph(scholars_graph):
    sampler = NeighborSampler(scholars_graph, {WRITES: [-1, -1], CITES: [-1, -1], BY: [-1, -1]})
    # Paper row 1 (global id 2): written by rows 0, 1, 2 (global 1, 0, 2), cited by rows 3, 0, 2 in
    # the order of time (global 1, 0, 3).
    found = sampler.sample({"paper": np.array([2])}, epoch=0, batch=0)
    assert found.nodes["author"].tolist() == [1, 0, 2]
    assert found.nodes["paper"].tolist() == [2, 1, 0, 3]
    assert found.num_nodes_per_hop == {"author": [0, 3, 0], "paper": [1, 3, 0]}
    assert found.edges[WRITES].indptr.tolist() == [0, 3, 5, 6, 6]
    assert found.edges[WRITES].indices.tolist() == [0, 1, 2, 1, 2, 0]
    assert found.edges[CITES].indptr.tolist() == [0, 3, 3, 3, 5]
    assert found.edges[CITES].indices.tolist() == [1, 2, 3, 0, 2]
    # Authors are expanded at the second hop, in the order of their local ids: rows 0, 1, 2.
    assert found.edges[BY].indptr.tolist() == [0, 2, 4, 6]
    assert found.edges[BY].indices.tolist() == [2, 0, 0, 1, 0, 1]
    assert found.edges[BY].num_per_hop == [0, 6]


def test_a_seed_without_in_edges_is_alone(papers_graph):
    found = NeighborSampler(papers_graph, [5, 5]).sample(np.array([2]), epoch=0, batch=0)
    assert found.nodes["paper"].tolist() == [2]
    assert found.num_nodes_per_hop == {"paper": [1, 0, 0]}
    assert found.edges[CITES].indptr.tolist() == [0, 0]
    assert found.edges[CITES].indices.tolist() == []
    assert found.edges[CITES].num_per_hop == [0, 0]


def test_with_replacement_every_node_with_in_edges_gets_the_fanout(papers_graph):
    found = NeighborSampler(papers_graph, [7], replace=True).sample(
        np.array([0, 2, 3]), epoch=0, batch=0
    )
    # Global id 0 has one in-edge, 2 none, 3 four.
    assert np.diff(found.edges[CITES].indptr).tolist() == [7, 0, 7]
    assert found.edges[CITES].indices[:7].tolist() == [2] * 7


def test_edge_types_left_out_are_not_followed(scholars_graph):
    sampler = NeighborSampler(scholars_graph, {CITES: [-1]})
    found = sampler.sample({"paper": np.array([2])}, epoch=0, batch=0)
    assert list(found.edges) == [CITES]
    assert found.nodes["author"].tolist() == []
    assert found.num_nodes_per_hop["author"] == [0, 0]


def test_seeds_of_two_types(two_type_parts):
    graph, raw = two_type_parts[2], two_types()
    seeds = {USER: [3, 1], ITEM: [7]}
    fanouts = {BUYS: [3, 2], SOLD_TO: [2, 2], LIKE: [4, 1]}
    sampler = NeighborSampler(graph, fanouts, seed=5)
    found = sampler.sample(
        {name: global_ids(graph, name, rows) for name, rows in seeds.items()}, epoch=1, batch=2
    )
    assert raw_rows(graph, sampler, found) == reference.sample(
        raw, seeds, fanouts, seed=5, epoch=1, batch=2
    )


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("fanouts", [[4, 3, 2], [1], [-1, 3], [40, 35], [3, -1]])
def test_the_slow_reference_draws_the_same(one_type_parts, fanouts, replace):
    graph, raw = one_type_parts[8], one_type()
    seeds = [5, 0, 199, 17, 44]
    sampler = NeighborSampler(graph, fanouts, seed=11, replace=replace)
    found = sampler.sample(global_ids(graph, NODE, seeds), epoch=3, batch=9)
    assert raw_rows(graph, sampler, found) == reference.sample(
        raw, {NODE: seeds}, {TO: fanouts}, seed=11, epoch=3, batch=9, replace=replace
    )


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("parts", [1, 2, 8, 40])
def test_parts_and_threads_do_not_change_the_edges(one_type_parts, parts, num_threads):
    graph, raw = one_type_parts[parts], one_type()
    seeds = np.random.default_rng(1).permutation(200)[:64]
    sampler = NeighborSampler(graph, [5, 4, 3], seed=2, num_threads=num_threads)
    found = sampler.sample(global_ids(graph, NODE, seeds), epoch=0, batch=1)
    assert raw_rows(graph, sampler, found) == reference.sample(
        raw, {NODE: seeds.tolist()}, {TO: [5, 4, 3]}, seed=2, batch=1
    )


@pytest.mark.parametrize("num_threads", [1, 2])
@pytest.mark.parametrize("parts", [1, 2, 8])
def test_parts_and_threads_do_not_change_heterogeneous_edges(two_type_parts, parts, num_threads):
    graph, raw = two_type_parts[parts], two_types()
    fanouts = {BUYS: [3, 2, 2], LIKE: [4, -1, 1], SOLD_TO: [2, 2, 2]}
    sampler = NeighborSampler(graph, fanouts, num_threads=num_threads)
    seeds = global_ids(graph, ITEM, range(20))
    found = sampler.sample({ITEM: seeds}, epoch=4, batch=0)
    assert raw_rows(graph, sampler, found) == reference.sample(
        raw, {ITEM: list(range(20))}, fanouts, epoch=4
    )


def test_many_threads_share_a_large_batch(one_type_parts):
    """A batch of many chunks: threads really draw different parts of it."""
    graph = one_type_parts[2]
    seeds = np.arange(200)
    alone = NeighborSampler(graph, [30, 30], replace=True)
    shared = NeighborSampler(graph, [30, 30], replace=True, num_threads=4)
    for batch in range(5):
        one = alone.sample(seeds, epoch=0, batch=batch)
        four = shared.sample(seeds, epoch=0, batch=batch)
        assert np.array_equal(one.nodes[NODE], four.nodes[NODE])
        assert np.array_equal(one.edges[TO].indices, four.edges[TO].indices)
        assert np.array_equal(one.edges[TO].position, four.edges[TO].position)


def test_batches_do_not_disturb_one_another(one_type_parts):
    graph = one_type_parts[2]
    sampler = NeighborSampler(graph, [5, 5])
    kept = [sampler.sample(np.arange(50), epoch=0, batch=batch) for batch in range(3)]
    copies = [(found.nodes[NODE].copy(), found.edges[TO].indices.copy()) for found in kept]
    for batch in range(20):
        sampler.sample(np.arange(100), epoch=1, batch=batch)
    for found, (nodes, indices) in zip(kept, copies, strict=True):
        assert np.array_equal(found.nodes[NODE], nodes)
        assert np.array_equal(found.edges[TO].indices, indices)
