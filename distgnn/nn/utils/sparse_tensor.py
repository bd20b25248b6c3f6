"""Edges as sparse matrices, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.ops import is_sparse_tensor, sparse_tensor_of_csc
from distgnn.nn.utils.edges import check_edge_attr, checked_num_nodes, checked_sizes
from distgnn.nn.utils.index_ptr import index2ptr, ptr2index
from distgnn.nn.utils.sort_edge_index import edge_order

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

LAYOUTS = (torch.sparse_coo, torch.sparse_csr, torch.sparse_csc)


def to_sparse_tensor(
    edge_index: Adjacency,
    edge_attr: Tensor | None = None,
    size: int | tuple[int, int] | None = None,
) -> Any:
    """Return the transposed adjacency, as layers take it: rows are targets, columns sources.

    Args:
        edge_index: int64 [2, E], or a `CSC`, whose storage is shared if its sources are sorted
            within each target.
        edge_attr: Values, [E, ...]; None: those of the `CSC`, or no values.
        size: Number of nodes, or of sources and targets; None: one more than the largest node.

    Returns:
        `torch_sparse.SparseTensor`, [targets, sources]; repeated edges stay.

    Raises:
        ArgumentError: Wrong type or shape, or nodes out of range.
        MissingDependencyError: torch-sparse is not installed.
    """
    if isinstance(edge_index, CSC):
        weight = edge_index.weight if edge_attr is None else edge_attr
        return sparse_tensor_of_csc(
            CSC(edge_index.indptr, edge_index.indices, edge_index.num_src, weight)
        )
    if isinstance(size, tuple | list):
        num_src, num_dst = checked_sizes(edge_index, (size[0], size[1]))
    else:
        num_src = num_dst = checked_num_nodes(edge_index, size)
    order = edge_order(edge_index, max(num_src, num_dst), sort_by_row=False)
    source, target = edge_index[:, order]
    csc = CSC(index2ptr(target, num_dst), source, num_src)
    if edge_attr is None:
        return sparse_tensor_of_csc(csc)
    check_edge_attr([edge_attr], edge_index.size(1))
    return sparse_tensor_of_csc(csc).set_value(edge_attr[order], layout="coo")


def to_edge_index(adj: Any) -> tuple[Tensor, Tensor]:
    """Return the entries of a sparse matrix.

    Args:
        adj: `SparseTensor`, or a torch tensor in COO, CSR or CSC layout.

    Returns:
        (rows, columns), int64 [2, E], and values, [E, ...] (1 where it has none). Rows come first:
        of a transposed adjacency ``edge_index.flip(0)`` has the sources first.

    Raises:
        ArgumentError: `adj` is no sparse matrix.
    """
    if is_sparse_tensor(adj):
        row, col, value = adj.coo()
        if value is None:
            value = torch.ones(row.numel(), device=row.device)
        return torch.stack([row, col]), value
    check_sparse(adj)
    if adj.layout == torch.sparse_coo:
        adj = adj if adj.is_coalesced() else adj.coalesce()
        return adj.indices().detach(), adj.values()
    if adj.layout == torch.sparse_csr:
        row, col = ptr2index(adj.crow_indices().detach()), adj.col_indices().detach()
    else:
        row, col = adj.row_indices().detach(), ptr2index(adj.ccol_indices().detach())
    return torch.stack([row.long(), col.long()]), adj.values()


def check_sparse(adj: Any) -> None:
    """Check that `adj` is a sparse torch tensor.

    Raises:
        ArgumentError: It is not.
    """
    if isinstance(adj, Tensor) and adj.layout in LAYOUTS and adj.dim() == 2:
        return
    found = (
        f"a {adj.layout} tensor of shape {list(adj.shape)}"
        if isinstance(adj, Tensor)
        else f"a {type(adj).__name__}"
    )
    msg = f"expected a SparseTensor or a torch tensor in COO, CSR or CSC layout, got {found}"
    raise ArgumentError(msg)
