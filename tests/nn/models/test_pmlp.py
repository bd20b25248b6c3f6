import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import PMLP
from tests.nn.models.graphs import EDGES, NUM_NODES, csc, sparse_tensor
from tests.nn.parity import assert_parity

X = torch.randn(NUM_NODES, 5)
OPTIONS = [{}, {"norm": False}, {"bias": False, "dropout": 0.5}]


@pytest.mark.parametrize("options", OPTIONS, ids=map(str, range(len(OPTIONS))))
@pytest.mark.parametrize("num_layers", [2, 4])
@pytest.mark.parametrize("training", [True, False])
def test_as_torch_geometric(training, num_layers, options):
    ours, theirs = (cls(5, 8, 3, num_layers, **options) for cls in (PMLP, pyg.PMLP))
    assert repr(ours) == repr(theirs)
    ours.train(training)
    theirs.train(training)
    assert_parity(ours, theirs, X, EDGES)
    if training:
        assert_parity(ours, theirs, X)


def test_the_three_forms_of_edges_agree():
    model = PMLP(5, 8, 3, 2).double().eval()
    x = X.double()
    kept = EDGES[:, EDGES[0] != EDGES[1]]  # a SparseTensor's self-loop is overwritten, not doubled
    expected = model(x, kept)
    order = torch.randperm(kept.size(1))
    torch.testing.assert_close(model(x, kept[:, order]), expected)
    torch.testing.assert_close(model(x, sparse_tensor().remove_diag()), expected)
    torch.testing.assert_close(model(x, csc()), model(x, EDGES))


def test_copies_pickles_resets():
    model = PMLP(5, 8, 3, 2).eval()
    out = model(X, EDGES)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X, EDGES), out)
    assert not model.lins[0].bias.any()
    model.reset_parameters()
    assert not torch.equal(model(X, EDGES), out)


def test_bad_input():
    with pytest.raises(ArgumentError, match="edge_index must be given in evaluation"):
        PMLP(5, 8, 3, 2).eval()(X)
    with pytest.raises(ArgumentError, match="num_layers=1"):
        PMLP(5, 8, 3, 1)
    with pytest.raises(ArgumentError, match=r"x has shape \[8, 4\]"):
        PMLP(5, 8, 3, 2)(X[:, :4])
