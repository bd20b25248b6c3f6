import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import MLP
from tests.nn.parity import assert_parity

BATCH = torch.tensor([0, 0, 0, 1, 1, 3])
OPTIONS = [
    {},
    {"norm": None},
    {"act": None},
    {"norm": "graph_norm", "act": "elu", "act_kwargs": {"alpha": 0.5}},
    {"norm": "layer_norm", "norm_kwargs": {"mode": "node"}, "act_first": True},
    {"norm": "LayerNorm"},
    {"norm": "instance-norm", "plain_last": False},
    {"plain_last": False, "dropout": 0.3},
    {"dropout": 0.5},
    {"dropout": [0.1, 0.2, 0.3]},
    {"bias": False},
    {"bias": [True, False, True]},
    {"norm": None, "act": torch.tanh, "plain_last": False},
]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=map(str, range(len(OPTIONS))))
def test_as_torch_geometric(options, training):
    ours, theirs = MLP([3, 8, 5, 4], **options), pyg.MLP([3, 8, 5, 4], **options)
    assert repr(ours) == repr(theirs)
    ours.train(training)
    theirs.train(training)
    assert_parity(ours, theirs, torch.randn(6, 3), BATCH)
    assert_parity(ours, theirs, torch.randn(6, 3), BATCH, 5)
    assert_parity(ours, theirs, torch.randn(6, 3))


@pytest.mark.parametrize("return_emb", [True, False, None])
@pytest.mark.parametrize("plain_last", [True, False])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_embedding_as_torch_geometric(num_layers, plain_last, return_emb):
    sizes = {"in_channels": 3, "hidden_channels": 8, "out_channels": 4, "num_layers": num_layers}
    ours, theirs = MLP(**sizes, plain_last=plain_last), pyg.MLP(**sizes, plain_last=plain_last)
    assert_parity(ours, theirs, torch.randn(6, 3), return_emb=return_emb)


def test_sizes():
    mlp = MLP(3, hidden_channels=8, out_channels=4, num_layers=2)
    assert (mlp.in_channels, mlp.out_channels, mlp.num_layers) == (3, 4, 2)
    assert mlp.channel_list == [3, 8, 4]
    assert MLP([3, 4]).num_layers == 1
    lazy = MLP([-1, 8, 4])
    assert lazy(torch.randn(6, 7)).shape == (6, 4)


def test_old_names_as_torch_geometric():
    old = {"batch_norm": False, "relu_first": True}
    with pytest.warns(UserWarning, match="deprecated"):
        theirs = pyg.MLP([3, 8, 4], **old)
    assert_parity(MLP([3, 8, 4], **old), theirs, torch.randn(6, 3))
    ours = MLP([3, 8, 4], batch_norm=True, batch_norm_kwargs={"momentum": 0.5})
    assert ours.norms[0].module.momentum == 0.5


def test_a_norm_module_serves_every_layer():
    norm = nn.LayerNorm(8)
    mlp = MLP([3, 8, 8, 4], norm=norm)
    assert mlp.norms[0] is norm is mlp.norms[1]


def test_copies_pickles_resets():
    mlp = MLP([3, 8, 4]).eval()
    x = torch.randn(6, 3)
    for other in (copy.deepcopy(mlp), pickle.loads(pickle.dumps(mlp))):
        assert torch.equal(other(x), mlp(x))
    before = mlp.lins[0].weight.clone()
    mlp.reset_parameters()
    assert not torch.equal(mlp.lins[0].weight, before)


def test_compiles_without_graph_break():
    mlp = MLP([3, 8, 4], norm="layer_norm")
    compiled = torch.compile(mlp, backend="aot_eager", fullgraph=True)
    x = torch.randn(6, 3)
    torch.testing.assert_close(compiled(x, BATCH, 4), mlp(x, BATCH, 4))


def test_bfloat16_autocast_and_empty_input():
    mlp = MLP([3, 8, 4])
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mlp(torch.randn(6, 3)).sum().backward()
    assert mlp(torch.empty(0, 3)).shape == (0, 4)


BAD = [
    (lambda: MLP(), "at least an input and an output size"),
    (lambda: MLP([3]), r"channel_list=\[3\]"),
    (lambda: MLP(in_channels=3, out_channels=4), "num_layers=None"),
    (lambda: MLP(in_channels=3, out_channels=4, num_layers=2), "hidden_channels must be given"),
    (lambda: MLP(in_channels=3, hidden_channels=4, num_layers=2), "out_channels must be given"),
    (lambda: MLP([3, 4, 5], dropout=[0.1]), r"dropout=\[0.1\] must have one entry .* 2 layers"),
    (lambda: MLP([3, 4, 5], bias=[True]), "bias="),
    (lambda: MLP([3, 4, 5], act="rel"), "did you mean 'relu'"),
    (lambda: MLP([3, 4, 5], norm="batchnrm"), "did you mean 'batchnorm'"),
    (lambda: MLP([3, 4, 5], drop=0.5), "unknown arguments: drop"),
    (lambda: MLP([3, 4, 5])(torch.randn(2, 4)), r"x has shape \[2, 4\]"),
]


@pytest.mark.parametrize(("call", "message"), BAD, ids=map(str, range(len(BAD))))
def test_bad_input(call, message):
    with pytest.raises(ArgumentError, match=message):
        call()
