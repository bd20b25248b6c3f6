"""Batches from several owners of parts equal those of one machine, edge for edge."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.cluster.messages import SamplingRule, Traffic
from distgnn.exceptions import ArgumentError
from distgnn.samplers import make_sampler
from tests.cluster.groups import Group, assert_same_subgraph
from tests.samplers.graphs import BUYS, ITEM, LIKE, NODE, SOLD_TO, TO, USER, in_parts, raw_graph


def compare(graph, num_actors, rule, seeds, *, epoch=0, batch=0):
    """Check the batch that each actor makes; return what the last one asked others for."""
    local = make_sampler(rule.sampler, graph, rule.fanouts, replace=rule.replace, seed=rule.seed)
    wanted = local.sample(seeds, epoch=epoch, batch=batch)
    group = Group(graph, num_actors)
    traffic = Traffic()
    for maker in group.makers:
        traffic = Traffic()
        assert_same_subgraph(maker.sample(rule, seeds, epoch, batch, traffic), wanted)
    return traffic


@pytest.mark.parametrize("num_actors", [1, 2, 4, 8])
@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("fanouts", [[4, 3, 2], [-1, 2], [40]], ids=str)
def test_one_type(one_type_graph, num_actors, replace, fanouts):
    seeds = np.random.default_rng(num_actors).choice(200, size=20, replace=False)
    rule = SamplingRule(fanouts=fanouts, replace=replace, seed=7)
    compare(one_type_graph, num_actors, rule, {NODE: seeds}, epoch=3, batch=11)


@pytest.mark.parametrize("num_actors", [2, 4])
def test_several_types(two_types_graph, num_actors):
    rule = SamplingRule(fanouts={BUYS: [3, 2], SOLD_TO: [2, 2], LIKE: [1, 5]})
    seeds = {USER: np.array([5, 59, 0]), ITEM: np.array([33, 2])}
    compare(two_types_graph, num_actors, rule, seeds)


def test_edge_types_that_are_not_followed(two_types_graph):
    rule = SamplingRule(fanouts={LIKE: [2, 2, 2]})
    compare(two_types_graph, 4, rule, {ITEM: np.array([1, 89])})


@pytest.mark.parametrize("replace", [False, True])
def test_draws_by_weight(featured_graph, replace):
    rule = SamplingRule(fanouts=[4, 3, 2], sampler="weighted", replace=replace, seed=5)
    compare(featured_graph, 4, rule, {NODE: np.arange(0, 600, 13)}, epoch=1, batch=2)


@st.composite
def cases(draw):
    num_nodes = draw(st.integers(4, 30))
    node = st.integers(0, num_nodes - 1)
    edges = draw(st.lists(st.tuples(node, node), max_size=120))
    seeds = draw(st.lists(node, min_size=1, max_size=10, unique=True))
    fanouts = draw(st.lists(st.sampled_from([-1, 1, 2, 3, 40]), min_size=1, max_size=3))
    ends = np.array(edges, np.int64).reshape(-1, 2).T
    parts = draw(st.integers(2, 4))
    return num_nodes, ends, np.array(seeds), fanouts, parts, draw(st.integers(1, parts))


@settings(max_examples=25, deadline=None)
@given(case=cases(), replace=st.booleans(), batch=st.integers(0, 2**40))
def test_any_graph(case, replace, batch):
    num_nodes, ends, seeds, fanouts, num_parts, num_actors = case
    with tempfile.TemporaryDirectory() as folder:
        graph = in_parts(raw_graph({NODE: num_nodes}, {TO: ends}), num_parts, Path(folder))
        rule = SamplingRule(fanouts=fanouts, replace=replace)
        compare(graph, num_actors, rule, {NODE: seeds}, batch=batch)


def test_one_call_to_each_other_owner_at_each_hop(two_types_graph):
    group = Group(two_types_graph, 4)
    rule = SamplingRule(fanouts=[5, 5, 5])
    seeds = {USER: np.arange(60), ITEM: np.arange(90)}
    traffic = Traffic()
    group.makers[1].sample(rule, seeds, 0, 0, traffic)
    assert [len(peer.draws) for peer in group.peers] == [1, 1, 1, 1]  # all is found at hop one
    assert traffic.num_calls == 3
    assert traffic.num_bytes > 0
    assert len(traffic.hop_s) == 3


def test_owners_are_asked_for_their_own_nodes_only(one_type_graph):
    group = Group(one_type_graph, 4)
    seeds = {NODE: np.arange(0, 200, 7)}
    group.makers[0].sample(SamplingRule(fanouts=[3, 3]), seeds, 0, 0, Traffic())
    for peer, parts in zip(group.peers, group.parts, strict=True):
        for request in peer.draws:
            assert set(one_type_graph.owner(NODE, request.nodes[NODE]).tolist()) <= set(parts)


def test_one_actor_with_all_parts_asks_nobody(one_type_graph):
    seeds = {NODE: np.array([1, 2])}
    traffic = compare(one_type_graph, 1, SamplingRule(fanouts=[3, 3]), seeds)
    assert (traffic.num_calls, traffic.num_bytes) == (0, 0)


@pytest.mark.parametrize(
    ("rule", "seeds", "words"),
    [
        (SamplingRule(fanouts=[0]), [1], "a fanout is at least 1"),
        (SamplingRule(fanouts=[1], seed=-1), [1], "seed must be"),
        (SamplingRule(fanouts=[1], sampler="labor"), [1], "'labor' needs all parts"),
        (SamplingRule(fanouts=[1]), [3, 3], "more than once"),
        (SamplingRule(fanouts=[1]), [200], "ids hold 200"),
    ],
)
def test_bad_requests(one_type_graph, rule, seeds, words):
    group = Group(one_type_graph, 2)
    with pytest.raises(ArgumentError, match=words):
        group.makers[0].sample(rule, {NODE: np.array(seeds)}, 0, 0, Traffic())
