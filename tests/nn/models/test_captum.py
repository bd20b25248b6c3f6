"""Explanations: against torch-geometric's, by hand, and whether they find what was planted."""

import copy
import warnings

import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn
from torch_geometric.nn.models import captum_output_to_dicts as pyg_output_to_dicts
from torch_geometric.nn.models import to_captum_input as pyg_captum_input
from torch_geometric.nn.models import to_captum_model as pyg_captum_model

from distgnn.exceptions import ArgumentError
from distgnn.nn import (
    GAT,
    GCN,
    GIN,
    PNA,
    AttentiveFP,
    CaptumHeteroModel,
    CaptumModel,
    DeepGCNLayer,
    EdgeCNN,
    GATConv,
    GraphSAGE,
    GroupAddRev,
    HeteroConv,
    MaskLevelType,
    SAGEConv,
    captum_output_to_dicts,
    to_captum_input,
    to_captum_model,
)
from distgnn.nn.conv.message_passing import MessagePassing
from tests.nn.models.graphs import EDGES, NUM_NODES, csc, sparse_tensor

LEVELS = ["node", "edge", "node_and_edge"]
X = torch.randn(NUM_NODES, 5, generator=torch.Generator().manual_seed(1)).double()

AUTHOR, PAPER = "author", "paper"
WRITES, CITES, BACK = (
    ("author", "writes", "paper"),
    ("paper", "to", "paper"),
    ("paper", "r", "author"),
)
METADATA = ([PAPER, AUTHOR], [WRITES, CITES, BACK])
X_DICT = {PAPER: X, AUTHOR: X[:4, :3] * 2}
EDGE_DICT = {
    WRITES: torch.tensor([[0, 1, 2, 3, 3, 0], [0, 1, 2, 7, 4, 0]]),
    CITES: EDGES,
    BACK: torch.tensor([[0, 6, 2, 7], [0, 1, 3, 3]]),
}

MODELS = {
    "GCN": (GCN, pyg.GCN, {"jk": "cat"}),
    "GraphSAGE": (GraphSAGE, pyg.GraphSAGE, {}),
    "GraphSAGE-max": (GraphSAGE, pyg.GraphSAGE, {"aggr": "max"}),
    "GIN": (GIN, pyg.GIN, {}),
    "GAT": (GAT, pyg.GAT, {"heads": 2}),
    "GATv2": (GAT, pyg.GAT, {"heads": 2, "v2": True}),
    "EdgeCNN": (EdgeCNN, pyg.EdgeCNN, {}),
    "PNA": (
        PNA,
        pyg.PNA,
        {"aggregators": ["mean", "std"], "scalers": ["identity"], "deg": torch.tensor([1, 4, 3])},
    ),
}


def pair(name, **more):
    ours, theirs, options = MODELS[name]
    torch.manual_seed(0)
    theirs = theirs(5, 8, 2, 4, **options, **more).double().eval()
    ours = ours(5, 8, 2, 4, **options, **more).double().eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


def random_like(inputs):
    """Draw other features and masks, so that a mask is not one by chance."""
    generator = torch.Generator().manual_seed(3)
    return tuple(
        torch.rand(given.shape, generator=generator, dtype=torch.float64).requires_grad_()
        for given in inputs
    )


def gradients(model, inputs, rest):
    out = model(*inputs, *rest)
    return out, torch.autograd.grad(out.cos().sum(), inputs)


def assert_agree(ours, theirs, inputs, rest, tolerance=1e-6):
    out, grads = gradients(ours, inputs, rest)
    out_, grads_ = gradients(theirs, inputs, rest)
    torch.testing.assert_close(out, out_, rtol=tolerance, atol=1e-9)
    torch.testing.assert_close(grads, grads_, rtol=tolerance, atol=1e-9)


@pytest.mark.parametrize("output_idx", [None, 0, -2])
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", list(MODELS))
def test_agrees_with_pyg(name, level, output_idx):
    ours, theirs = pair(name)
    inputs, rest = to_captum_input(X, EDGES, level)
    inputs_, rest_ = pyg_captum_input(X, EDGES, level)
    assert [i.shape for i in inputs] == [i.shape for i in inputs_]
    assert [i.requires_grad for i in inputs] == [i.requires_grad for i in inputs_]
    assert all(torch.equal(a, b) for a, b in zip((*inputs, *rest), (*inputs_, *rest_), strict=True))
    values = random_like(inputs)
    oracle = pyg_captum_model(theirs, level, output_idx)
    assert_agree(to_captum_model(ours, level, output_idx), oracle, values, rest)
    # Layers of torch-geometric in a user's model take our masks as well.
    assert_agree(to_captum_model(theirs, level, output_idx), oracle, values, rest)


class Hetero(nn.Module):
    """Two HeteroConv of either library, and the papers' classes."""

    def __init__(self, library, hetero):
        super().__init__()
        self.conv1 = hetero(self.layers(library, 3, 5))
        self.conv2 = hetero(self.layers(library, 6, 6))
        self.lin = nn.Linear(6, 4)

    @staticmethod
    def layers(library, author, paper):
        return {
            WRITES: library.SAGEConv((author, paper), 6),
            CITES: library.GATConv(paper, 6),  # adds self-loops
            BACK: library.SAGEConv((paper, author), 6, aggr="max"),
        }

    def forward(self, x_dict, edge_index_dict):
        x_dict = {key: x.relu() for key, x in self.conv1(x_dict, edge_index_dict).items()}
        return self.lin(self.conv2(x_dict, edge_index_dict)[PAPER])


class Ours:
    SAGEConv = SAGEConv
    GATConv = GATConv


def hetero_pair():
    torch.manual_seed(0)
    theirs = Hetero(pyg, pyg.HeteroConv).double()
    ours = Hetero(Ours, HeteroConv).double()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    return ours, theirs


@pytest.mark.parametrize("output_idx", [None, 4])
@pytest.mark.parametrize("level", LEVELS)
def test_hetero_agrees_with_pyg(level, output_idx):
    ours, theirs = hetero_pair()
    inputs, rest = to_captum_input(X_DICT, EDGE_DICT, level)
    inputs_, rest_ = pyg_captum_input(X_DICT, EDGE_DICT, level)
    assert [i.shape for i in inputs] == [i.shape for i in inputs_]
    assert len(rest) == len(rest_)
    values = random_like(inputs)
    oracle = pyg_captum_model(theirs, level, output_idx, METADATA)
    assert_agree(to_captum_model(ours, level, output_idx, METADATA), oracle, values, rest)
    assert_agree(to_captum_model(theirs, level, output_idx, METADATA), oracle, values, rest)
    ours_by_type = captum_output_to_dicts(values, level, METADATA)
    theirs_by_type = pyg_output_to_dicts(values, level, METADATA)
    for mine, other in zip(ours_by_type, theirs_by_type, strict=True):
        assert (mine is None) == (other is None)
        if mine is not None:
            assert list(mine) == list(other)
            assert all(torch.equal(mine[key], other[key]) for key in mine)


def test_hetero_masks_without_sigmoid():
    model, _ = hetero_pair()
    inputs, rest = to_captum_input(X_DICT, EDGE_DICT, "edge")
    through, plain = (CaptumHeteroModel(model, "edge", 2, METADATA, s) for s in (True, False))
    torch.testing.assert_close(plain(*inputs, *rest), model(X_DICT, EDGE_DICT)[2:3])
    sigmoids = [value.sigmoid() for value in inputs]
    torch.testing.assert_close(through(*inputs, *rest), plain(*sigmoids, *rest))


def test_to_hetero_of_pyg():
    """Its layers lie in module dictionaries under 'author__writes__paper'."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = pyg.SAGEConv((-1, -1), 4)

        def forward(self, x, edge_index):
            return self.conv(x, edge_index)

    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        net = pyg.to_hetero(Net(), METADATA).double()
    net(X_DICT, EDGE_DICT)

    class Papers(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x_dict, edge_index_dict):
            out = self.net(x_dict, edge_index_dict)
            return torch.cat([out[PAPER], out[AUTHOR]])

    inputs, rest = to_captum_input(X_DICT, EDGE_DICT, "edge")
    values, model = random_like(inputs), Papers()
    oracle = pyg_captum_model(model, "edge", None, METADATA)
    assert_agree(to_captum_model(model, "edge", None, METADATA), oracle, values, rest)


def test_one_layer_by_hand():
    class Sum(MessagePassing):
        def forward(self, x, edge_index):
            return self.propagate(edge_index, x=x)

    x = torch.tensor([[1.0], [10.0], [100.0]])
    edges = torch.tensor([[0, 1, 2], [2, 2, 0]])
    inputs, rest = to_captum_input(x, edges, "edge")
    assert inputs[0].tolist() == [[1.0, 1.0, 1.0]]
    model = to_captum_model(Sum(), "edge", 2)
    mask = torch.tensor([[0.5, 2.0, 7.0]])
    assert model(mask, *rest).tolist() == [[20.5]]


@pytest.mark.parametrize("make", [csc, sparse_tensor])
def test_sorted_edges(make):
    """The mask follows the edges of a CSC or SparseTensor, which are sorted by target."""
    order = (EDGES[1] * NUM_NODES + (EDGES[0] if make is sparse_tensor else 0)).argsort(stable=True)
    names = ["GCN", "GraphSAGE", "GAT", "PNA"]
    if make is sparse_tensor:
        names = ["GraphSAGE", "PNA"]  # the others set its diagonal anew
    for name in names:
        explained = to_captum_model(pair(name)[0], "edge")
        (mask,), rest = to_captum_input(X, EDGES, "edge")
        (mask,), sorted_rest = to_captum_input(X, make(), "edge")
        assert mask.shape == (1, EDGES.size(1))
        values = random_like((mask,))[0]
        expected = explained(values, *rest)
        out = explained(values[:, order], *sorted_rest)
        torch.testing.assert_close(out, expected, rtol=1e-9, atol=1e-12)


def test_further_arguments():
    ours, theirs = pair("GCN")
    weight = torch.rand(EDGES.size(1)).double()
    inputs, rest = to_captum_input(X, EDGES, "node_and_edge", weight)
    oracle = pyg_captum_model(theirs, "node_and_edge", 1)
    assert_agree(CaptumModel(ours, "node_and_edge", 1), oracle, random_like(inputs), rest)


def test_layers_that_refuse_get_no_mask():
    torch.manual_seed(0)
    model = AttentiveFP(5, 8, 3, 2, 2, 2).double().eval()
    theirs = pyg.AttentiveFP(5, 8, 3, 2, 2, 2).double().eval()
    theirs.load_state_dict(model.state_dict(), strict=True)
    batch = torch.arange(NUM_NODES) // 4
    inputs, rest = to_captum_input(X, EDGES, "edge", torch.rand(EDGES.size(1), 2).double(), batch)
    assert_agree(
        to_captum_model(model, "edge"), pyg_captum_model(theirs, "edge"), random_like(inputs), rest
    )


def test_layers_are_left_as_they_were():
    model, _ = pair("GCN")
    before = model(X, EDGES)
    model.convs[0].explain = False
    (mask,), rest = to_captum_input(X, EDGES, "edge")
    explained = to_captum_model(model, "edge")
    explained(mask * 0.5, *rest)
    with pytest.raises(ArgumentError, match="edge_index"):
        explained(mask, X, EDGES.int())
    assert [conv.explain for conv in model.convs] == [False, None]
    assert all(conv._edge_mask is None and conv._loop_mask is None for conv in model.convs)
    assert all(conv._apply_sigmoid for conv in model.convs)
    assert torch.equal(model(X, EDGES), before)


@pytest.mark.parametrize("reversible", [False, True])
def test_masks_hold_in_layers_that_recompute(reversible):
    """Gradients are those of the same layers without recomputation."""

    def net(saves):
        torch.manual_seed(0)
        conv = SAGEConv(4, 4)
        if reversible:
            return GroupAddRev(conv, num_groups=2, disable=not saves).double()
        return DeepGCNLayer(conv, nn.LayerNorm(4), nn.ReLU(), ckpt_grad=saves).double()

    x = torch.randn(NUM_NODES, 8 if reversible else 4).double()
    inputs, rest = to_captum_input(x, EDGES, "node_and_edge")
    values = random_like(inputs)
    saving, plain = net(saves=True), net(saves=False)
    plain.load_state_dict(saving.state_dict())
    assert_agree(*(to_captum_model(m, "node_and_edge") for m in (saving, plain)), values, rest)
    assert saving.disable is False if reversible else saving.ckpt_grad is True


def test_unused_inputs_are_attributed_zero():
    """The paper's class does not depend on edges to authors of the last layer."""

    class OneLayer(Hetero):
        def forward(self, x_dict, edge_index_dict):
            return self.lin(self.conv1(x_dict, edge_index_dict)[PAPER])

    model = OneLayer(Ours, HeteroConv).double()
    inputs, rest = to_captum_input(X_DICT, EDGE_DICT, "edge")
    _, grads = gradients(to_captum_model(model, "edge", 0, METADATA), inputs, rest)
    assert not grads[2].any()
    assert grads[1].any()


def test_defaults_and_kinds():
    model, _ = pair("GCN")
    explained = to_captum_model(model)
    assert isinstance(explained, CaptumModel)
    assert explained.mask_type is MaskLevelType.edge
    assert explained.output_idx is None
    hetero = to_captum_model(hetero_pair()[0], MaskLevelType.node, metadata=METADATA)
    assert isinstance(hetero, CaptumHeteroModel)
    assert [level.value for level in MaskLevelType] == LEVELS
    assert [level.with_edge for level in MaskLevelType] == [False, True, True]
    assert copy.deepcopy(explained)(torch.ones(1, EDGES.size(1)), X, EDGES).shape == (8, 4)


def test_unknown_mask_type():
    model, _ = pair("GCN")
    for call in (
        lambda: to_captum_model(model, "edges"),
        lambda: to_captum_input(X, EDGES, "edges"),
        lambda: captum_output_to_dicts((X,), "edges", METADATA),
    ):
        with pytest.raises(
            ArgumentError, match="mask_type='edges' is unknown; did you mean 'edge'"
        ):
            call()


def test_models_that_take_no_edge_mask():
    with pytest.raises(ArgumentError, match=r"Linear has no message-passing layer .* use mask"):
        to_captum_model(nn.Linear(5, 2), "edge")
    model, _ = pair("GCN")
    for conv in model.convs:
        conv.explain = False
    with pytest.raises(ArgumentError, match="mask_type='node_and_edge' needs layers"):
        to_captum_model(model, "node_and_edge")
    to_captum_model(model, "node")
    with pytest.raises(ArgumentError, match="GCN holds no layer under a name of the edge types"):
        to_captum_model(pair("GCN")[0], "edge", None, METADATA)


def test_output_out_of_range():
    model, _ = pair("GCN")
    inputs, rest = to_captum_input(X, EDGES, "node")
    for index in (8, -9):
        with pytest.raises(ArgumentError, match=rf"output_idx={index} is out of range.*\[8, 4\]"):
            to_captum_model(model, "node", index)(*inputs, *rest)


def test_inputs_of_wrong_shape():
    model, _ = pair("GCN")
    (mask,), rest = to_captum_input(X, EDGES, "edge")
    with pytest.raises(ArgumentError, match=r"input 0 has shape \[3, 13\].*internal_batch_size=1"):
        to_captum_model(model, "edge")(mask.repeat(3, 1), *rest)
    with pytest.raises(ArgumentError, match=r"shape \[1, 12\], expected \[1, 13\]: .*edge_index"):
        to_captum_model(model, "edge")(mask[:, 1:], *rest)
    with pytest.raises(ArgumentError, match=r"edge_index has shape \[13\], expected \[2, E\]"):
        to_captum_input(X, EDGES[0], "edge")
    with pytest.raises(ArgumentError, match="x is a dict and edge_index a Tensor"):
        to_captum_input(X_DICT, EDGES, "edge")
    inputs, rest = to_captum_input(X_DICT, EDGE_DICT, "node")
    with pytest.raises(ArgumentError, match=r"give to_captum_model\(\) the metadata"):
        to_captum_model(model, "edge")(mask, X_DICT, EDGE_DICT)
    with pytest.raises(ArgumentError, match="captum_attrs has 2 tensors, expected 0 of node types"):
        captum_output_to_dicts(inputs, "edge", METADATA)


def test_other_order_of_edge_types():
    model = to_captum_model(hetero_pair()[0], "edge", None, METADATA)
    swapped = dict(reversed(EDGE_DICT.items()))
    inputs, rest = to_captum_input(X_DICT, swapped, "edge")
    with pytest.raises(ArgumentError, match="both must have the same types in the same order"):
        model(*inputs, *rest)


def test_model_of_several_outputs():
    class Both(nn.Module):
        def forward(self, x, edge_index):
            return x, edge_index

    inputs, rest = to_captum_input(X, EDGES, "node")
    with pytest.raises(ArgumentError, match="the model returns a tuple, but captum explains one"):
        to_captum_model(Both(), "node")(*inputs, *rest)
