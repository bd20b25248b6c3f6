import networkx as nx
import pytest
import torch
import torch_geometric.utils
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils import dropout_edge, is_undirected, one_hot, to_undirected
from tests.nn.utils.strategies import graphs, pairs_of

EDGES = torch.tensor([[0, 1, 2, 2, 0, 3, 1], [1, 0, 2, 3, 1, 2, 2]])


@settings(max_examples=40)
@given(graph=graphs(), reduce=st.sampled_from(["add", "mean", "max"]))
def test_torch_geometric_adds_the_same_reverses(graph, reduce):
    edges, num_nodes = graph
    attr = torch.arange(edges.size(1)) + 1.0
    ours = to_undirected(edges, attr, num_nodes, reduce)
    theirs = torch_geometric.utils.to_undirected(edges, attr, num_nodes, reduce)
    assert torch.equal(ours[0], theirs[0])
    assert torch.allclose(ours[1], theirs[1])
    assert is_undirected(*ours, num_nodes)


@settings(max_examples=40)
@given(graph=graphs())
def test_networkx_has_the_same_undirected_edges(graph):
    edges, num_nodes = graph
    expected = nx.DiGraph(nx.Graph(pairs_of(edges)).to_directed()).edges
    assert pairs_of(to_undirected(edges, num_nodes=num_nodes)) == sorted(expected)


def test_what_comes_back_is_what_was_given():
    assert isinstance(to_undirected(EDGES), torch.Tensor)
    assert to_undirected(EDGES, None)[1] is None
    assert to_undirected(EDGES, [torch.ones(7)])[1][0].tolist() == [3, 3, 1, 1, 2, 2, 2]


@settings(max_examples=80)
@given(graph=graphs(max_nodes=3, max_edges=6), data=st.data())
def test_torch_geometric_finds_the_same_graphs_undirected(graph, data):
    edges, num_nodes = graph
    size = edges.size(1)
    attr = torch.tensor(data.draw(st.lists(st.integers(0, 1), min_size=size, max_size=size)))
    for given_attr in (None, attr, [attr, attr]):
        theirs = torch_geometric.utils.is_undirected(edges, given_attr, num_nodes)
        assert is_undirected(edges, given_attr, num_nodes) == theirs


@settings(max_examples=40)
@given(graph=graphs(), p=st.sampled_from([0.0, 0.3, 1.0]), training=st.booleans())
def test_torch_geometric_drops_the_same_edges(graph, p, training):
    results = []
    for module in (dropout_edge, torch_geometric.utils.dropout_edge):
        torch.manual_seed(5)
        results.append(module(graph[0], p, training=training))
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)


@settings(max_examples=40)
@given(graph=graphs())
def test_undirected_edges_are_dropped_both_ways(graph):
    edges = graph[0][:, graph[0][0] != graph[0][1]]
    results = []
    for module in (dropout_edge, torch_geometric.utils.dropout_edge):
        torch.manual_seed(5)
        results.append(module(edges, 0.3, force_undirected=True))
    for a, b in zip(*results, strict=True):
        assert torch.equal(a, b)


def test_an_undirected_self_loop_stays_one():
    loop = torch.tensor([[2], [2]])
    edges, position = dropout_edge(loop, 1e-9, force_undirected=True)
    assert edges.tolist() == [[2], [2]]
    assert position.tolist() == [0]


def test_the_share_of_dropped_edges():
    torch.manual_seed(0)
    kept = dropout_edge(torch.zeros(2, 20000, dtype=torch.int64), 0.2)[1]
    assert float(kept.float().mean()) == pytest.approx(0.8, abs=0.02)


@settings(max_examples=40)
@given(classes=st.lists(st.integers(0, 5), min_size=1), dtype=st.sampled_from([None, torch.int64]))
def test_torch_geometric_has_the_same_unit_rows(classes, dtype):
    index = torch.tensor(classes)
    for num_classes in (None, 6):
        theirs = torch_geometric.utils.one_hot(index, num_classes, dtype)
        ours = one_hot(index, num_classes, dtype)
        assert ours.dtype == theirs.dtype
        assert torch.equal(ours, theirs)


def test_no_classes():
    assert one_hot(torch.empty(0, dtype=torch.int64)).shape == (0, 0)
    assert one_hot(torch.empty(0, dtype=torch.int64), 3).shape == (0, 3)


def test_bad_arguments_are_refused():
    with pytest.raises(ArgumentError, match=r"p=1.5 is no probability"):
        dropout_edge(EDGES, 1.5)
    with pytest.raises(ArgumentError, match=r"shape \[2, 1\], expected \[n\]"):
        one_hot(torch.tensor([[0], [1]]))
    with pytest.raises(ArgumentError, match="from 0 to 3, expected 0 to 2"):
        one_hot(torch.tensor([0, 3]), 3)
    with pytest.raises(ArgumentError, match="from -1 to 0"):
        one_hot(torch.tensor([0, -1]))
    with pytest.raises(ArgumentError, match=r"expected torch.int64"):
        to_undirected(EDGES.int())
    with pytest.raises(ArgumentError, match="there are 3 and 3 nodes"):
        is_undirected(EDGES, num_nodes=3)
