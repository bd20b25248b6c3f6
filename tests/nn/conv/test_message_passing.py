"""The base of convolutions: arguments, forms of edges, flow, fused paths, masks, errors."""

import copy
import itertools
import pickle

import pytest
import torch
import torch_geometric.nn as pyg
from torch_sparse import SparseTensor

import distgnn.nn as ours
from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn import MessagePassing
from tests.nn.conv.compare import EDGE_ATTR, WEIGHT, features
from tests.nn.models.graphs import EDGES, NUM_NODES, ORDER, csc, sparse_tensor
from tests.nn.parity import assert_parity

X = features(4)


def layer_of(base):
    """Return a class on `base` that uses most of what message and update may ask for."""

    class Layer(base):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.lin = torch.nn.Linear(4, 4)

        def forward(self, x, edge_index, edge_weight=None, size=None):
            return self.propagate(edge_index, x=x, edge_weight=edge_weight, size=size)

        def message(self, x_i, x_j, edge_weight=None, index=None, size_i=None):
            out = self.lin(x_j - x_i) + size_i
            return out if edge_weight is None else out * edge_weight.view(-1, 1)

        def update(self, inputs, x):
            return inputs + (x[1] if isinstance(x, tuple) else x)

    return Layer


Ours, Theirs = layer_of(MessagePassing), layer_of(pyg.MessagePassing)


@pytest.mark.parametrize("aggr", ["add", "mean", "max", "min", "mul", "median"])
@pytest.mark.parametrize("flow", ["source_to_target", "target_to_source"])
def test_layer_of_a_user(aggr, flow):
    made = (Ours(aggr=aggr, flow=flow), Theirs(aggr=aggr, flow=flow))
    assert_parity(*made, X, EDGES, WEIGHT)


def test_layer_of_a_user_in_all_forms():
    module = Ours(aggr="max").double()
    expected = module(X, EDGES, WEIGHT)
    torch.testing.assert_close(module(X, csc(), WEIGHT[ORDER]), expected)
    torch.testing.assert_close(module(X, csc(WEIGHT)), expected)
    torch.testing.assert_close(module(X, sparse_tensor(WEIGHT)), expected)


def test_pairs_of_sources_and_targets():
    targets, edges = features(4, 3, seed=9), torch.stack([EDGES[0], EDGES[1] % 3])
    assert_parity(Ours(aggr="add"), Theirs(aggr="add"), (X, targets), edges)


def test_rectangular_csc_has_the_first_sources_as_targets():
    module = ours.SAGEConv(4, 5).double()
    rows = csc().trim(3, NUM_NODES)
    torch.testing.assert_close(module(X, rows), module(X, csc())[:3])
    torch.testing.assert_close(module((X, X[:3]), rows), module(X, csc())[:3])
    without = ours.EdgeConv(torch.nn.Linear(8, 6)).double()
    torch.testing.assert_close(without(X, rows), without(X, csc())[:3])


class Fused(MessagePassing):
    """A user's layer with the fused path that torch-geometric documents."""

    def forward(self, x, edge_index, edge_weight=None):
        return self.propagate(edge_index, x=x, edge_weight=edge_weight)

    def message(self, x_j, edge_weight):
        return x_j if edge_weight is None else x_j * edge_weight.view(-1, 1)

    def message_and_aggregate(self, adj_t, x):
        self.was_fused = True
        return adj_t.matmul(x, reduce=self.aggr)


@pytest.mark.parametrize("aggr", ["sum", "mean", "max"])
def test_fused_path_of_a_user_takes_sparse_tensors_only(aggr):
    layer = Fused(aggr=aggr)
    expected = layer(X, EDGES, WEIGHT)
    assert not hasattr(layer, "was_fused")
    torch.testing.assert_close(layer(X, csc(WEIGHT)), expected)
    assert not hasattr(layer, "was_fused")
    torch.testing.assert_close(layer(X, sparse_tensor(WEIGHT)), expected)
    assert layer.was_fused


def test_overriding_message_switches_the_fused_path_off():
    class Doubled(ours.SAGEConv):
        def message(self, x_j):
            return 2 * x_j

    plain, doubled = ours.SAGEConv(4, 5, root_weight=False), Doubled(4, 5, root_weight=False)
    doubled.load_state_dict(plain.state_dict())
    for edges in (EDGES, csc(), sparse_tensor()):
        torch.testing.assert_close(doubled(X.float(), edges), plain(2 * X.float(), edges))


def test_edge_updater():
    class Scored(MessagePassing):
        def forward(self, x, edge_index):
            return self.edge_updater(edge_index, x=x, scale=2.0)

        def edge_update(self, x_i, x_j, scale, offset=1.0):
            return scale * (x_i * x_j).sum(-1) + offset

    expected = 2 * (X[EDGES[1]] * X[EDGES[0]]).sum(-1) + 1
    torch.testing.assert_close(Scored()(X, EDGES), expected)
    torch.testing.assert_close(Scored()(X, csc()), expected[ORDER])


CONVS = {
    "GCNConv": lambda lib: lib.GCNConv(4, 6),
    "SAGEConv": lambda lib: lib.SAGEConv(4, 6),
    "SAGEConv(max)": lambda lib: lib.SAGEConv(4, 6, aggr="max"),
    "GINConv": lambda lib: lib.GINConv(torch.nn.Linear(4, 6)),
    "GATConv": lambda lib: lib.GATConv(4, 3, heads=2),
    "GATv2Conv": lambda lib: lib.GATv2Conv(4, 3, heads=2),
    "EdgeConv": lambda lib: lib.EdgeConv(torch.nn.Linear(8, 6)),
    "PNAConv": lambda lib: lib.PNAConv(
        4, 6, ["mean", "max"], ["identity"], torch.tensor([1, 4, 2])
    ),
}
every_conv = pytest.mark.parametrize("name", CONVS)


@every_conv
@pytest.mark.parametrize("apply_sigmoid", [False, True])
def test_explanation_masks(name, apply_sigmoid):
    """A mask weighs messages; what a layer's own self-loops weigh is 1."""
    mask = torch.rand(EDGES.size(1), dtype=torch.double)

    def masked(module, x, mask):
        module.explain = True
        module._edge_mask = mask
        module._loop_mask = EDGES[0] != EDGES[1]
        module._apply_sigmoid = apply_sigmoid
        return module(x, EDGES)

    made = [CONVS[name](lib) for lib in (ours, pyg)]
    assert_parity(*made, X, mask, call=masked)


def test_masks_of_the_wrong_size_or_missing():
    layer = ours.SAGEConv(4, 6).double()
    layer.explain = True
    with pytest.raises(ArgumentError, match="no edge mask was set"):
        layer(X, EDGES)
    layer._edge_mask = torch.ones(3)
    with pytest.raises(ArgumentError, match=r"the edge mask has \d+ entries for 13 messages"):
        layer(X, EDGES)


@every_conv
def test_permutations(name):
    layer = CONVS[name](ours).double()
    out = layer(X, EDGES)
    generator = torch.Generator().manual_seed(1)
    shuffled = EDGES[:, torch.randperm(EDGES.size(1), generator=generator)]
    torch.testing.assert_close(layer(X, shuffled), out)
    order = torch.randperm(NUM_NODES, generator=generator)
    renamed = torch.empty_like(order).index_copy_(0, order, torch.arange(NUM_NODES))
    torch.testing.assert_close(layer(X[order], renamed[EDGES]), out[order])


@every_conv
def test_targets_alone(name):
    """A layer computes the target rows that it is asked for, the same as among all rows."""
    layer = CONVS[name](ours).double()
    num_dst = 5
    expected = layer(X, EDGES[:, EDGES[1] < num_dst])[:num_dst]
    rows = csc().trim(num_dst, NUM_NODES)
    torch.testing.assert_close(layer(X, rows), expected)
    torch.testing.assert_close(layer((X, X[:num_dst]), rows.edge_index()), expected)


@every_conv
def test_copy_pickle_reset_repr(name):
    layer, theirs = CONVS[name](ours), CONVS[name](pyg)
    x = X.float()
    out = layer(x, EDGES)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(twin(x, EDGES), out)
    layer.reset_parameters()
    assert not torch.equal(layer(x, EDGES), out)
    if name != "SAGEConv(max)":
        assert repr(layer) == repr(theirs)


@every_conv
def test_no_edges_and_no_nodes(name):
    layer, theirs = CONVS[name](ours), CONVS[name](pyg)
    layer.load_state_dict(theirs.state_dict())
    none = torch.empty(2, 0, dtype=torch.int64)
    x = X.float()
    torch.testing.assert_close(layer(x, none), theirs(x, none))
    empty = CSC(torch.zeros(NUM_NODES + 1, dtype=torch.int64), none[0], NUM_NODES)
    torch.testing.assert_close(layer(x, empty), theirs(x, none))
    assert layer(x[:0], none).shape == (0, 6)


@every_conv
def test_compile_without_graph_breaks(name):
    layer = CONVS[name](ours)
    x = X.float().requires_grad_()
    for edges in (EDGES, csc()):
        torch._dynamo.reset()
        compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
        expected = layer(x, edges)
        out = compiled(x, edges)
        torch.testing.assert_close(out, expected)
        found = torch.autograd.grad(out.sum(), x)
        torch.testing.assert_close(found, torch.autograd.grad(expected.sum(), x))


@pytest.mark.parametrize("name", ["GCNConv", "SAGEConv", "GINConv", "GATConv"])
def test_second_derivatives(name):
    layer = CONVS[name](ours).double()
    x = X.clone().requires_grad_()
    assert torch.autograd.gradgradcheck(lambda x: layer(x, csc()), (x,), atol=1e-4)


@pytest.mark.parametrize("name", ["GCNConv", "GATConv", "PNAConv"])
def test_gradients_by_edge_values_also_twice(name):
    made = {
        "GCNConv": lambda: ours.GCNConv(4, 6),
        "GATConv": lambda: ours.GATConv(4, 3, heads=2, edge_dim=3),
        "PNAConv": lambda: ours.PNAConv(
            4, 6, ["mean"], ["identity"], torch.tensor([1, 4, 2]), edge_dim=3
        ),
    }
    layer = made[name]().double()
    value = (WEIGHT if name == "GCNConv" else EDGE_ATTR).clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda value: layer(X, EDGES, value), (value,))
    assert torch.autograd.gradgradcheck(lambda value: layer(X, EDGES, value), (value,), atol=1e-4)


def test_gcn_cache():
    for edges in (EDGES, csc(), sparse_tensor()):
        layer = ours.GCNConv(4, 6, cached=True).double()
        out = layer(X, edges)
        no_edges = torch.empty(2, 0, dtype=torch.int64)
        torch.testing.assert_close(layer(X, no_edges), out)
        layer.reset_parameters()
        assert not torch.allclose(layer(X, no_edges), out)


def test_returned_attention():
    for name, edges in itertools.product(["GATConv", "GATv2Conv"], [EDGES, sparse_tensor()]):
        layer, theirs = CONVS[name](ours), CONVS[name](pyg)
        layer.load_state_dict(theirs.state_dict())
        found = layer(X.float(), edges, return_attention_weights=True)
        expected = theirs(X.float(), edges, return_attention_weights=True)
        torch.testing.assert_close(found[0], expected[0])
        if isinstance(found[1], SparseTensor):
            for ours_part, theirs_part in zip(found[1].coo(), expected[1].coo(), strict=True):
                torch.testing.assert_close(ours_part, theirs_part)
        else:
            torch.testing.assert_close(found[1], expected[1])


def test_lstm_wants_sorted_edges():
    layer, theirs = ours.SAGEConv(4, 5, aggr="lstm"), pyg.SAGEConv(4, 5, aggr="lstm")
    assert_parity(layer, theirs, X, EDGES[:, ORDER])
    with pytest.raises(ValueError, match="sort"):
        layer(X, EDGES)


@pytest.mark.parametrize(
    ("edge_index", "match"),
    [
        (EDGES.float(), "edge_index has type torch.float32, expected torch.int64"),
        (EDGES[0], r"edge_index has shape \[13\], expected \[2, E\]"),
        (EDGES.repeat(2, 1), r"edge_index has shape \[4, 13\]"),
        ([[0], [1]], "edge_index is a list"),
        (torch.eye(8).to_sparse(), "edge_index has layout torch.sparse_coo"),
        (EDGES + 4, "targets from 4 to 10"),
        (EDGES - 1, "targets from -1 to 5"),
        (torch.tensor([[9], [0]]), "edge 0 comes from node 9, but there are 8"),
        (CSC(torch.tensor([0, 1]), torch.tensor([0]), 3), "from 3 sources to 1 targets"),
    ],
)
def test_bad_edges(edge_index, match):
    with pytest.raises(ArgumentError, match=match):
        ours.SAGEConv(4, 5).double()(X, edge_index)


def test_bad_edges_of_a_layer_without_fused_path():
    layer = Ours(aggr="add").double()
    with pytest.raises(
        ArgumentError, match=r"edge_index\[1\] names nodes from 4 to 10, but x has 8"
    ):
        layer(X, EDGES + 4)
    with pytest.raises(ArgumentError, match="the argument 'x_i' is missing"):
        layer.propagate(EDGES)
    with pytest.raises(ArgumentError, match=r"x has 3 parts"):
        layer.propagate(EDGES, x=(X, X, X))
    with pytest.raises(ArgumentError, match=r"x has shape \[8, 4\]: 8 rows .* have 5 sources"):
        layer(X, EDGES, size=(5, 8))


@pytest.mark.parametrize("edges", [csc(), sparse_tensor()])
def test_flow_of_sorted_forms(edges):
    layer = ours.GCNConv(4, 5, flow="target_to_source").double()
    with pytest.raises(ValueError, match="flow='target_to_source' does not go with a"):
        layer(X, edges)


@pytest.mark.parametrize("name", ["GCNConv", "SAGEConv", "LGConv", "GINConv"])
def test_flow_of_fused_layers(name):
    arguments = {"LGConv": (), "GINConv": (torch.nn.Identity(),)}.get(name, (4, 5))
    layers = [getattr(m, name)(*arguments, flow="target_to_source") for m in (ours, pyg)]
    assert_parity(*layers, X, EDGES)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: MessagePassing(flow="source_to_taget"), "did you mean 'source_to_target'"),
        (lambda: MessagePassing(aggr="summ"), "did you mean 'sum'"),
        (lambda: ours.GCNConv(4, 5, add_self_loops=True, normalize=False), "needs normalize=True"),
        (lambda: ours.GAT(4, 7, 2, heads=2), "hidden_channels=7 is not divisible by heads=2"),
        (
            lambda: ours.PNAConv(4, 5, ["mean"], ["identity"], torch.ones(3), towers=2),
            "out_channels=5 is not divisible by towers=2",
        ),
        (lambda: ours.GINEConv(torch.nn.ReLU(), edge_dim=3), "needs the input size of nn"),
    ],
)
def test_bad_arguments(make, match):
    with pytest.raises(ArgumentError, match=match):
        make()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: ours.GCNConv(4, 5)(X.float(), EDGES, torch.ones(3)),
            r"edge_weight has shape \[3\]",
        ),
        (
            lambda: ours.GATConv(4, 5, edge_dim=3)(X.float(), EDGES, torch.ones(4, 3)),
            r"edge_attr has shape \[4, 3\], expected \[13, 3\]",
        ),
        (
            lambda: ours.PNAConv(4, 5, ["mean"], ["identity"], torch.ones(3), edge_dim=3)(
                X.float(), EDGES
            ),
            "edge_attr is missing: edge_dim=3",
        ),
        (lambda: ours.GINEConv(torch.nn.Linear(4, 5))(X.float(), EDGES), "edge_attr is missing"),
        (
            lambda: ours.GINEConv(torch.nn.Linear(4, 5))(X.float(), EDGES, torch.ones(13, 3)),
            "give GINEConv edge_dim=3",
        ),
        (
            lambda: ours.SAGEConv(4, 5)((X.float(), None), EDGES),
            "the number of targets is unknown",
        ),
        (lambda: ours.GCNConv(4, 5)((X[:3].float(), X.float()), EDGES), "must be the first"),
        (lambda: ours.MessagePassing(aggr=None).propagate(EDGES, x=X), "aggr=None"),
    ],
)
def test_bad_input(call, match):
    with pytest.raises(ArgumentError, match=match):
        call()
