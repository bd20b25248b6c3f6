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


@pytest.mark.parametrize(
    "kwargs",
    [
        *options(heads=[1, 3], concat=[True, False], add_self_loops=[True, False]),
        {"heads": 2, "residual": True, "bias": False, "share_weights": True},
    ],
)
def test_gatv2(form, kwargs):
    compare(*pair("GATv2Conv", 4, 5, **kwargs), features(4), form)


@pytest.mark.parametrize("name", ["GATConv", "GATv2Conv"])
@pytest.mark.parametrize(
    "kwargs",
    [
        {"add_self_loops": False},
        *options(fill_value=["mean", "add", "max", 0.5], heads=[1, 2]),
    ],
)
def test_attention_with_edges(form, name, kwargs):
    made = pair(name, 4, 5, edge_dim=EDGE_DIM, **kwargs)
    if form == "sparse_tensor" and kwargs.get("add_self_loops", True):
        made = pair(name, 4, 5, edge_dim=EDGE_DIM, **{**kwargs, "add_self_loops": False})
    compare(*made, features(4), form, edge_attr=EDGE_ATTR)


AGGREGATORS = ["mean", "min", "max", "std", "var", "sum"]
SCALERS = ["identity", "amplification", "attenuation", "linear", "inverse_linear"]
DEGREES = torch.tensor([1, 4, 2, 1])


@pytest.mark.parametrize("edge_dim", [None, EDGE_DIM])
@pytest.mark.parametrize(
    "kwargs",
    [
        *options(towers=[1, 2], divide_input=[True, False]),
        {"pre_layers": 2, "post_layers": 2, "towers": 2, "act": "elu"},
        {"post_layers": 2, "train_norm": True},
        {"aggregators": ["mean"], "scalers": ["identity"]},
        {"aggregators": ["mean", "softmax"], "scalers": ["linear"]},
    ],
)
def test_pna(form, edge_dim, kwargs):
    kwargs = {"aggregators": AGGREGATORS, "scalers": SCALERS, "deg": DEGREES, **kwargs}
    made = pair("PNAConv", 4, 6, edge_dim=edge_dim, **kwargs)
    tolerance = {"rtol": 1e-6, "atol": 1e-7}  # the variance of equal messages is rounding
    edge_attr = None if edge_dim is None else EDGE_ATTR
    compare(*made, features(4), form, edge_attr=edge_attr, tolerance=tolerance)
