import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.nn import RECT_L
from tests.nn.models.graphs import EDGES, NUM_NODES, WEIGHT, csc, sparse_tensor
from tests.nn.parity import assert_parity

X = torch.randn(NUM_NODES, 5)
Y = torch.tensor([0, 2, 2, 0, 2, 1, 0, 1])
MASK = torch.tensor([True, True, True, True, False, False, False, False])


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("normalize", [True, False])
def test_as_torch_geometric(normalize, dropout):
    options = {"normalize": normalize, "dropout": dropout}
    ours, theirs = RECT_L(5, 4, **options), pyg.RECT_L(5, 4, **options)
    assert repr(ours) == repr(theirs)
    assert_parity(ours, theirs, X, EDGES)
    assert_parity(ours, theirs, X, EDGES, WEIGHT)
    assert_parity(ours, theirs, X, sparse_tensor(WEIGHT))
    assert_parity(ours, theirs, X, EDGES, WEIGHT, call=lambda m, *args: m.embed(*args))


def test_semantic_labels_as_torch_geometric():
    ours, theirs = RECT_L(5, 4), pyg.RECT_L(5, 4)
    expected = theirs.get_semantic_labels(X, Y, MASK)
    torch.testing.assert_close(ours.get_semantic_labels(X, Y, MASK), expected)
    torch.testing.assert_close(expected[1], (X[1] + X[2]) / 2)


def test_copies_pickles_resets_and_forms():
    model = RECT_L(5, 4)
    out = model(X, EDGES)
    torch.testing.assert_close(model(X, csc()), out)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(X, EDGES), out)
    model.reset_parameters()
    assert not torch.equal(model(X, EDGES), out)
