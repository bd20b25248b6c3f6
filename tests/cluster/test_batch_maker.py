"""Whole batches of several owners: features, labels and edge columns; cache and wire types."""

import numpy as np
import pytest
import torch

from distgnn.cluster.feature_cache import hottest, row_bytes
from distgnn.cluster.messages import SamplingRule, num_bytes
from distgnn.cluster.part_map import PartMap
from distgnn.cluster.part_server import PartServer
from distgnn.exceptions import ArgumentError
from distgnn.loader import Collator
from distgnn.samplers import NeighborSampler
from distgnn.schema import FeatureSpec
from distgnn.shards import ShardedGraph
from tests.cluster.groups import Group, split_parts

RULE = SamplingRule(fanouts=[4, 3], seed=1)
SEEDS = np.arange(0, 600, 17)
TO = ("node", "to", "node")


def local_batch(graph, node_type, seeds, rule=RULE):
    sampler = NeighborSampler(graph, rule.fanouts, seed=rule.seed)
    return Collator(graph, node_type)(sampler.sample({node_type: seeds}, epoch=1, batch=5))


def made(group, actor=0, seeds=SEEDS, node_type="node", rule=RULE, **options):
    return group.makers[actor].make(rule, node_type, seeds, epoch=1, batch=5, **options)


def assert_same(found, wanted):
    for name, x in wanted.x_dict.items():
        np.testing.assert_array_equal(found.x[name], x)
    if wanted.y is None:
        assert found.y is None
    else:
        np.testing.assert_array_equal(found.y, wanted.y)
        assert torch.from_numpy(found.y).dtype == wanted.y.dtype
    for name, adj in wanted.adj_dict.items():
        np.testing.assert_array_equal(found.edges[name].indices, adj.indices)
        if adj.weight is None:
            assert found.edges[name].weight is None
        else:
            np.testing.assert_array_equal(found.edges[name].weight, adj.weight)
    for name, attr in wanted.edge_attr_dict.items():
        np.testing.assert_array_equal(found.edges[name].edge_attr, attr)


@pytest.mark.parametrize("num_actors", [1, 2, 4])
@pytest.mark.parametrize("cache_bytes", [0, 3000])
def test_batches_equal_those_of_the_collator(featured_graph, num_actors, cache_bytes):
    group = Group(featured_graph, num_actors, cache_bytes=cache_bytes)
    wanted = local_batch(featured_graph, "node", SEEDS)
    for actor in range(num_actors):
        assert_same(made(group, actor), wanted)


@pytest.mark.parametrize("node_type", ["author", "paper"])
def test_sparse_features_edge_features_and_types_without_features(scholars_graph, node_type):
    """float16 sparse features of papers, float32 features of `writes`, authors with nothing."""
    rule = SamplingRule(fanouts=[2, -1])
    seeds = np.array([2, 0])
    wanted = local_batch(scholars_graph, node_type, seeds, rule)
    for cache_bytes in (0, 1000):
        group = Group(scholars_graph, 2, cache_bytes=cache_bytes)
        for actor in (0, 1):
            assert_same(made(group, actor, seeds, node_type, rule), wanted)


def test_features_that_the_trainer_has_are_left_out(featured_graph):
    group = Group(featured_graph, 4)
    found = made(group, open_parts=(0, 3))
    owners = featured_graph.owner("node", found.nodes["node"])
    absent = np.isin(owners, [1, 2])
    whole = made(group)
    np.testing.assert_array_equal(found.x["node"], whole.x["node"][absent])
    assert len(made(group, open_parts=(0, 1, 2, 3)).x["node"]) == 0


def test_one_gather_call_to_each_other_owner(featured_graph):
    group = Group(featured_graph, 4)
    found = made(group)
    assert [len(peer.gathers) for peer in group.peers] == [1, 1, 1, 1]
    assert found.traffic.num_calls == 3 * (2 + 1)
    assert len(found.traffic.hop_s) == 3


def test_the_cache_saves_bytes_and_counts_its_hits(featured_graph):
    plain, cached = Group(featured_graph, 2), Group(featured_graph, 2, cache_bytes=64 * 100)
    before, after = made(plain).traffic, made(cached).traffic
    assert before.num_cache_lookups == 0
    remote = after.num_cache_lookups
    assert 0 < after.num_cache_hits < remote
    assert before.num_bytes - after.num_bytes == after.num_cache_hits * (64 + 8)
    # The nodes that are drawn most often are the ones at hand: a sixth of all.
    assert after.num_cache_hits / remote > 2 * 100 / 600


def test_a_cache_for_everything_asks_for_labels_only(featured_graph):
    group = Group(featured_graph, 2, cache_bytes=10**6)
    for peer in group.peers:
        peer.gathers.clear()
    found = made(group)
    # Nodes with an edge into the own parts are kept: all remote sources but those of remote edges.
    assert found.traffic.num_cache_hits > 0.8 * found.traffic.num_cache_lookups


@pytest.mark.parametrize(
    ("wire_dtype", "tolerance"), [("float16", 1e-3), ("bfloat16", 8e-3), ("int8", 2e-2)]
)
@pytest.mark.parametrize("cache_bytes", [0, 2000])
def test_wire_types(featured_graph, wire_dtype, tolerance, cache_bytes):
    group = Group(featured_graph, 2, wire_dtype=wire_dtype, cache_bytes=cache_bytes)
    found = made(group)
    wanted = local_batch(featured_graph, "node", SEEDS)
    np.testing.assert_array_equal(found.y, wanted.y)
    x = wanted.x.numpy()
    scale = np.abs(x).max(axis=1, keepdims=True)
    assert (np.abs(found.x["node"] - x) <= tolerance * scale).all()
    own = featured_graph.owner("node", found.nodes["node"]) < 2
    np.testing.assert_array_equal(found.x["node"][own], x[own])
    exact = made(Group(featured_graph, 2))
    assert found.traffic.num_bytes < exact.traffic.num_bytes


def test_the_hottest_remote_nodes(featured_graph):
    part = ShardedGraph.open(featured_graph.path, parts=[2])
    into = np.bincount(featured_graph.edges(TO, 2).src, minlength=600)
    begin, end = featured_graph.offsets("node")[2:4]
    into[begin:end] = 0
    size = row_bytes(FeatureSpec(dim=16, dtype="float32"), "float32")
    ids = hottest(part, 20 * size + size - 1, "float32")["node"]
    assert len(ids) == 20
    assert sorted(into[ids].tolist(), reverse=True) == sorted(into.tolist(), reverse=True)[:20]
    assert hottest(part, 0, "float32") == {}


def test_every_part_needs_an_owner():
    with pytest.raises(ArgumentError, match=r"parts \[2\] of the graph's 3 .* with no sampling"):
        PartMap([(0,), (1,)], 3, own=0)
    with pytest.raises(ArgumentError, match=r"parts \[3\] of the graph's 3 parts are not there"):
        PartMap([(0, 1), (2, 3)], 3, own=0)


def test_an_actor_asks_itself_for_parts_that_several_have():
    own = PartMap([(0, 1), (1, 2)], 3, own=1)
    other = PartMap([(0, 1), (1, 2)], 3, own=0)
    assert own._owner_of_part == [0, 1, 1]
    assert other._owner_of_part == [0, 0, 1]


def test_a_server_answers_for_its_parts_only(featured_graph):
    parts = split_parts(4, 2)
    server = PartServer(ShardedGraph.open(featured_graph.path, parts=parts[0]), name="first")
    assert server.info().parts == (0, 1)
    assert server.info().fingerprint == featured_graph.fingerprint
    group = Group(featured_graph, 2)
    made(group)
    for request in group.peers[1].draws:
        with pytest.raises(ArgumentError, match="not open here"):
            server.draw(request)
    for request in group.peers[1].gathers:
        with pytest.raises(ArgumentError, match="not open"):
            server.gather(request)


def test_sizes_of_messages():
    assert num_bytes({"a": np.zeros(3), "b": {"c": np.zeros(2, np.int8)}}) == 26
    assert num_bytes("text") == 0


def test_a_sampler_that_chooses_its_seeds(featured_graph):
    rule = SamplingRule(fanouts=[2], sampler="saint_node", options={"budget": 10})
    with pytest.raises(ArgumentError, match="'saint_node' chooses the seeds of its batches itself"):
        made(Group(featured_graph, 1), rule=rule)


def test_other_samplers_need_all_parts(featured_graph):
    rule = SamplingRule(fanouts=[2], sampler="shadow")
    with pytest.raises(ArgumentError, match="'shadow' needs all parts on the machine"):
        made(Group(featured_graph, 2), rule=rule)
