"""The one door to torch-scatter, torch-sparse and torch-cluster."""

import subprocess
import sys

import pytest
import torch
from torch_sparse import SparseTensor

from distgnn.csc import CSC
from distgnn.exceptions import MissingDependencyError
from distgnn.nn import ops
from distgnn.nn.utils import to_sparse_tensor

# Sources of target 2 are not sorted.
EDGES = CSC(torch.tensor([0, 2, 2, 5]), torch.tensor([1, 3, 3, 0, 2]), 4, torch.arange(5.0))


def test_importing_the_zoo_imports_none_of_them():
    program = (
        "import sys, distgnn.nn\n"
        "print([m for m in ('torch_sparse', 'torch_scatter', 'torch_cluster') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("name", ["torch_sparse", "torch_scatter", "torch_cluster"])
def test_a_missing_package_is_named(monkeypatch, name):
    ops._package.cache_clear()
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=rf"{name.replace('_', '-')}.*distgnn\[zoo\]"):
        getattr(ops, name)()
    monkeypatch.undo()
    assert getattr(ops, name)().__name__ == name


def test_there_and_back():
    adj_t = ops.sparse_tensor_of_csc(EDGES)
    assert ops.is_sparse_tensor(adj_t)
    row, col, value = adj_t.coo()
    assert row.tolist() == [0, 0, 2, 2, 2]
    assert col.tolist() == [1, 3, 0, 2, 3]  # sorted, as torch-sparse relies on
    assert value.tolist() == [0, 1, 3, 4, 2]
    found = ops.csc_of_sparse_tensor(adj_t)
    assert (found.num_dst, found.num_src) == (3, 4)
    assert found.edge_index().tolist() == [[1, 3, 0, 2, 3], [0, 0, 2, 2, 2]]
    assert found.transpose_cache is None
    adj_t.storage.csr2csc()
    adj_t.storage.colptr()
    remembered = ops.csc_of_sparse_tensor(adj_t).transpose_cache
    for ours, theirs in zip(remembered, found.transpose(), strict=True):
        assert torch.equal(ours, theirs)


def test_values_follow_their_edges():
    adj_t = to_sparse_tensor(EDGES, torch.arange(5.0) * 10)
    assert adj_t.to_dense()[2].tolist() == [30, 0, 40, 20]


@pytest.mark.parametrize("value", [torch.zeros(2, 3), EDGES, None, "adj"])
def test_other_things_are_no_sparse_tensors(value):
    assert not ops.is_sparse_tensor(value)
    assert ops.is_sparse_tensor(SparseTensor.eye(2))
