"""The one door to torch-scatter, torch-sparse and torch-cluster, which are imported on first use.

The core path (message passing over edge_index or CSC) needs none of them. They serve where users
bring a `SparseTensor`, and models that search neighbours in space or walk at random.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from torch import Tensor

from distgnn.csc import CSC
from distgnn.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from types import ModuleType


@cache
def _package(name: str) -> ModuleType:
    try:
        return import_module(name)
    except ImportError as error:
        msg = (
            f"{name.replace('_', '-')} is needed for this and cannot be imported ({error}): "
            f"`pip install --no-build-isolation distgnn[zoo]` compiles and installs it"
        )
        raise MissingDependencyError(msg) from error


def torch_sparse() -> ModuleType:
    """Return the package torch_sparse.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _package("torch_sparse")


def torch_scatter() -> ModuleType:
    """Return the package torch_scatter.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _package("torch_scatter")


def torch_cluster() -> ModuleType:
    """Return the package torch_cluster.

    Raises:
        MissingDependencyError: It is not installed.
    """
    return _package("torch_cluster")


def is_sparse_tensor(value: Any) -> bool:
    """Return whether `value` is a `torch_sparse.SparseTensor`; imports nothing."""
    if isinstance(value, Tensor | CSC):
        return False
    loaded = sys.modules.get("torch_sparse")
    return loaded is not None and isinstance(value, loaded.SparseTensor)


def csc_of_sparse_tensor(adj_t: Any) -> CSC:
    """Return the CSC of a `SparseTensor` whose rows are targets; shares its storage.

    Its values become `weight`. What it remembers of its transpose is taken over.
    """
    storage = adj_t.storage
    csc = CSC(storage.rowptr(), storage.col(), adj_t.size(1), storage.value())
    if storage._csr2csc is not None and storage._colptr is not None:  # noqa: SLF001 -- no public test
        position = storage.csr2csc()
        csc.transpose_cache = (storage.colptr(), storage.row()[position], position)
    return csc


def sparse_tensor_of_csc(csc: CSC) -> Any:
    """Return a `SparseTensor` whose rows are the targets of `csc`.

    torch-sparse wants sources sorted within a row: where they are, storage is shared; otherwise
    edges and their weights are sorted.

    Raises:
        MissingDependencyError: torch-sparse is not installed.
    """
    return torch_sparse().SparseTensor(
        rowptr=csc.indptr,
        col=csc.indices,
        value=csc.weight,
        sparse_sizes=(csc.num_dst, csc.num_src),
        is_sorted=False,
    )
