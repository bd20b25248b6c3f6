"""Trees that share no node."""

import numpy as np
import pytest

from distgnn.samplers import LaborSampler, NeighborSampler, WeightedSampler
from distgnn.testing.graphs import BY, CITES, WRITES
from tests.samplers.graphs import BUYS, ITEM, LIKE, NODE, SOLD_TO, TO, USER, global_ids


def test_two_trees_of_a_hand_made_graph(papers_graph):
    """Global id 3 is cited by ids 0, 0, 1, 4, and 4 by 0, 5."""
    found = NeighborSampler(papers_graph, [-1], disjoint=True).sample(
        np.array([3, 4, 3]), epoch=0, batch=0
    )
    assert found.nodes["paper"].tolist() == [3, 4, 3, 0, 1, 4, 0, 5, 0, 1, 4]
    assert found.trees["paper"].tolist() == [0, 1, 2, 0, 0, 0, 1, 1, 2, 2, 2]
    assert found.num_nodes_per_hop == {"paper": [3, 8]}
    assert found.edges[CITES].indptr.tolist() == [0, 4, 6, 10]
    assert found.edges[CITES].indices.tolist() == [3, 3, 4, 5, 6, 7, 8, 8, 9, 10]
    assert found.edges[CITES].position.tolist() == [2, 3, 4, 5, 6, 7, 2, 3, 4, 5]


def test_trees_without_being_asked_for_are_none(papers_graph):
    assert NeighborSampler(papers_graph, [2]).sample(np.array([3]), epoch=0, batch=0).trees is None


@pytest.mark.parametrize("sampler_class", [NeighborSampler, LaborSampler])
def test_every_tree_is_what_its_seed_gets_alone(one_type_parts, sampler_class):
    graph = one_type_parts[8]
    seeds = global_ids(graph, NODE, [5, 0, 199, 17, 5])
    sampler = sampler_class(graph, [4, 3, 2], disjoint=True)
    found = sampler.sample(seeds, epoch=2, batch=1)
    edges = found.edges[TO]
    target = np.repeat(np.arange(len(edges.indptr) - 1), np.diff(edges.indptr))
    trees = found.trees[NODE]
    for tree, seed in enumerate(seeds):
        alone = sampler_class(graph, [4, 3, 2]).sample(np.array([seed]), epoch=2, batch=1)
        assert found.nodes[NODE][trees == tree].tolist() == alone.nodes[NODE].tolist()
        mine = edges.position[trees[target] == tree]
        assert mine.tolist() == alone.edges[TO].position.tolist()


def test_trees_of_several_types_count_seeds_through_all_of_them(two_type_parts):
    graph = two_type_parts[2]
    seeds = {ITEM: np.array([7, 7]), USER: np.array([3])}
    fanouts = {SOLD_TO: [2, 2], LIKE: [4, 1], BUYS: [3, 2]}
    found = NeighborSampler(graph, fanouts, disjoint=True).sample(seeds, epoch=0, batch=0)
    assert found.trees[USER][:1].tolist() == [0]
    assert found.trees[ITEM][:2].tolist() == [1, 2]
    for (src, _, dst), edges in found.edges.items():
        target = np.repeat(np.arange(len(edges.indptr) - 1), np.diff(edges.indptr))
        assert np.array_equal(found.trees[src][edges.indices], found.trees[dst][target])


def test_weighted_trees(papers_graph):
    sampler = WeightedSampler(papers_graph, [2], disjoint=True)
    found = sampler.sample(np.array([3, 3]), epoch=0, batch=0)
    first, second = found.edges[CITES].position.reshape(2, 2)
    assert np.array_equal(first, second)


def test_edge_types_of_trees(scholars_graph):
    sampler = NeighborSampler(
        scholars_graph, {WRITES: [-1], CITES: [-1], BY: [-1]}, disjoint=True, num_threads=2
    )
    found = sampler.sample({"paper": np.array([2, 3])}, epoch=0, batch=0)
    assert found.trees["author"].tolist() == [0, 0, 0]
    assert found.trees["paper"].tolist() == [0, 1, 0, 0, 0, 1, 1]
