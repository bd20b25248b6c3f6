"""Transformer, GATE, GEN, RGCN, HGT and HeteroConv against torch-geometric, in every edge form."""

import copy
import pickle

import pytest
import torch
from torch_geometric import nn as pyg
from torch_geometric.nn.models.attentive_fp import GATEConv as PygGATEConv
from torch_sparse import SparseTensor

from distgnn import nn as ours
from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from tests.nn.conv.test_linear_convs import EDGES, X, csc, csc_order, sparse
from tests.nn.parity import assert_parity

ATTR = torch.randn(9, 2, generator=torch.Generator().manual_seed(6))
WIDE = torch.randn(9, 3, generator=torch.Generator().manual_seed(7))
TYPES = torch.tensor([0, 2, 1, 0, 2, 2, 0, 1, 2])

TRANSFORMER = [
    {},
    {"heads": 2, "beta": True},
    {"heads": 3, "concat": False, "root_weight": False},
    {"heads": 2, "bias": False, "concat": False, "beta": True},
]
GEN = [
    {},
    {"aggr": "powermean", "p": 2.0, "learn_p": True, "norm": "layer"},
    {"aggr": "softmax", "t": 0.5, "learn_t": True, "num_layers": 3, "bias": True},
    {"aggr": "softmax_sg", "msg_norm": True, "learn_msg_scale": True, "norm": "instance"},
    {"aggr": ["softmax", "max"], "num_layers": 1},
    {"aggr": "mean", "expansion": 1},
]
RGCN = [
    {},
    {"num_bases": 2, "aggr": "sum"},
    {"num_blocks": 2, "root_weight": False, "bias": False},
    {"aggr": "max"},
]
METADATA = (["a", "b"], [("a", "to", "b"), ("b", "rev", "a"), ("a", "self", "a")])
X_DICT = {
    "a": torch.randn(4, 6, generator=torch.Generator().manual_seed(8)),
    "b": torch.randn(3, 6, generator=torch.Generator().manual_seed(9)),
}
EDGE_DICT = {
    ("a", "to", "b"): torch.tensor([[0, 3, 1, 1], [2, 0, 0, 2]]),
    ("b", "rev", "a"): torch.tensor([[2, 0, 1], [0, 3, 3]]),
    ("a", "self", "a"): torch.tensor([[0, 1, 2], [1, 1, 3]]),
}


@pytest.mark.parametrize("options", TRANSFORMER)
@pytest.mark.parametrize("form", [lambda: EDGES, sparse])
def test_transformer(options, form):
    ours_, theirs = (n.TransformerConv(4, 3, **options) for n in (ours, pyg))
    assert_parity(ours_, theirs, X, form())


@pytest.mark.parametrize("options", TRANSFORMER)
def test_transformer_with_edge_features(options):
    ours_, theirs = (n.TransformerConv(4, 3, edge_dim=2, **options) for n in (ours, pyg))
    assert_parity(ours_, theirs, X, EDGES, ATTR)


def test_transformer_between_two_kinds_of_nodes():
    ours_, theirs = (n.TransformerConv((4, 2), 3, heads=2) for n in (ours, pyg))
    assert_parity(ours_, theirs, (X, X[:4, :2]), EDGES.clamp(max=3))


def test_transformer_returns_its_attention():
    ours_, theirs = (n.TransformerConv(4, 3, heads=2, edge_dim=2) for n in (ours, pyg))

    def attention(module, x, edges, attr):
        return module(x, edges, attr, return_attention_weights=True)

    assert_parity(ours_, theirs, X, EDGES, ATTR, call=attention)


@pytest.mark.parametrize("fused", [True, False])
def test_gate(fused, monkeypatch):
    if not fused:
        monkeypatch.setattr(ours.GATEConv, "fuses_csc", False)
    assert_parity(ours.GATEConv(4, 4, 2), PygGATEConv(4, 4, 2), X, EDGES, ATTR)


@pytest.mark.parametrize("options", GEN)
@pytest.mark.parametrize("form", [lambda: EDGES, sparse])
@pytest.mark.parametrize("size", [4, 3])
def test_gen(options, form, size):
    ours_, theirs = (n.GENConv(size, 3, **options) for n in (ours, pyg))
    assert_parity(ours_, theirs, X[:, :size], form())


@pytest.mark.parametrize(("edge_dim", "attr"), [(2, ATTR), (None, WIDE)])
def test_gen_with_edge_features(edge_dim, attr):
    ours_, theirs = (n.GENConv(4, 3, edge_dim=edge_dim) for n in (ours, pyg))
    assert_parity(ours_, theirs, X, EDGES, attr)


def test_gen_between_two_kinds_of_nodes():
    ours_, theirs = (n.GENConv((4, 2), 3, msg_norm=False) for n in (ours, pyg))
    assert_parity(ours_, theirs, (X, X[:4, :2]), EDGES.clamp(max=3))


@pytest.mark.parametrize("options", RGCN)
def test_rgcn(options):
    ours_, theirs = (n.RGCNConv(4, 6, 3, **options) for n in (ours, pyg))
    assert_parity(ours_, theirs, X, EDGES, TYPES)


def test_rgcn_on_sparse_tensor():
    ours_, theirs = (n.RGCNConv(4, 6, 3) for n in (ours, pyg))
    assert_parity(ours_, theirs, X, sparse(value=TYPES))


@pytest.mark.parametrize("x", [None, torch.tensor([2, 0, 1, 1, 3, 2])])
@pytest.mark.parametrize("options", [{}, {"num_bases": 2}])
def test_rgcn_by_node_number(x, options):
    ours_, theirs = (n.RGCNConv(6, 6, 3, **options) for n in (ours, pyg))
    assert_parity(ours_, theirs, x, EDGES, TYPES)


@pytest.mark.parametrize("heads", [1, 2])
@pytest.mark.parametrize("channels", [6, 4])
def test_hgt(heads, channels):
    ours_, theirs = (n.HGTConv(6, channels, METADATA, heads) for n in (ours, pyg))
    assert_parity(ours_, theirs, X_DICT, EDGE_DICT)


@pytest.mark.parametrize("aggr", ["sum", "mean", "min", "max", "cat", None])
def test_hetero_conv(aggr):
    ours_, theirs = (
        n.HeteroConv(
            {
                ("a", "to", "b"): n.SAGEConv((6, 6), 3),
                ("b", "rev", "a"): n.SAGEConv((6, 6), 3),
                ("a", "self", "a"): n.GCNConv(6, 3),
            },
            aggr=aggr,
        )
        for n in (ours, pyg)
    )
    assert_parity(ours_, theirs, X_DICT, EDGE_DICT)


def test_hetero_conv_passes_arguments_by_name():
    ours_, theirs = (n.HeteroConv({("a", "self", "a"): n.GraphConv(6, 3)}) for n in (ours, pyg))
    weights = {("a", "self", "a"): torch.rand(3)}
    assert_parity(ours_, theirs, X_DICT, EDGE_DICT, edge_weight_dict=weights)


LAYERS = [
    (lambda: ours.TransformerConv(4, 3, heads=2, edge_dim=2), ATTR),
    (lambda: ours.GATEConv(4, 4, 2), ATTR),
    (lambda: ours.GENConv(4, 3, edge_dim=2, norm="layer"), ATTR),
    (lambda: ours.RGCNConv(4, 3, 3), TYPES),
]


@pytest.mark.parametrize(("make", "values"), LAYERS)
def test_csc_and_fewer_targets(make, values):
    layer = make().double()
    values = values.double() if values.is_floating_point() else values
    x, own = X.double(), values[csc_order(EDGES)]
    expected = layer(x, EDGES, values)
    torch.testing.assert_close(layer(x, csc(), own), expected)
    trimmed = csc().trim(3, 6)
    out = layer(x, trimmed, own[: trimmed.num_edges])
    torch.testing.assert_close(out, expected[:3])


@pytest.mark.parametrize(("make", "values"), LAYERS)
def test_no_edges_copies_and_pickles(make, values):
    layer = make()
    out = layer(X, torch.empty(2, 0, dtype=torch.int64), values[:0])
    assert len(out) == 6
    assert torch.isfinite(out).all()
    expected = layer(X, EDGES, values)
    torch.testing.assert_close(copy.deepcopy(layer)(X, EDGES, values), expected)
    torch.testing.assert_close(pickle.loads(pickle.dumps(layer))(X, EDGES, values), expected)


def test_hgt_on_csc_with_fewer_targets():
    layer = ours.HGTConv(6, 6, METADATA, 2).double()
    x_dict = {k: v.double() for k, v in X_DICT.items()}
    forms = {}
    for edge_type, edges in EDGE_DICT.items():
        sizes = len(x_dict[edge_type[0]]), len(x_dict[edge_type[2]])
        adj = SparseTensor(row=edges[1], col=edges[0], sparse_sizes=sizes[::-1])
        rowptr, col, _ = adj.csr()
        forms[edge_type] = CSC(rowptr, col, sizes[0])
    expected = layer(x_dict, EDGE_DICT)
    for node_type, out in layer(x_dict, forms).items():
        torch.testing.assert_close(out, expected[node_type])
    fewer = {t: adj.trim(2, adj.num_src) for t, adj in forms.items()}
    for node_type, out in layer(x_dict, fewer).items():
        torch.testing.assert_close(out, expected[node_type][:2])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ours.HGTConv(6, 5, METADATA, 2), "heads=2 does not divide out_channels=5"),
        (lambda: ours.RGCNConv(4, 6, 3, num_bases=1, num_blocks=2), "exclude one another"),
        (lambda: ours.RGCNConv(4, 6, 3, num_blocks=4), "num_blocks=4 does not divide"),
        (lambda: ours.GENConv(4, 3, norm="bach"), "norm='bach' is unknown.*'batch'"),
        (lambda: ours.HeteroConv({("a", "b"): ours.SAGEConv(1, 1)}), "expected .source, relation"),
        (lambda: ours.HeteroConv({}, aggr="summ"), "aggr='summ'.*'sum'"),
        (lambda: ours.TransformerConv(4, 3, edge_dim=2)(X, EDGES), "edge_attr is missing"),
        (
            lambda: ours.GENConv(4, 3)(X, EDGES, ATTR),
            r"edge_attr has shape \[9, 2\], expected \[9, 3\]",
        ),
        (lambda: ours.RGCNConv(4, 3, 3)(X, EDGES), r"edge_type is None, expected int64 \[9\]"),
        (lambda: ours.RGCNConv(4, 6, 3, num_blocks=2)(TYPES[:6], EDGES, TYPES), "num_blocks needs"),
    ],
)
def test_bad_input(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()
