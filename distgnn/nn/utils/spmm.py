"""Product of a sparse and a dense matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.ops import csc_of_sparse_tensor, is_sparse_tensor
from distgnn.nn.utils.index_ptr import index2ptr
from distgnn.nn.utils.sort_edge_index import edge_order
from distgnn.nn.utils.sparse_tensor import check_sparse, to_edge_index

if TYPE_CHECKING:
    from torch import Tensor


def spmm(src: Any, other: Tensor, reduce: str = "sum") -> Tensor:
    """Multiply a sparse matrix by a dense one, where sums may be other reductions.

    Args:
        src: `SparseTensor` or `CSC` (rows are targets), or a torch tensor in COO, CSR or CSC
            layout, [N, M]. Entries without values are 1.
        other: Float [M, F], or [M].
        reduce: ``"sum"`` (or ``"add"``), ``"mean"`` (the sum divided by the number of entries of
            the row), ``"min"`` or ``"max"``; a row without entries gives 0.

    Returns:
        [N, F] or [N]; differentiable by `other` and the values of `src`.

    Raises:
        ArgumentError: `src` is no sparse matrix, shapes do not match, or `reduce` is unknown.
    """
    from distgnn.nn.sparse import gather  # here, for it needs the other functions of this package

    csc = _rows_of(src)
    if other.dim() not in (1, 2) or other.size(0) != csc.num_src:
        shape = [csc.num_dst, csc.num_src]
        msg = f"other has shape {list(other.shape)}, expected [{csc.num_src}, F]: src is {shape}"
        raise ArgumentError(msg)
    out = gather(csc, other.unsqueeze(1) if other.dim() == 1 else other, reduce, csc.weight)
    return out.squeeze(1) if other.dim() == 1 else out


def _rows_of(src: Any) -> CSC:
    if isinstance(src, CSC):
        return src
    if is_sparse_tensor(src):
        return csc_of_sparse_tensor(src)
    check_sparse(src)
    (row, col), value = to_edge_index(src)
    if src.layout == torch.sparse_csc:
        order = edge_order(torch.stack([row, col]), max(src.shape))
        row, col, value = row[order], col[order], value[order]
    return CSC(index2ptr(row, src.size(0)), col, src.size(1), value)
