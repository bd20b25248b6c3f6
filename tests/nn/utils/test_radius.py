import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.nn import radius_graph as their_radius_graph

from distgnn.exceptions import ArgumentError
from distgnn.nn import radius_graph
from distgnn.nn.utils.radius import undirected_pairs


def points(sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    batch = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return torch.rand(sum(sizes), 3, generator=generator), batch


def pairs(edge_index):
    return set(zip(*edge_index.tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    r=st.floats(0.05, 2.0),
    loop=st.booleans(),
    seed=st.integers(0, 99),
)
def test_all_pairs_within_the_radius(sizes, r, loop, seed):
    x, batch = points(sizes, seed)
    x, batch = x.double(), batch
    lengths = (x[:, None] - x[None]).norm(dim=-1)
    near = (lengths <= r) & (batch[:, None] == batch)
    if not loop:
        near.fill_diagonal_(False)
    close_call = (lengths - r).abs() < 1e-6
    if (close_call & ~torch.eye(len(x), dtype=torch.bool)).any():
        return
    edge_index = radius_graph(x, r, batch, loop=loop, max_num_neighbors=64)
    assert pairs(edge_index) == pairs(near.nonzero().T)
    assert (edge_index[1].diff() >= 0).all()


@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
@pytest.mark.parametrize("max_num_neighbors", [3, 32])
@pytest.mark.parametrize("loop", [False, True])
def test_same_edges_as_theirs(flow, max_num_neighbors, loop):
    x, batch = points((12, 7, 1))
    arguments = {"loop": loop, "max_num_neighbors": max_num_neighbors, "flow": flow}
    ours = radius_graph(x, 0.6, batch, **arguments)
    assert torch.equal(ours, their_radius_graph(x, 0.6, batch, **arguments))
    to = 1 if flow == "source_to_target" else 0
    assert ours[to].bincount().max() <= max_num_neighbors + loop


def test_one_example_and_half_precision():
    x, _ = points((12,))
    expected = radius_graph(x.bfloat16().float(), 0.6)
    assert torch.equal(radius_graph(x.bfloat16(), 0.6), expected)
    assert radius_graph(x.requires_grad_(), 0.6).shape[0] == 2


def test_no_points():
    assert radius_graph(torch.zeros(0, 3), 1.0).shape == (2, 0)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"r": 0.0}, "the radius is 0.0"),
        ({"r": float("nan")}, "the radius is nan"),
        ({"max_num_neighbors": 0}, "max_num_neighbors=0, expected at least 1"),
        ({"flow": "source_to_targets"}, "did you mean 'source_to_target'"),
        ({"x": torch.zeros(4)}, r"of shape \[4\], expected floats \[N, D\]"),
        ({"x": torch.zeros(4, 3).long()}, "points are torch.int64"),
        ({"x": torch.tensor([[0.0], [np.inf]])}, "point 1 is .*must be finite"),
        ({"batch": torch.tensor([0, 1, 0, 1])}, "sort the points by batch"),
        ({"batch": torch.tensor([-1, 0, 0, 1])}, "must start at 0"),
        ({"batch": torch.tensor([0, 1])}, r"int64 of shape \[2\], expected int64 \[4\]"),
        ({"batch": torch.zeros(4)}, "batch is torch.float32"),
    ],
    ids=str,
)
def test_bad_input(change, words):
    arguments = {"x": torch.rand(4, 3), "r": 1.0, **change}
    with pytest.raises(ArgumentError, match=words):
        radius_graph(**arguments)


def test_undirected_pairs():
    edge_index = torch.tensor([[0, 2, 1, 0, 2, 1], [1, 1, 0, 2, 0, 2]])
    half = undirected_pairs(edge_index, 3)
    assert pairs(half) == {(0, 1), (1, 2), (0, 2)}
    x, batch = points((12, 7))
    edge_index = radius_graph(x, 0.7, batch)
    half = undirected_pairs(edge_index, 19)
    assert pairs(torch.cat([half, half.flip(0)], dim=1)) == pairs(edge_index)


@pytest.mark.parametrize(
    "edges",
    [
        [[0, 1, 1], [1, 0, 2]],  # 1 -> 2 has no reverse
        [[0, 0, 2, 1], [1, 2, 1, 2]],
        [[0, 1, 2], [1, 0, 2]],  # a loop
        [[0, 1, 0, 1], [1, 0, 1, 0]],  # each edge twice
    ],
)
def test_no_undirected_pairs(edges):
    assert undirected_pairs(torch.tensor(edges), 3) is None


def test_undirected_pairs_of_nothing():
    assert undirected_pairs(torch.zeros(2, 0, dtype=torch.int64), 3).shape == (2, 0)
