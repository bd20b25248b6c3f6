"""Groups of sampling actors within this process, and what their batches must equal."""

import numpy as np

from distgnn.cluster.batch_maker import BatchMaker
from distgnn.cluster.part_map import PartMap
from distgnn.cluster.part_server import PartServer
from distgnn.cluster.peers import LocalPeer
from distgnn.shards import ShardedGraph


def split_parts(num_parts, num_actors):
    """Return the parts of each actor: neighbouring ones, as evenly as it goes."""
    return [tuple(map(int, parts)) for parts in np.array_split(np.arange(num_parts), num_actors)]


class CountingPeer(LocalPeer):
    """A peer that remembers what it was asked."""

    def __init__(self, server):
        super().__init__(server)
        self.draws, self.gathers = [], []

    def draw(self, request):
        self.draws.append(request)
        return super().draw(request)

    def gather(self, request):
        self.gathers.append(request)
        return super().gather(request)


class Group:
    """Actors that each have some parts of a graph open, and no others."""

    def __init__(self, graph, num_actors, **options):
        self.parts = split_parts(graph.num_parts, num_actors)
        graphs = [ShardedGraph.open(graph.path, parts=parts) for parts in self.parts]
        self.servers = [PartServer(opened) for opened in graphs]
        self.peers = [CountingPeer(server) for server in self.servers]
        self.makers = [
            BatchMaker(opened, self.peers, PartMap(self.parts, graph.num_parts, own), **options)
            for own, opened in enumerate(graphs)
        ]


def assert_same_subgraph(found, wanted):
    """Every array equal, in content and order."""
    assert (found.epoch, found.batch) == (wanted.epoch, wanted.batch)
    assert found.num_nodes_per_hop == wanted.num_nodes_per_hop
    for name, nodes in wanted.nodes.items():
        np.testing.assert_array_equal(found.nodes[name], nodes)
    assert list(found.edges) == list(wanted.edges)
    for name, edges in wanted.edges.items():
        np.testing.assert_array_equal(found.edges[name].indptr, edges.indptr)
        np.testing.assert_array_equal(found.edges[name].indices, edges.indices)
        np.testing.assert_array_equal(found.edges[name].position, edges.position)
        assert found.edges[name].num_per_hop == edges.num_per_hop
        assert (found.edges[name].weight is None) == (edges.weight is None)
        if edges.weight is not None:
            np.testing.assert_array_equal(found.edges[name].weight, edges.weight)
