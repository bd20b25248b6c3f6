import networkx as nx
import pytest
import torch
import torch_geometric.utils
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils import k_hop_subgraph, subgraph
from tests.nn.utils.strategies import graphs, pairs_of

EDGES = torch.tensor([[0, 1, 2, 3, 4, 2], [2, 2, 4, 4, 6, 1]])


def test_edges_among_some_nodes():
    attr = torch.arange(6)
    edges, kept_attr, kept = subgraph([4, 2, 1], EDGES, attr, return_edge_mask=True)
    assert pairs_of(edges) == [(1, 2), (2, 4), (2, 1)]
    assert kept_attr.tolist() == [1, 2, 5]
    assert kept.tolist() == [False, True, True, False, False, True]
    edges, none = subgraph([4, 2, 1], EDGES, relabel_nodes=True)
    assert pairs_of(edges) == [(2, 1), (1, 0), (1, 2)]
    assert none is None


@settings(max_examples=60)
@given(
    graph=graphs(), relabel=st.booleans(), form=st.sampled_from(["mask", "index"]), data=st.data()
)
def test_torch_geometric_keeps_the_same_edges(graph, relabel, form, data):
    edges, num_nodes = graph
    nodes = data.draw(st.permutations(range(num_nodes)))[: data.draw(st.integers(1, num_nodes))]
    subset = torch.tensor(nodes)
    if form == "mask":
        subset = torch.zeros(num_nodes, dtype=torch.bool).index_fill_(0, subset, True)
    attr = torch.arange(edges.size(1))
    ours = subgraph(subset, edges, attr, relabel, num_nodes, return_edge_mask=True)
    theirs = torch_geometric.utils.subgraph(
        subset, edges, attr, relabel, num_nodes, return_edge_mask=True
    )
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


def test_two_hops_towards_a_node():
    nodes, edges, mapping, kept = k_hop_subgraph(6, 2, EDGES)
    assert nodes.tolist() == [2, 3, 4, 6]
    assert pairs_of(edges) == [(2, 4), (3, 4), (4, 6)]
    assert mapping.tolist() == [3]
    assert kept.tolist() == [False, False, True, True, True, False]


@settings(max_examples=80)
@given(
    graph=graphs(),
    num_hops=st.integers(0, 3),
    flow=st.sampled_from(["source_to_target", "target_to_source"]),
    directed=st.booleans(),
    relabel=st.booleans(),
    data=st.data(),
)
def test_torch_geometric_finds_the_same_hops(graph, num_hops, flow, directed, relabel, data):
    edges, num_nodes = graph
    node = st.integers(0, num_nodes - 1)
    given = data.draw(st.lists(node, min_size=1, max_size=3) | node)
    options = {"relabel_nodes": relabel, "flow": flow, "directed": directed}
    ours = k_hop_subgraph(given, num_hops, edges, num_nodes=num_nodes, **options)
    theirs = torch_geometric.utils.k_hop_subgraph(
        given, num_hops, edges, num_nodes=num_nodes, **options
    )
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)


@settings(max_examples=40)
@given(graph=graphs(), num_hops=st.integers(0, 4))
def test_networkx_finds_the_same_nodes(graph, num_hops):
    edges, num_nodes = graph
    reverse = nx.DiGraph([(b, a) for a, b in pairs_of(edges)])
    reverse.add_nodes_from(range(num_nodes))
    expected = nx.single_source_shortest_path_length(reverse, 0, cutoff=num_hops)
    assert k_hop_subgraph(0, num_hops, edges, num_nodes=num_nodes)[0].tolist() == sorted(expected)


def test_no_nodes_have_no_edges():
    assert subgraph([], EDGES)[0].shape == (2, 0)
    nodes, edges, mapping, kept = k_hop_subgraph([], 2, EDGES)
    assert nodes.numel() == edges.numel() == mapping.numel() == kept.sum() == 0
    assert nodes.dtype == torch.int64


def test_isolated_nodes_may_be_asked_for():
    assert k_hop_subgraph(9, 2, EDGES)[0].tolist() == [9]
    assert subgraph([9, 6, 4], EDGES)[0].tolist() == [[4], [6]]


def test_bad_nodes_are_refused():
    with pytest.raises(ArgumentError, match="go from 2 to 9, but there are 7"):
        subgraph([9, 2], EDGES, num_nodes=7)
    with pytest.raises(ArgumentError, match="go from -1 to -1"):
        k_hop_subgraph(-1, 1, EDGES)
    with pytest.raises(ArgumentError, match=r"nodes are torch.float32, expected torch.int64"):
        subgraph(torch.tensor([1.0]), EDGES)
    with pytest.raises(ArgumentError, match=r"sources up to 4 .* there are 3 and 3 nodes"):
        subgraph(torch.tensor([True, False, True]), EDGES)
    with pytest.raises(ArgumentError, match="flow='backwards' is unknown"):
        k_hop_subgraph(0, 1, EDGES, flow="backwards")
    with pytest.raises(ArgumentError, match=r"edge_attr has shape \[2\], expected \[6, ...\]"):
        subgraph([1], EDGES, torch.ones(2))
