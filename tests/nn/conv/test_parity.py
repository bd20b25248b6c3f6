"""Convolutions against torch-geometric's: strict state, outputs and all gradients in float64."""

import itertools

import pytest
import torch
import torch_geometric.nn as pyg

import distgnn.nn as ours
from tests.nn.conv.compare import EDGE_ATTR, EDGE_DIM, FORMS, WEIGHT, compare, features

pytestmark = pytest.mark.parametrize("form", FORMS)


def pair(name, *args, **kwargs):
    return getattr(ours, name)(*args, **kwargs), getattr(pyg, name)(*args, **kwargs)


def options(**choices):
    return [
        dict(zip(choices, values, strict=True)) for values in itertools.product(*choices.values())
    ]


def network(size_in, size_out):
    torch.manual_seed(0)
    return torch.nn.Sequential(
        torch.nn.Linear(size_in, 8), torch.nn.ELU(), torch.nn.Linear(8, size_out)
    )


@pytest.mark.parametrize("sizes", [(4, 7), (7, 4)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    "kwargs",
    [
        *options(improved=[False, True], add_self_loops=[None, False], bias=[True, False]),
        {"normalize": False},
    ],
)
def test_gcn(form, sizes, weighted, kwargs):
    weight = WEIGHT if weighted else None
    compare(*pair("GCNConv", *sizes, **kwargs), features(sizes[0]), form, edge_weight=weight)


@pytest.mark.parametrize("sizes", [(4, 7), (7, 4)])
@pytest.mark.parametrize(
    "kwargs",
    [
        *({"aggr": a} for a in ["mean", "max", "sum", "min", "std", "var", ["mean", "max"]]),
        *({"aggr": "softmax", "normalize": n, "root_weight": not n} for n in (False, True)),
        *({"normalize": True, "project": p, "bias": not p} for p in (False, True)),
        {"aggr": "max", "root_weight": False},
    ],
)
def test_sage(form, sizes, kwargs):
    compare(*pair("SAGEConv", *sizes, **kwargs), features(sizes[0]), form)


@pytest.mark.parametrize(
    "kwargs", [*options(eps=[0.0, 0.3], train_eps=[False, True]), {"aggr": "max"}]
)
def test_gin(form, kwargs):
    made = [lib.GINConv(network(4, 5), **kwargs) for lib in (ours, pyg)]
    compare(*made, features(4), form)


@pytest.mark.parametrize(
    "kwargs", [{"edge_dim": EDGE_DIM}, {"edge_dim": EDGE_DIM, "train_eps": True}]
)
def test_gine(form, kwargs):
    made = [lib.GINEConv(network(4, 5), **kwargs) for lib in (ours, pyg)]
    compare(*made, features(4), form, edge_attr=EDGE_ATTR)


@pytest.mark.parametrize("aggr", ["max", "mean"])
def test_edge_conv(form, aggr):
    made = [lib.EdgeConv(network(8, 5), aggr=aggr) for lib in (ours, pyg)]
    compare(*made, features(4), form)


@pytest.mark.parametrize(
    "kwargs",
    [
        *options(heads=[1, 3], concat=[True, False], add_self_loops=[True, False]),
        {"heads": 2, "residual": True, "bias": False, "negative_slope": 0.01},
    ],
)
def test_gat(form, kwargs):
    compare(*pair("GATConv", 4, 5, **kwargs), features(4), form)


@pytest.mark.parametrize("fill_value", ["mean", "add", "max", 0.5])
@pytest.mark.parametrize("heads", [1, 2])
def test_gat_with_edges(form, fill_value, heads):
    if form == "sparse_tensor":
        pytest.skip("not there for a SparseTensor, as in torch-geometric")
    made = pair("GATConv", 4, 5, heads=heads, edge_dim=EDGE_DIM, fill_value=fill_value)
    compare(*made, features(4), form, edge_attr=EDGE_ATTR)


def test_gat_with_edges_without_loops(form):
    made = pair("GATConv", 4, 5, heads=2, edge_dim=EDGE_DIM, add_self_loops=False)
    compare(*made, features(4), form, edge_attr=EDGE_ATTR)
