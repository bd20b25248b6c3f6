"""Layers whose messages are linear in the source: torch-geometric's numbers for every edge form."""

import copy
import pickle

import pytest
import torch
from torch_geometric import nn as pyg
from torch_sparse import SparseTensor

from distgnn import nn as ours
from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from tests.nn.parity import assert_parity

# Node 4 is isolated, 3 has a loop, 0 -> 1 comes twice; unsorted.
EDGES = torch.tensor([[0, 2, 0, 3, 1, 0, 5, 2, 3], [1, 1, 1, 3, 0, 2, 0, 5, 0]])
NEGATIVE = torch.tensor([[5, 1, 2, 2], [0, 3, 3, 1]])
X = torch.randn(6, 4, generator=torch.Generator().manual_seed(3))
WEIGHT = torch.rand(9, generator=torch.Generator().manual_seed(4))

CASES = {
    "LGConv": [{}, {"normalize": False}],
    "SimpleConv": [
        {},
        {"aggr": "mean", "combine_root": "self_loop"},
        {"aggr": "max", "combine_root": "cat"},
        {"aggr": ["mean", "std"]},
        {"combine_root": "sum"},
    ],
    "GraphConv": [
        {"in_channels": 4, "out_channels": 3},
        {"in_channels": 4, "out_channels": 3, "aggr": "max", "bias": False},
        {"in_channels": 4, "out_channels": 3, "aggr": "mean"},
    ],
    "MFConv": [
        {"in_channels": 4, "out_channels": 3},
        {"in_channels": 4, "out_channels": 3, "max_degree": 1, "bias": False},
    ],
}
WEIGHTED = [
    ("LGConv", {}),
    ("LGConv", {"normalize": False}),
    ("SimpleConv", {}),
    ("SimpleConv", {"aggr": "mean", "combine_root": "self_loop"}),
    ("SimpleConv", {"aggr": "max"}),
    ("GraphConv", {"in_channels": 4, "out_channels": 3}),
    ("GraphConv", {"in_channels": 4, "out_channels": 3, "aggr": "max"}),
]
PLAIN = [(name, options) for name, cases in CASES.items() for options in cases]


def sparse(edges=EDGES, num_nodes=6, value=None):
    return SparseTensor(row=edges[1], col=edges[0], value=value, sparse_sizes=(num_nodes,) * 2)


def csc_order(edges):
    return torch.argsort(edges[1], stable=True)


def csc(edges=EDGES, num_nodes=6, weight=None):
    order = csc_order(edges)
    indptr = torch.zeros(num_nodes + 1, dtype=torch.int64)
    indptr[1:] = torch.bincount(edges[1], minlength=num_nodes).cumsum(0)
    return CSC(indptr, edges[0, order], num_nodes, None if weight is None else weight[order])


def pair(name, options):
    return getattr(ours, name)(**options), getattr(pyg, name)(**options)


@pytest.mark.parametrize(("name", "options"), PLAIN)
def test_parity_on_edge_index(name, options):
    assert_parity(*pair(name, options), X, EDGES)


@pytest.mark.parametrize(("name", "options"), PLAIN)
def test_parity_on_sparse_tensor(name, options):
    assert_parity(*pair(name, options), X, sparse())


@pytest.mark.parametrize(("name", "options"), WEIGHTED)
def test_parity_with_edge_weights(name, options):
    assert_parity(*pair(name, options), X, EDGES, WEIGHT)


@pytest.mark.parametrize(("name", "options"), PLAIN)
def test_csc_gives_what_edge_index_gives(name, options):
    layer = getattr(ours, name)(**options).double()
    x = X.double()
    torch.testing.assert_close(layer(x, csc()), layer(x, EDGES))


@pytest.mark.parametrize(("name", "options"), WEIGHTED)
def test_weights_of_a_csc_are_edge_weights(name, options):
    layer = getattr(ours, name)(**options).double()
    x, weight = X.double(), WEIGHT.double()
    expected = layer(x, EDGES, weight)
    torch.testing.assert_close(layer(x, csc(weight=weight)), expected)
    torch.testing.assert_close(layer(x, csc(), weight[csc_order(EDGES)]), expected)


# Not where the degree of a source counts: the smaller graph has no in-edges of other sources.
@pytest.mark.parametrize(("name", "options"), [case for case in PLAIN if case[0] != "LGConv"])
def test_a_csc_of_fewer_targets_gives_their_rows(name, options):
    layer = getattr(ours, name)(**options).double()
    x = X.double()
    torch.testing.assert_close(layer(x, csc().trim(3, 6)), layer(x, EDGES)[:3])


@pytest.mark.parametrize("name", ["GraphConv", "MFConv"])
def test_bipartite(name):
    options = {"in_channels": (4, 2), "out_channels": 3}
    x_dst = torch.randn(4, 2, generator=torch.Generator().manual_seed(5))
    edges = EDGES.clamp(max=3)
    assert_parity(*pair(name, options), (X, x_dst), edges)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("form", [lambda e: e, sparse])
def test_signed_conv(first, bias, form):
    x = X if first else torch.cat([X, X.flip(0)], dim=1)
    assert_parity(*pair("SignedConv", {"in_channels": 4, "out_channels": 3, "first_aggr": first,
                                       "bias": bias}), x, form(EDGES), form(NEGATIVE))  # fmt: skip


def test_signed_conv_on_csc():
    layer = ours.SignedConv(4, 3, first_aggr=True).double()
    x = X.double()
    torch.testing.assert_close(layer(x, csc(), csc(NEGATIVE)), layer(x, EDGES, NEGATIVE))


@pytest.mark.parametrize(("name", "options"), PLAIN)
def test_relabelling_nodes_permutes_the_output(name, options):
    layer = getattr(ours, name)(**options).double()
    x, order = X.double(), torch.randperm(6, generator=torch.Generator().manual_seed(0))
    renamed = torch.empty_like(order)
    renamed[order] = torch.arange(6)
    torch.testing.assert_close(layer(x[order], renamed[EDGES]), layer(x, EDGES)[order])


@pytest.mark.parametrize(("name", "options"), PLAIN)
def test_no_edges_copies_and_pickles(name, options):
    layer = getattr(ours, name)(**options)
    out = layer(X, torch.empty(2, 0, dtype=torch.int64))
    assert len(out) == 6
    assert torch.isfinite(out).all()
    torch.testing.assert_close(copy.deepcopy(layer)(X, EDGES), layer(X, EDGES))
    again = pickle.loads(pickle.dumps(layer))
    torch.testing.assert_close(again(X, EDGES), layer(X, EDGES))


def test_unknown_combination_of_the_root():
    with pytest.raises(ArgumentError, match=r"combine_root='catt'.*'cat'"):
        ours.SimpleConv(combine_root="catt")


def test_self_loops_need_one_kind_of_nodes():
    with pytest.raises(ArgumentError, match="x is a pair"):
        ours.SimpleConv(combine_root="self_loop")((X, X), EDGES)


def test_wrong_number_of_weights():
    with pytest.raises(ArgumentError, match=r"edge_weight has shape \[4\], expected \[9\]"):
        ours.GraphConv(4, 3)(X, EDGES, torch.ones(4))
