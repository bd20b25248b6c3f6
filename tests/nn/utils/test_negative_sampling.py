from collections import Counter
from itertools import product

import networkx as nx
import pytest
import torch
import torch_geometric.utils
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils import (
    batched_negative_sampling,
    negative_sampling,
    structured_negative_sampling,
    structured_negative_sampling_feasible,
)
from distgnn.nn.utils.pairs import Pairs, draw_distinct
from tests.nn.utils.strategies import graphs, pairs_of

EDGES = torch.tensor([[0, 1, 2, 2, 0, 3, 1], [1, 0, 2, 3, 1, 2, 2]])
NON_EDGES = {(0, 2), (0, 3), (1, 3), (2, 0), (2, 1), (3, 0), (3, 1)}
METHODS = ["sparse", "dense"]


def non_edges(edges, num_nodes):
    """All pairs that are no edges, one by one."""
    linked = set(pairs_of(edges))
    return {p for p in product(range(num_nodes), repeat=2) if p not in linked and p[0] != p[1]}


@pytest.mark.parametrize("method", METHODS)
def test_asking_for_more_than_there_are_gives_all(method):
    drawn = pairs_of(negative_sampling(EDGES, 4, 100, method))
    assert len(drawn) == 7
    assert set(drawn) == NON_EDGES


@pytest.mark.parametrize("method", METHODS)
def test_all_non_edges_are_equally_likely(method):
    torch.manual_seed(0)
    draws = [pairs_of(negative_sampling(EDGES, 4, 3, method)) for _ in range(1500)]
    assert set(map(len, draws)) == {3}
    counts = Counter(pair for drawn in draws for pair in drawn)
    assert set(counts) == NON_EDGES
    assert chisquare(list(counts.values())).pvalue > 1e-4
    first = Counter(drawn[0] for drawn in draws)
    assert chisquare(list(first.values())).pvalue > 1e-4


@settings(max_examples=80)
@given(graph=graphs(), method=st.sampled_from(METHODS), data=st.data())
def test_negatives_are_different_non_edges(graph, method, data):
    edges, num_nodes = graph
    possible = non_edges(edges, num_nodes)
    wanted = data.draw(st.integers(0, len(possible) + 2))
    drawn = pairs_of(negative_sampling(edges, num_nodes, wanted, method))
    assert len(drawn) == min(wanted, len(possible))
    assert len(set(drawn)) == len(drawn)
    assert set(drawn) <= possible


@settings(max_examples=80)
@given(graph=graphs(), method=st.sampled_from(METHODS))
def test_undirected_negatives_are_the_complement_graph(graph, method):
    edges, num_nodes = graph
    original = nx.Graph(pairs_of(edges))
    original.add_nodes_from(range(num_nodes))
    expected = {frozenset(pair) for pair in nx.complement(original).edges if len(set(pair)) == 2}
    drawn = negative_sampling(edges, num_nodes, 200, method, force_undirected=True)
    half = drawn.size(1) // 2
    assert torch.equal(drawn[:, :half], drawn[:, half:].flip(0))
    found = [frozenset(pair) for pair in pairs_of(drawn[:, :half])]
    assert len(found) == len(expected)
    assert set(found) == expected


@settings(max_examples=40)
@given(graph=graphs(), method=st.sampled_from(METHODS))
def test_bipartite_negatives_may_have_equal_ends(graph, method):
    edges, num_nodes = graph
    sizes = (num_nodes, num_nodes + 2)
    possible = set(product(*map(range, sizes))) - set(pairs_of(edges))
    drawn = pairs_of(negative_sampling(edges, sizes, 200, method))
    assert len(drawn) == len(possible)
    assert set(drawn) == possible


@pytest.mark.parametrize(("asked", "expected"), [(None, 3), (2, 2), (0.5, 1), (2.0, 6), (0, 0)])
def test_numbers_of_negatives_are_those_of_torch_geometric(asked, expected):
    edges = torch.tensor([[0, 1, 2], [1, 2, 3]])
    assert negative_sampling(edges, 30, asked).shape == (2, expected)
    if expected:
        theirs = torch_geometric.utils.negative_sampling(edges, 30, asked)
        assert theirs.shape == (2, expected)


def test_edge_cases():
    empty = torch.empty(2, 0, dtype=torch.int64)
    assert negative_sampling(empty).shape == (2, 0)
    assert negative_sampling(empty, 1, 5).shape == (2, 0)
    assert negative_sampling(empty, 2, 5).size(1) == 2
    complete = (1 - torch.eye(4)).nonzero().t()
    for method in METHODS:
        assert negative_sampling(complete, 4, 3, method).shape == (2, 0)
        assert negative_sampling(complete, 4, 3, method).dtype == torch.int64


def test_draws_follow_torch_seeds():
    torch.manual_seed(3)
    first = negative_sampling(EDGES, 50)
    torch.manual_seed(3)
    assert torch.equal(first, negative_sampling(EDGES, 50))


def test_graphs_of_any_size():
    edges = torch.tensor([[0, 10**9], [1, 0]])
    drawn = negative_sampling(edges, 2 * 10**9, 1000)
    assert drawn.shape == (2, 1000)
    assert drawn.max() > 10**9
    with pytest.raises(ArgumentError, match="pairs of nodes cannot be numbered"):
        negative_sampling(edges, 4 * 10**9)


@settings(max_examples=60)
@given(
    parts=st.lists(graphs(max_nodes=5, max_edges=8), min_size=1, max_size=4),
    method=st.sampled_from(METHODS),
    undirected=st.booleans(),
    shuffled=st.booleans(),
)
def test_negatives_of_a_batch_stay_within_each_graph(parts, method, undirected, shuffled):
    sizes = torch.tensor([num_nodes for _, num_nodes in parts])
    first = sizes.cumsum(0) - sizes
    batch = torch.arange(len(parts)).repeat_interleave(sizes)
    edges = torch.cat([e + f for (e, _), f in zip(parts, first, strict=True)], dim=1)
    if shuffled:
        edges = edges[:, torch.randperm(edges.size(1))]
    drawn = batched_negative_sampling(edges, batch, 50, method, undirected)
    owner = batch[drawn[0]]
    assert torch.equal(owner, batch[drawn[1]])
    assert torch.equal(owner, owner.sort().values)
    for graph, (part, num_nodes) in enumerate(parts):
        both = torch.cat([part, part.flip(0)], dim=1) if undirected else part
        found = pairs_of(drawn[:, owner == graph] - first[graph])
        assert len(found) == len(set(found))
        assert set(found) == non_edges(both, num_nodes)


def test_each_graph_of_a_batch_gets_its_own_number():
    edges = torch.tensor([[0, 1, 2, 10, 3], [1, 2, 3, 12, 0]])
    batch = torch.tensor([0] * 10 + [1] * 10)
    assert batched_negative_sampling(edges, batch).size(1) == 5
    drawn = batched_negative_sampling(edges, batch)
    assert batch[drawn[0]].bincount().tolist() == [4, 1]
    assert batch[batched_negative_sampling(edges, batch, 3)[0]].bincount().tolist() == [3, 3]
    theirs = torch_geometric.utils.batched_negative_sampling(edges[:, [0, 1, 2, 4, 3]], batch, 3)
    assert batch[theirs[0]].bincount().tolist() == [3, 3]
    assert batch[batched_negative_sampling(edges, batch, 2.0)[0]].bincount().tolist() == [8, 2]


def test_bipartite_batches():
    edges = torch.tensor([[0, 1, 2], [0, 1, 3]])
    batches = (torch.tensor([0, 0, 1]), torch.tensor([0, 0, 0, 1, 1]))
    drawn = pairs_of(batched_negative_sampling(edges, batches, 10))
    assert sorted(drawn) == [(0, 1), (0, 2), (1, 0), (1, 2), (2, 4)]


@settings(max_examples=60)
@given(sizes=st.lists(st.integers(0, 30), min_size=1, max_size=4), data=st.data())
def test_distinct_draws(sizes, data):
    counts = [data.draw(st.integers(0, size)) for size in sizes]
    groups, numbers = draw_distinct(torch.tensor(sizes), torch.tensor(counts))
    assert groups.tolist() == [g for g, count in enumerate(counts) for _ in range(count)]
    for group, size in enumerate(sizes):
        mine = numbers[groups == group].tolist()
        assert len(set(mine)) == len(mine)
        assert all(0 <= number < size for number in mine)


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_distinct_draws_are_uniform_in_subset_and_order(count):
    torch.manual_seed(1)
    rounds = torch.full((4000,), 5)
    numbers = draw_distinct(rounds, torch.full((4000,), count))[1].view(4000, count)
    counts = Counter(map(tuple, numbers.tolist()))
    possible = torch.arange(5 - count + 1, 6).prod()
    assert len(counts) == possible
    assert chisquare(list(counts.values())).pvalue > 1e-4


@pytest.mark.parametrize("kind", ["all", "no_loops", "undirected"])
@pytest.mark.parametrize("size", range(1, 9))
def test_numbers_of_pairs_are_one_to_one(kind, size):
    pairs = Pairs(torch.tensor([size]), torch.tensor([size]), kind)
    count = int(pairs.counts())
    numbers = torch.arange(count)
    graph = torch.zeros_like(numbers)
    src, dst = pairs.pair(graph, numbers)
    assert len(set(zip(src.tolist(), dst.tolist(), strict=True))) == count
    assert torch.equal(pairs.number(graph, src, dst), numbers)
    if kind == "undirected":
        assert bool((src < dst).all())
        assert torch.equal(pairs.number(graph, dst, src), numbers)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match="method='fast' is unknown; expected one of 'sparse'"):
        negative_sampling(EDGES, method="fast")
    with pytest.raises(ArgumentError, match="num_neg_samples=-1 must be a number"):
        negative_sampling(EDGES, num_neg_samples=-1)
    with pytest.raises(ArgumentError, match="bipartite graph have no reverse"):
        negative_sampling(EDGES, (4, 4), force_undirected=True)
    with pytest.raises(ArgumentError, match="there are 3 and 3 nodes"):
        negative_sampling(EDGES, 3)
    with pytest.raises(ArgumentError, match="batch decreases"):
        batched_negative_sampling(EDGES, torch.tensor([0, 1, 0, 1]))
    with pytest.raises(ArgumentError, match="links nodes of two graphs"):
        batched_negative_sampling(EDGES, torch.tensor([0, 0, 1, 1]))


@settings(max_examples=80)
@given(graph=graphs(), loops=st.booleans())
def test_structured_negatives_are_never_linked(graph, loops):
    edges, num_nodes = graph
    linked = set(pairs_of(edges))
    possible = {
        node: {k for k in range(num_nodes) if (node, k) not in linked and (loops or k != node)}
        for node in range(num_nodes)
    }
    feasible = structured_negative_sampling_feasible(edges, num_nodes, loops)
    assert feasible == all(possible.values())
    if not all(possible[node] for node in edges[0].tolist()):
        with pytest.raises(ArgumentError, match="no negative for its edges"):
            structured_negative_sampling(edges, num_nodes, loops)
        return
    i, j, k = structured_negative_sampling(edges, num_nodes, loops)
    assert torch.equal(torch.stack([i, j]), edges)
    assert all(b in possible[a] for a, b in zip(i.tolist(), k.tolist(), strict=True))


def test_structured_negatives_are_equally_likely():
    torch.manual_seed(0)
    edges = torch.tensor([[0, 2], [3, 2]]).repeat(1, 3000)
    i, _, k = structured_negative_sampling(edges, 6)
    for node, expected in {0: {0, 1, 2, 4, 5}, 2: {0, 1, 3, 4, 5}}.items():
        counts = Counter(k[i == node].tolist())
        assert set(counts) == expected
        assert chisquare(list(counts.values())).pvalue > 1e-4


@settings(max_examples=40)
@given(graph=graphs(), loops=st.booleans())
def test_feasibility_is_that_of_torch_geometric(graph, loops):
    edges, num_nodes = graph
    theirs = torch_geometric.utils.structured_negative_sampling_feasible(edges, num_nodes, loops)
    assert structured_negative_sampling_feasible(edges, num_nodes, loops) == theirs
