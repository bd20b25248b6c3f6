import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg
from torch import nn

import distgnn.nn
from distgnn.exceptions import ArgumentError
from distgnn.nn import GAE, InnerProductDecoder
from tests.nn.parity import assert_parity

X = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
POS = torch.tensor([[0, 1, 2, 3, 0], [1, 2, 3, 4, 1]])
NEG = torch.tensor([[0, 5, 2], [3, 0, 2]])
NAMES = ["GAE", "VGAE", "ARGA", "ARGVA"]


class Encoder(nn.Module):
    """Means, and log standard deviations beyond the clamp, if variational."""

    def __init__(self, variational):
        super().__init__()
        self.mu = nn.Linear(3, 4)
        self.logstd = nn.Linear(3, 4) if variational else None

    def forward(self, x, scale=1.0):
        if self.logstd is None:
            return self.mu(x) * scale
        return self.mu(x) * scale, self.logstd(x) * torch.tensor([1.0, 1.0, 1.0, 100.0])


def models(name, decoder=None):
    pairs = []
    for library in (vars(distgnn.nn), vars(pyg)):
        parts = [Encoder(variational="V" in name)]
        parts += [nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 1))] if "R" in name else []
        pairs.append(library[name](*parts, decoder=None if decoder is None else decoder()))
    return pairs


def losses(model, x, pos, neg):
    z = model.encode(x, scale=2.0)
    found = [z, model.recon_loss(z, pos, neg)]
    if hasattr(model, "kl_loss"):
        found += [model.kl_loss(), model.__mu__, model.__logstd__]
        found += [model.kl_loss(z, 20 * z), model.kl_loss(logstd=z)]
    if hasattr(model, "reg_loss"):
        found += [model.reg_loss(z), model.discriminator_loss(z)]
    return found


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_as_torch_geometric(name, training):
    ours, theirs = (model.train(training) for model in models(name))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, X, POS, NEG, call=losses)
    assert_parity(ours, theirs, X)
    z = torch.randn(6, 4, dtype=torch.float64)
    assert ours.test(z, POS, NEG) == pytest.approx(theirs.test(z, POS, NEG))


@pytest.mark.parametrize("sigmoid", [False, True])
def test_decoder(sigmoid):
    ours, theirs = InnerProductDecoder(), pyg.InnerProductDecoder()
    assert_parity(ours, theirs, X, POS, sigmoid=sigmoid)
    assert_parity(ours, theirs, X, sigmoid=sigmoid, call=lambda m, *a, **k: m.forward_all(*a, **k))


def test_a_decoder_of_ones_own():
    class Decoder(nn.Module):
        def __init__(self):
            super().__init__()
            self.lin = nn.Linear(4, 4)

        def forward(self, z, edge_index, sigmoid=True):
            value = (self.lin(z)[edge_index[0]] * z[edge_index[1]]).sum(-1)
            return value.sigmoid() if sigmoid else value

    ours, theirs = models("ARGVA", Decoder)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_parity(ours, theirs, X, POS, NEG, call=losses)
    assert ours.decode(torch.ones(6, 4, dtype=torch.float64), POS).shape == (5,)


def test_negatives_are_drawn_from_the_non_edges():
    class Spy(InnerProductDecoder):
        def forward(self, z, edge_index, sigmoid=True):
            seen.append(edge_index)
            return super().forward(z, edge_index, sigmoid)

    seen = []
    model = GAE(nn.Linear(3, 4), Spy())
    assert bool(model.recon_loss(model.encode(X), POS).isfinite())
    edges, negatives = (set(map(tuple, pairs.t().tolist())) for pairs in seen)
    assert len(negatives) == POS.size(1)
    assert not edges & negatives
    assert all(u != v for u, v in negatives)


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_drawn_anew(name):
    parts = [Encoder(variational="V" in name), *([nn.Linear(4, 1)] if "R" in name else [])]
    before = [copy.deepcopy(part.state_dict()) for part in parts]
    model = getattr(distgnn.nn, name)(*parts)
    for part, old in zip(parts, before, strict=True):
        assert not any(torch.equal(old[k], v) for k, v in part.state_dict().items())
    before = copy.deepcopy(model.state_dict())
    model.reset_parameters()
    assert not any(torch.equal(before[k], v) for k, v in model.state_dict().items())


@pytest.mark.parametrize("name", NAMES)
def test_copies_and_pickles_after_a_step(name):
    model = models(name)[0]
    losses(model, X, POS, NEG)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(other(X), model(X))
        losses(other, X, POS, NEG)
    if "V" in name:
        with pytest.raises(ArgumentError, match=r"a call of encode\(\) before"):
            copy.deepcopy(model).kl_loss()


@pytest.mark.parametrize("name", NAMES)
def test_no_edges_or_no_negatives(name):
    model = models(name)[0]
    z = torch.randn(6, 4)
    for call in (model.recon_loss, model.test):
        with pytest.raises(ArgumentError, match="pos_edge_index is empty"):
            call(z, POS[:, :0], NEG)
        with pytest.raises(ArgumentError, match="neg_edge_index is empty"):
            call(z, POS, NEG[:, :0])
    with pytest.raises(ArgumentError, match=r"neg_edge_index is empty.* has no negatives"):
        model.recon_loss(z[:2], torch.tensor([[0, 1], [1, 0]]))
    with pytest.raises(ArgumentError, match=r"edge_index has type torch\.float32"):
        model.recon_loss(z, POS.float())
