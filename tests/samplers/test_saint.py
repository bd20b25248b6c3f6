"""GraphSAINT: draws against their definitions, and weights that make sums unbiased."""

import numpy as np
import pytest
from scipy import stats

from distgnn.samplers import SaintEdgeSampler, SaintNodeSampler, SaintWalkSampler
from tests.samplers.graphs import NODE, TO, global_ids, in_parts, raw_graph

NUM_NODES = 12
NUM_BATCHES = 4000


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A random graph of 12 nodes with every edge both ways, in 3 parts, and its adjacency."""
    rng = np.random.default_rng(1)
    upper = np.triu(rng.random((NUM_NODES, NUM_NODES)) < 0.3, 1)
    upper[0, 1:6] = True
    adjacency = upper | upper.T  # [destination, source]
    ends = np.stack([np.nonzero(adjacency)[1], np.nonzero(adjacency)[0]])
    graph = in_parts(raw_graph({NODE: NUM_NODES}, {TO: ends}), 3, tmp_path_factory.mktemp("saint"))
    assert adjacency.any(axis=1).all()
    return graph, adjacency


SAMPLERS = {
    "node": lambda graph, **kw: SaintNodeSampler(graph, num_nodes=5, **kw),
    "edge": lambda graph, **kw: SaintEdgeSampler(graph, num_edges=3, **kw),
    "walk": lambda graph, **kw: SaintWalkSampler(graph, num_roots=2, walk_length=2, **kw),
}


def rows_of(graph, found):
    return graph.index_of(NODE, found.nodes[NODE])


@pytest.mark.parametrize("name", SAMPLERS)
def test_weighted_sums_are_unbiased(small, name):
    """Over many batches, the mean weighted loss and messages are those of the full graph."""
    graph, adjacency = small
    seeds = np.array([0, 2, 3, 5, 6, 7, 9, 11])
    value = np.random.default_rng(5).normal(3, 1, NUM_NODES)
    sampler = SAMPLERS[name](
        graph, seeds=global_ids(graph, NODE, seeds), coverage=3000, num_batches=1, seed=2
    )
    losses, messages, drawn = [], np.zeros(NUM_NODES), np.zeros(NUM_NODES)
    for batch in range(NUM_BATCHES):
        found = sampler.sample_batch(epoch=0, batch=batch)
        rows = rows_of(graph, found)
        batch_size = found.num_nodes_per_hop[NODE][0]
        assert set(rows[:batch_size]) <= set(seeds)
        weighted = found.seed_weight * value[rows[:batch_size]]
        losses.append(weighted.sum() / batch_size if batch_size else 0.0)
        csc = found.edges[TO]
        target = np.repeat(np.arange(len(rows)), np.diff(csc.indptr))
        sums = np.bincount(target, csc.weight * value[rows[csc.indices]], minlength=len(rows))
        messages[rows] += sums
        drawn[rows] += 1
    error = np.std(losses) / np.sqrt(NUM_BATCHES)
    assert np.mean(losses) == pytest.approx(value[seeds].mean(), abs=4 * error)
    # The sum over in-neighbours is unbiased given that the target is drawn.
    np.testing.assert_allclose(messages / drawn, adjacency @ value, rtol=0.06)


def test_without_weights_sums_would_be_biased(small):
    graph, adjacency = small
    sampler = SAMPLERS["walk"](graph, seeds=global_ids(graph, NODE, range(NUM_NODES)), coverage=20)
    degree, drawn = np.zeros(NUM_NODES), np.zeros(NUM_NODES)
    for batch in range(500):
        found = sampler.sample_batch(epoch=0, batch=batch)
        rows = rows_of(graph, found)
        degree[rows] += np.diff(found.edges[TO].indptr)
        drawn[rows] += 1
    assert (degree / drawn < 0.8 * adjacency.sum(axis=1)).any()


def test_nodes_are_drawn_by_the_norms_of_their_columns(small):
    graph, adjacency = small
    sampler = SaintNodeSampler(graph, np.arange(NUM_NODES), num_nodes=1, coverage=1, seed=4)
    count = np.zeros(NUM_NODES, np.int64)
    for batch in range(NUM_BATCHES):
        count[rows_of(graph, sampler.sample_batch(epoch=1, batch=batch))] += 1
    mean = adjacency / adjacency.sum(axis=1, keepdims=True)
    share = (mean**2).sum(axis=0) / (mean**2).sum()
    assert stats.chisquare(count, NUM_BATCHES * share).pvalue > 0.001


def test_edges_are_drawn_by_the_inverse_degrees_of_their_ends(small):
    graph, adjacency = small
    sampler = SaintEdgeSampler(graph, np.arange(NUM_NODES), num_edges=1, coverage=1, seed=4)
    count = np.zeros((NUM_NODES, NUM_NODES), np.int64)
    for batch in range(NUM_BATCHES):
        rows = np.sort(rows_of(graph, sampler.sample_batch(epoch=1, batch=batch)))
        count[rows[0], rows[1]] += 1
    degree = adjacency.sum(axis=1)
    weight = np.triu(adjacency * (1 / degree[:, None] + 1 / degree))
    there = weight > 0
    assert count[~there].sum() == 0
    expected = NUM_BATCHES * weight[there] / weight.sum()
    assert stats.chisquare(count[there], expected).pvalue > 0.001


def test_walks_step_to_in_neighbours_uniformly(small):
    graph, adjacency = small
    sampler = SaintWalkSampler(
        graph, np.arange(NUM_NODES), num_roots=1, walk_length=1, coverage=1, seed=4
    )
    count = np.zeros((NUM_NODES, NUM_NODES), np.int64)
    for batch in range(NUM_BATCHES):
        root, end = sampler._rows(0, batch)
        count[root, end] += 1
    expected = NUM_BATCHES / NUM_NODES * adjacency / adjacency.sum(axis=1, keepdims=True)
    there = adjacency > 0
    assert count[~there].sum() == 0
    assert stats.chisquare(count[there], expected[there]).pvalue > 0.001


def test_probabilities_are_those_of_the_definition(small):
    graph, adjacency = small
    sampler = SAMPLERS["node"](graph, seeds=np.arange(NUM_NODES), coverage=4000)
    mean = adjacency / adjacency.sum(axis=1, keepdims=True)
    share = (mean**2).sum(axis=0) / (mean**2).sum()
    norm = sampler.norm
    probability = norm.node_count / norm.num_subgraphs
    np.testing.assert_allclose(probability, 1 - (1 - share) ** 5, rtol=0.08)
    assert norm.node_count.sum() == norm.num_drawn >= 4000 * NUM_NODES


def test_an_epoch_holds_as_many_nodes_as_the_graph_by_default(one_type_parts):
    graph = one_type_parts[2]
    sampler = SaintWalkSampler(
        graph, global_ids(graph, NODE, range(200)), num_roots=10, coverage=10
    )
    total = sum(
        len(sampler.sample_batch(epoch=0, batch=batch).nodes[NODE])
        for batch in range(sampler.num_batches)
    )
    assert total == pytest.approx(200, rel=0.2)
