import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import AttentiveFP, NeuralFingerprint
from tests.nn.models.graphs import EDGES, NUM_NODES, csc, sparse_tensor
from tests.nn.parity import assert_parity

X = torch.randn(NUM_NODES, 5)
EDGE_ATTR = torch.randn(EDGES.size(1), 4)
BATCH = torch.tensor([0, 0, 0, 0, 0, 0, 0, 1])


@pytest.mark.parametrize("max_degree", [2, 10])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_neural_fingerprint_as_torch_geometric(num_layers, max_degree):
    sizes = 5, 8, 6, num_layers
    ours = NeuralFingerprint(*sizes, max_degree=max_degree)
    theirs = pyg.models.NeuralFingerprint(*sizes, max_degree=max_degree)
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, X, EDGES)
    assert_parity(ours, theirs, X, EDGES, BATCH)
    assert_parity(ours, theirs, X, EDGES, BATCH, 3)
    assert_parity(ours, theirs, X, sparse_tensor(), BATCH)


@pytest.mark.parametrize("num_timesteps", [1, 3])
@pytest.mark.parametrize("num_layers", [1, 3])
def test_attentive_fp_as_torch_geometric(num_layers, num_timesteps):
    sizes = 5, 8, 3, 4, num_layers, num_timesteps
    ours, theirs = AttentiveFP(*sizes), pyg.AttentiveFP(*sizes)
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, X, EDGES, EDGE_ATTR, BATCH)
    assert_parity(ours, theirs, X, EDGES, EDGE_ATTR, BATCH.flip(0))


def test_dropout_drops_in_training_only():
    model = AttentiveFP(5, 8, 3, 4, 2, 2, dropout=0.5)
    args = X, EDGES, EDGE_ATTR, BATCH
    assert not torch.equal(model(*args), model(*args))
    assert torch.equal(model.eval()(*args), model(*args))


def models():
    return [
        (NeuralFingerprint(5, 8, 6, 2), (BATCH,)),
        (AttentiveFP(5, 8, 3, 4, 2, 2), (EDGE_ATTR, BATCH)),
    ]


@pytest.mark.parametrize("which", [0, 1])
def test_forms_copies_pickles_resets(which):
    model, rest = models()[which]
    out = model(X, EDGES, *rest)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X, EDGES, *rest), out)
    order = torch.randperm(EDGES.size(1))
    shuffled = [r[order] if r is EDGE_ATTR else r for r in rest]
    torch.testing.assert_close(model(X, EDGES[:, order], *shuffled), out)
    by_target = EDGES[1].argsort(stable=True)
    sorted_rest = [r[by_target] if r is EDGE_ATTR else r for r in rest]
    torch.testing.assert_close(model(X, csc(), *sorted_rest), out)
    model.reset_parameters()
    assert not torch.equal(model(X, EDGES, *rest), out)


@pytest.mark.parametrize("which", [0, 1])
def test_renaming_atoms_changes_nothing(which):
    model, rest = models()[which]
    order = torch.randperm(NUM_NODES)
    renamed = [r[order] if r is BATCH else r for r in rest]
    out = model(X[order], order.argsort()[EDGES], *renamed)
    torch.testing.assert_close(out, model(X, EDGES, *rest), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("which", [0, 1])
def test_atoms_without_bonds(which):
    model, rest = models()[which]
    none = torch.empty(2, 0, dtype=torch.int64)
    rest = [r[:0] if r is EDGE_ATTR else r for r in rest]
    out = model(X, none, *rest)
    assert out.shape[0] == 2
    assert bool(out.isfinite().all())


def test_bad_input():
    with pytest.raises(ArgumentError, match="num_layers=0"):
        NeuralFingerprint(5, 8, 6, 0)
    with pytest.raises(ArgumentError, match=r"x has shape \[8, 4\]"):
        AttentiveFP(5, 8, 3, 4, 2, 2)(X[:, :4], EDGES, EDGE_ATTR, BATCH)
