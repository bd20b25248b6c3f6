"""The adjacency that loaders hand to models."""

import copy
import pickle

import torch

from distgnn.csc import CSC, group_by

# Targets 0 (from 1 and 3), 1 (from nobody) and 2 (from 0, and twice from 3).
INDPTR = torch.tensor([0, 2, 2, 5])
INDICES = torch.tensor([1, 3, 0, 3, 3])


def test_by_hand():
    csc = CSC(INDPTR, INDICES, 4)
    assert (csc.num_src, csc.num_dst, csc.num_edges) == (4, 3, 5)
    assert csc.targets().tolist() == [0, 0, 2, 2, 2]
    assert csc.edge_index().tolist() == [[1, 3, 0, 3, 3], [0, 0, 2, 2, 2]]


def test_transpose_is_stable_and_remembered():
    csc = CSC(INDPTR, INDICES, 4)
    indptr, targets, position = csc.transpose()
    assert indptr.tolist() == [0, 1, 2, 2, 5]
    assert targets.tolist() == [2, 0, 0, 2, 2]
    assert position.tolist() == [2, 0, 1, 3, 4]
    assert csc.transpose()[0] is indptr


def test_trim_shares_storage():
    weight = torch.arange(5.0)
    csc = CSC(INDPTR, INDICES, 4, weight)
    for cut in (csc.trim(1, 4), csc.trim(1, 4, 2)):
        assert cut.edge_index().tolist() == [[1, 3], [0, 0]]
        assert cut.weight.tolist() == [0, 1]
        assert cut.weight.data_ptr() == weight.data_ptr()


def test_square_adds_rows_without_edges():
    csc = CSC(INDPTR, INDICES, 4)
    square = csc.square()
    assert (square.num_dst, square.num_src) == (4, 4)
    assert square.edge_index().tolist() == csc.edge_index().tolist()
    assert square.square() is square


def test_rows_without_edges_at_the_end():
    csc = CSC(torch.tensor([0, 2, 2, 5, 5, 5]), INDICES, 5, torch.arange(5.0))
    cut = csc.without_empty_tail()
    assert (cut.num_dst, cut.num_src, cut.num_edges) == (3, 5, 5)
    assert csc.without_empty_tail() is cut
    whole = CSC(INDPTR, INDICES, 4)
    assert whole.without_empty_tail() is whole
    none = CSC(torch.zeros(4, dtype=torch.int64), INDICES[:0], 4)
    assert none.without_empty_tail().num_dst == 0


def test_to_device_copy_and_pickle():
    csc = CSC(INDPTR, INDICES, 4, torch.ones(5))
    csc.transpose()
    moved = csc.to("cpu")
    assert moved.transpose_cache is None
    for twin in (moved, copy.deepcopy(csc), pickle.loads(pickle.dumps(csc))):
        assert twin.edge_index().tolist() == csc.edge_index().tolist()
        assert torch.equal(twin.weight, csc.weight)


def test_group_by():
    indptr, position = group_by(torch.tensor([5, 0, 5, 2, 0]), 6)
    assert indptr.tolist() == [0, 2, 2, 3, 3, 3, 5]
    assert position.tolist() == [1, 4, 3, 0, 2]


def test_no_edges():
    csc = CSC(torch.tensor([0, 0]), torch.empty(0, dtype=torch.int64), 3)
    assert csc.edge_index().shape == (2, 0)
    assert csc.transpose()[0].tolist() == [0, 0, 0, 0]
