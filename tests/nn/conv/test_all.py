"""What holds for every convolution."""

import copy
import pickle

import pytest
import torch
from torch import nn

import distgnn.nn as zoo
from tests.nn.conv.cases import CASES, call, convolutions, inputs, make

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
