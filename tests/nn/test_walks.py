from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.nn.walks import (
    OutEdges,
    metapath_walk,
    random_nodes,
    random_walk,
    sliding_windows,
    walk_memory,
)

# 0 - 1 - 2 - 0, 2 - 3, 3 -> 4 (a dead end), 5 alone, and 0 - 1 twice.
EDGES = torch.tensor(
    [[0, 1, 0, 1, 1, 2, 2, 0, 2, 3, 3], [1, 0, 1, 0, 2, 1, 0, 2, 3, 2, 4]], dtype=torch.int64
)
NODES = 6


def walks_from(start, num_steps, p=1.0, q=1.0, edges=EDGES, num_nodes=NODES):
    out = torch.empty(num_steps + 1, start.numel(), dtype=torch.int64)
    return random_walk(OutEdges.of(edges, num_nodes), start, p, q, out)


def frequencies(values, num_nodes=NODES):
    return torch.bincount(values, minlength=num_nodes) / values.numel()


def test_out_edges():
    edges = OutEdges.of(EDGES, NODES)
    assert edges.indptr.tolist() == [0, 3, 6, 9, 11, 11, 11]
    assert edges.indices.tolist() == [1, 1, 2, 0, 0, 2, 0, 1, 3, 2, 4]


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0), (4.0, 0.25)])
def test_walks_follow_edges_and_stay_at_dead_ends(p, q):
    pairs = set(map(tuple, EDGES.t().tolist())) | {(4, 4), (5, 5)}
    walks = walks_from(torch.arange(NODES).repeat(50), 7, p, q)
    assert torch.equal(walks[0], torch.arange(NODES).repeat(50))
    for before, after in pairwise(walks):
        assert set(zip(before.tolist(), after.tolist(), strict=True)) <= pairs


def test_uniform_steps():
    walks = walks_from(torch.zeros(40_000, dtype=torch.int64), 2)
    expected = torch.tensor([0, 2 / 3, 1 / 3, 0, 0, 0])  # the edge 0 - 1 is there twice
    torch.testing.assert_close(frequencies(walks[1]), expected, atol=0.01, rtol=0)
    from_2 = walks[2][walks[1] == 2]
    expected = torch.tensor([1 / 3, 1 / 3, 0, 1 / 3, 0, 0])
    torch.testing.assert_close(frequencies(from_2), expected, atol=0.02, rtol=0)


@pytest.mark.parametrize(("p", "q"), [(0.5, 2.0), (4.0, 0.25), (1e-9, 1.0), (1.0, 1e-9), (1e9, 1)])
def test_biased_steps(p, q):
    walks = walks_from(torch.zeros(60_000, dtype=torch.int64), 2, p, q)
    from_2 = walks[2][walks[1] == 2]  # 0 -> 2: back to 0, 1 is a neighbour of 0, 3 is not
    weights = torch.tensor([1 / p, 1, 0, 1 / q, 0, 0], dtype=torch.float64)
    expected = (weights / weights.sum()).float()
    torch.testing.assert_close(frequencies(from_2), expected, atol=0.015, rtol=0)


def test_as_torch_cluster_in_distribution():
    cluster = torch.ops.torch_cluster.random_walk
    edges, start = OutEdges.of(EDGES, NODES), torch.full((60_000,), 1)
    theirs = cluster(edges.indptr, edges.indices, start, 3, 0.5, 2.0)[0].t()
    ours = walks_from(start, 3, 0.5, 2.0)
    for mine, other in zip(ours[1:], theirs[1:], strict=True):
        torch.testing.assert_close(frequencies(mine), frequencies(other), atol=0.015, rtol=0)


def test_the_seed_alone_decides(monkeypatch):
    start = torch.arange(NODES).repeat(1000)
    found = []
    for threads in (1, 3):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        torch.manual_seed(3)
        found.append([walks_from(start, 5), walks_from(start, 5, 0.5, 2.0)])
    for a, b in zip(*found, strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(found[1][0], walks_from(start, 5))


def test_metapath():
    to_right = OutEdges(torch.tensor([0, 2, 2]), torch.tensor([3, 4]), first=1)
    to_left = OutEdges(torch.tensor([0, 1, 1]), torch.tensor([1]), first=3)
    start = torch.tensor([1, 2] * 500)
    walks = metapath_walk([to_right, to_left], start, 9, torch.empty(5, 1000, dtype=torch.int64))
    assert {tuple(walk) for walk in walks.t().tolist()} == {
        (1, 3, 1, 3, 1),
        (1, 3, 1, 4, 9),
        (1, 4, 9, 9, 9),
        (2, 9, 9, 9, 9),
    }


def test_random_nodes():
    start = torch.tensor([7, 8] * 5000)
    walks = random_nodes([(7, 2), (0, 3), (3, 1)], start, torch.empty(5, 10_000, dtype=torch.int64))
    assert torch.equal(walks[0], start)
    for place, (first, count) in enumerate([(0, 3), (3, 1), (7, 2), (0, 3)], start=1):
        expected = torch.zeros(9)
        expected[first : first + count] = 1 / count
        torch.testing.assert_close(frequencies(walks[place], 9), expected, atol=0.02, rtol=0)
    assert not torch.equal(walks[1], walks[4])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 5), st.integers(0, 5), st.integers(2, 6), st.data())
def test_windows_are_views(num_pos, num_neg, length, data):
    size = data.draw(st.integers(1, length))
    for walks in walk_memory(length, num_pos, num_neg):
        walks.random_()
        windows = sliding_windows(walks, size)
        slow = [walks[at : at + size].t() for at in range(length - size + 1)]
        assert torch.equal(windows, torch.cat(slow))
        assert windows.untyped_storage().data_ptr() == walks.untyped_storage().data_ptr()


def test_bad_input():
    with pytest.raises(ArgumentError, match=r"node that does not exist: check .* num_nodes"):
        walks_from(torch.tensor([6]), 2)
    with pytest.raises(ArgumentError, match="does not exist"):
        walks_from(torch.tensor([-1]), 2, 0.5)
    empty = OutEdges.of(torch.empty(2, 0, dtype=torch.int64), 0)
    with pytest.raises(ArgumentError, match="does not exist"):
        metapath_walk([empty], torch.tensor([0]), 5, torch.empty(2, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match="0 nodes to draw from"):
        random_nodes([(0, 0)], torch.tensor([0]), torch.empty(2, 1, dtype=torch.int64))
