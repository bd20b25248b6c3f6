import copy
import pickle

import numpy as np
import pytest
import torch
import torch_geometric.nn as pyg
from torch_geometric.nn.models import signed_gcn as pyg_module
from torch_sparse import SparseTensor

from distgnn.exceptions import ArgumentError
from distgnn.nn import SignedGCN
from distgnn.nn.adjacency import to_csc
from distgnn.nn.models import signed_gcn
from tests.nn.parity import assert_parity

NODES = 7
# A pair both ways, a repeated edge, a pair that is positive and negative; node 6 is alone.
POS = torch.tensor([[0, 1, 2, 3, 0, 4, 1, 0], [1, 2, 3, 4, 2, 0, 0, 1]])
NEG = torch.tensor([[0, 1, 3, 5, 0], [3, 4, 1, 0, 2]])
NONE = torch.tensor([[6, 1, 4], [0, 5, 2]])
X = torch.randn(NODES, 4, generator=torch.Generator().manual_seed(0))


def models(num_layers=3, **kwargs):
    return [cls(4, 6, num_layers, **kwargs) for cls in (SignedGCN, pyg.SignedGCN)]


@pytest.mark.parametrize(("num_layers", "bias"), [(1, True), (2, False), (3, True)])
def test_as_torch_geometric(num_layers, bias):
    ours, theirs = models(num_layers, bias=bias)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_parity(ours, theirs, X, POS, NEG)
    pos, neg = (SparseTensor(row=e[1], col=e[0], sparse_sizes=(NODES, NODES)) for e in (POS, NEG))
    assert_parity(ours, theirs, X, pos, neg)
    pos, neg = (to_csc(e, NODES, NODES)[0] for e in (POS, NEG))
    x = X.double()
    torch.testing.assert_close(ours(x, pos, neg), ours(x, POS, NEG))


def test_losses_as_torch_geometric(monkeypatch):
    def structured(edge_index, *_):
        return (*edge_index, (edge_index[0] + 3) % NODES)

    for module in (signed_gcn, pyg_module):
        monkeypatch.setattr(module, "negative_sampling", lambda *_: NONE)
        monkeypatch.setattr(module, "structured_negative_sampling", structured)

    def losses(model, x, pos, neg):
        z = model(x, pos, neg)
        return [
            model.discriminate(z, NONE),
            model.nll_loss(z, pos, neg),
            model.pos_embedding_loss(z, pos),
            model.neg_embedding_loss(z, neg),
            model.loss(z, pos, neg),
        ]

    assert_parity(*models(lamb=2.5), X, POS, NEG, call=losses)


def test_test_as_torch_geometric():
    ours, theirs = models()
    ours.load_state_dict(theirs.state_dict())
    for seed in range(10):
        z = torch.randn(NODES, 6, generator=torch.Generator().manual_seed(seed)) * 3
        assert ours.test(z, POS, NEG) == pytest.approx(theirs.test(z, POS, NEG))


@pytest.mark.parametrize("num_nodes", [None, 9])
def test_spectral_features_as_torch_geometric(num_nodes):
    ours, theirs = models()
    found = []
    for model in (ours, theirs):
        np.random.seed(0)  # noqa: NPY002 -- scikit-learn draws from it
        found.append(model.create_spectral_features(POS, NEG, num_nodes))
    assert found[0].dtype == torch.float32
    torch.testing.assert_close(*found)


def test_split_as_torch_geometric():
    ours, theirs = models()
    for ratio in (0.2, 0.5, 0.0, 1.0):
        found = []
        for model in (ours, theirs):
            torch.manual_seed(0)
            found.append(model.split_edges(POS, ratio))
        for mine, other in zip(*found, strict=True):
            assert torch.equal(mine, other)


def test_drawn_pairs_are_no_edges(monkeypatch):
    seen = []
    ours, _ = models()
    z = ours(X, POS, NEG)
    plain = SignedGCN.discriminate
    monkeypatch.setattr(
        SignedGCN, "discriminate", lambda self, z, e: (seen.append(e), plain(self, z, e))[1]
    )
    ours.loss(z, POS, NEG).backward()
    assert seen[2].size(1) == POS.size(1) + NEG.size(1)
    edges = set(map(tuple, torch.cat([POS, NEG], dim=1).t().tolist()))
    assert not edges & set(map(tuple, seen[2].t().tolist()))


def test_copies_pickles_reset():
    model, _ = models()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X, POS, NEG), model(X, POS, NEG))
    before = copy.deepcopy(model.state_dict())
    model.reset_parameters()
    assert not any(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_edges_of_one_sign_only():
    ours, theirs = models()
    assert_parity(ours, theirs, X, POS, NEG[:, :0])
    assert_parity(ours, theirs, X, POS[:, :0], NEG)


def test_bad_input():
    model, _ = models()
    z = torch.randn(NODES, 6)
    for call in (model.nll_loss, model.loss, model.test):
        with pytest.raises(ArgumentError, match="pos_edge_index is empty"):
            call(z, POS[:, :0], NEG)
        with pytest.raises(ArgumentError, match="neg_edge_index is empty"):
            call(z, POS, NEG[:, :0])
    with pytest.raises(ArgumentError, match="pos_edge_index is empty"):
        model.pos_embedding_loss(z, POS[:, :0])
    with pytest.raises(ArgumentError, match="neg_edge_index names node 9, but there are 7"):
        model.neg_embedding_loss(z, NEG + 4)
    with pytest.raises(ArgumentError, match="hidden_channels=7 must be even"):
        SignedGCN(4, 7, 2)
    with pytest.raises(ArgumentError, match="num_layers=0 positive"):
        SignedGCN(4, 6, 0)
    with pytest.raises(ArgumentError, match="in_channels=40 features cannot be had from 6 nodes"):
        SignedGCN(40, 6, 2).create_spectral_features(POS, NEG)
    with pytest.raises(ArgumentError, match=r"test_ratio=1\.5 must lie"):
        model.split_edges(POS, 1.5)
