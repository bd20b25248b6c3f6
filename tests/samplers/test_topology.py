import gc
import weakref

import numpy as np
import pytest

from distgnn.samplers import NeighborSampler
from distgnn.samplers.topology import num_copied_bytes, topology
from distgnn.shards import ShardedGraph
from tests.samplers.graphs import NODE, TO


def test_samplers_of_a_graph_share_a_copy(one_type_parts):
    graph = one_type_parts[2]
    assert topology(graph, in_memory=True) is topology(graph)
    assert topology(graph, in_memory=False) is not topology(graph)


def test_a_copy_goes_away_with_its_graph(one_type_parts):
    graph = ShardedGraph.open(one_type_parts[2].path)
    copied = weakref.ref(graph)
    topology(graph)
    del graph
    gc.collect()
    assert copied() is None


def test_only_what_fits_is_copied_unless_asked_for(one_type_parts, monkeypatch):
    graph = ShardedGraph.open(one_type_parts[2].path)
    assert num_copied_bytes(graph, range(2)) == 4 * 1500 + 16 * 200
    monkeypatch.setattr("distgnn.samplers.topology.MEMORY_SHARE", 0)
    assert topology(graph) is topology(graph, in_memory=False)


@pytest.mark.parametrize("in_memory", [False, True])
def test_the_sampler_can_be_told(one_type_parts, in_memory):
    graph = one_type_parts[8]
    asked = NeighborSampler(graph, [5, 5], in_memory=in_memory)
    found = asked.sample(np.arange(20), epoch=0, batch=0)
    expected = NeighborSampler(graph, [5, 5]).sample(np.arange(20), epoch=0, batch=0)
    assert np.array_equal(found.edges[TO].position, expected.edges[TO].position)
    assert np.array_equal(found.nodes[NODE], expected.nodes[NODE])
