"""What holds for every convolution."""

import copy
import pickle
from dataclasses import replace

import pytest
import torch
from torch import nn

import distgnn.nn as zoo
from distgnn.exceptions import ArgumentError
from tests.nn.conv.cases import CASES, CHANNELS, EDGE_DIM, call, convolutions, inputs, make

COMPILED = {"GraphConv", "TransformerConv", "MFConv"}
"""Compiled in every run; the others take another minute."""

every = pytest.mark.parametrize("name", CASES)


def permutation(size):
    return torch.randperm(size, generator=torch.Generator().manual_seed(size))


def test_every_convolution_has_a_case():
    assert convolutions() == set(CASES)


@every
def test_relabelling_nodes_permutes_the_output(name):
    conv, given = make(name).double(), inputs(torch.double)
    order = permutation(given.x.size(0))
    out = call(name, conv, given)
    torch.testing.assert_close(call(name, conv, given.relabelled(order)), out[order])


@every
def test_the_order_of_edges_does_not_matter(name):
    conv, given = make(name).double(), inputs(torch.double)
    order = permutation(given.edge_index.size(1))
    out = call(name, conv, given)
    torch.testing.assert_close(call(name, conv, given.shuffled(order)), out)


@every
def test_copies_and_pickles_compute_the_same(name):
    conv, given = make(name), inputs()
    out = call(name, conv, given)
    for twin in (copy.deepcopy(conv), pickle.loads(pickle.dumps(conv))):
        assert list(twin.state_dict()) == list(conv.state_dict())
        assert torch.equal(call(name, twin, given), out)
        assert repr(twin) == repr(conv)
    assert repr(conv).startswith(f"{name}(")


@every
def test_a_used_layer_pickles(name):
    """Whatever a forward pass remembers must not get in the way."""
    conv, given = make(name), inputs()
    call(name, conv, given).sum()
    twin = pickle.loads(pickle.dumps(conv))
    torch.testing.assert_close(call(name, twin, given), call(name, conv, given))


@every
def test_reset_parameters_draws_them_again(name):
    conv, given = make(name), inputs()
    first = call(name, conv, given)
    torch.manual_seed(1)
    conv.reset_parameters()
    again = call(name, conv, given)
    assert again.isfinite().all()
    has_weights = any(parameter.dim() > 1 for parameter in conv.parameters())
    assert torch.equal(first, again) != has_weights


@every
def test_bfloat16_autocast(name):
    conv, given = make(name), inputs()
    given.x.requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        out = call(name, conv, given)
        loss = out.float().square().sum()
    loss.backward()
    assert out.isfinite().all()
    expected = call(name, make(name), inputs())
    torch.testing.assert_close(out.float(), expected, rtol=0.1, atol=0.1)
    for parameter in [given.x, *conv.parameters()]:
        assert parameter.grad is None or parameter.grad.isfinite().all()
    assert given.x.grad is not None


@every
def test_float64(name):
    conv, given = make(name).double(), inputs(torch.double)
    given.x.requires_grad_()
    out = call(name, conv, given)
    assert out.dtype == torch.float64
    out.sum().backward()
    assert given.x.grad.isfinite().all()


@pytest.mark.parametrize(
    "name",
    [name if name in COMPILED else pytest.param(name, marks=pytest.mark.slow) for name in CASES],
)
def test_compiles_without_graph_breaks(name):
    conv, given = make(name), inputs()
    given.x.requires_grad_()

    class Called(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = conv

        def forward(self, x):
            return call(name, self.conv, type(given)(x, *relations))

    relations = (given.edge_index, given.weight, given.attr, given.kind)
    torch._dynamo.reset()
    compiled = torch.compile(Called(), fullgraph=True, backend="aot_eager")
    out, expected = compiled(given.x), Called()(given.x)
    torch.testing.assert_close(out, expected)
    for ours, plain in zip(
        torch.autograd.grad(out.sum(), given.x),
        torch.autograd.grad(expected.sum(), given.x),
        strict=True,
    ):
        torch.testing.assert_close(ours, plain)


def test_all_convolutions_share_the_base():
    for name in convolutions() - {"HeteroConv"}:
        assert issubclass(getattr(zoo, name), zoo.MessagePassing)


def test_degrees_may_come_from_a_configuration_file():
    """PNA's histogram as a list, as TOML and JSON hold it."""
    listed, given = CASES["PNAConv"], inputs()
    conv = make("PNAConv")
    *names, degrees = listed.arguments
    again = zoo.PNAConv(*names, degrees.tolist(), **listed.options)
    again.load_state_dict(conv.state_dict())
    assert torch.equal(call("PNAConv", again, given), call("PNAConv", conv, given))
    assert again.aggr_module.init_avg_deg_log == conv.aggr_module.init_avg_deg_log


OF_THE_USER = {"CFConv", "EdgeConv", "GINConv"}
"""Their network of edges or nodes is the user's: torch speaks for it."""
ANY_WIDTH = {"LGConv", "SimpleConv"}
WITH_EDGE_DIM = [name for name, case in CASES.items() if "edge_dim" in case.options]
WITH_VALUES = [name for name in CASES if name in {*WITH_EDGE_DIM, "GATEConv", "CFConv"}]


@pytest.mark.parametrize("name", sorted(set(CASES) - {"EdgeConv", "GINConv"} - ANY_WIDTH))
def test_features_of_the_wrong_size(name):
    given = replace(inputs(), x=torch.randn(8, CHANNELS + 3))
    with pytest.raises(ArgumentError, match=r"has shape \[\d+, 7\]|\[.*, 4\]"):
        call(name, make(name), given)


@every
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda edges: edges.float(), r"torch.float32, expected torch.int64"),
        (lambda edges: torch.cat([edges, edges[:1]]), r"shape \[3, \d+\], expected \[2, E\]"),
        (lambda edges: edges + 3, "but there are|but .* rows|expected 0 to 7"),
        (lambda edges: edges - 1, "-1"),
    ],
    ids=["float", "three rows", "too large", "negative"],
)
def test_edges_of_the_wrong_kind(name, change, message):
    given = inputs()
    given = replace(given, edge_index=change(given.edge_index))
    with pytest.raises(ArgumentError, match=message):
        call(name, make(name), given)


@pytest.mark.parametrize("name", WITH_VALUES)
def test_too_few_edge_features(name):
    given = inputs()
    given = replace(given, weight=given.weight[:4], attr=given.attr[:4])
    with pytest.raises(ArgumentError, match=r"edge_attr has (shape \[4, 3\]|4 rows)|are 4 filters"):
        call(name, make(name), given)


@pytest.mark.parametrize("name", sorted(set(WITH_VALUES) - OF_THE_USER))
def test_edge_features_of_the_wrong_size(name):
    given = replace(inputs(), attr=torch.randn(13, EDGE_DIM - 1))
    with pytest.raises(ArgumentError, match=r"edge_attr has shape \[13, 2\], expected \[13, 3\]"):
        call(name, make(name), given)


@pytest.mark.parametrize("name", WITH_EDGE_DIM)
def test_missing_edge_features(name):
    given = inputs()
    with pytest.raises(ArgumentError, match="edge_attr is missing"):
        make(name)(given.x, given.edge_index)
