"""The three forms in which a layer is given its edges, told apart, checked and converted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.csc import CSC, group_by
from distgnn.exceptions import ArgumentError
from distgnn.nn.ops import csc_of_sparse_tensor, is_sparse_tensor

if TYPE_CHECKING:
    from collections.abc import Sequence

Adjacency = Any
"""int64 [2, E] tensor (sources, targets) | torch_sparse.SparseTensor (rows = targets) | CSC."""


def check_edge_index(edge_index: Adjacency) -> None:
    """Check type and shape of `edge_index`.

    Raises:
        ArgumentError: It is none of the three forms.
    """
    if isinstance(edge_index, Tensor):
        if edge_index.layout != torch.strided:
            msg = (
                f"edge_index has layout {edge_index.layout}, expected an int64 tensor [2, E], a "
                f"torch_sparse.SparseTensor or a CSC"
            )
            raise ArgumentError(msg)
        if edge_index.dtype != torch.int64:
            msg = f"edge_index has type {edge_index.dtype}, expected torch.int64"
            raise ArgumentError(msg)
        if edge_index.dim() != 2 or edge_index.size(0) != 2:
            msg = f"edge_index has shape {list(edge_index.shape)}, expected [2, E]"
            raise ArgumentError(msg)
    elif not isinstance(edge_index, CSC) and not is_sparse_tensor(edge_index):
        msg = (
            f"edge_index is a {type(edge_index).__name__}, expected an int64 tensor [2, E], a "
            f"torch_sparse.SparseTensor or a CSC"
        )
        raise ArgumentError(msg)


def to_csc(
    edge_index: Adjacency, num_src: int, num_dst: int, flow: str = "source_to_target"
) -> tuple[CSC, Tensor | None]:
    """Return the edges sorted by target.

    Args:
        edge_index: One of the three forms.
        num_src: Number of sources.
        num_dst: Number of targets.
        flow: ``"target_to_source"`` if messages go from ``edge_index[1]`` to ``edge_index[0]``.

    Returns:
        The CSC, and where each of its edges lies in `edge_index`, int64 [E]: None if the order is
        the same. Values of a SparseTensor are in ``CSC.weight``.

    Raises:
        ArgumentError: The edges name nodes that do not exist.
    """
    if isinstance(edge_index, Tensor):
        source, target = edge_index if flow == "source_to_target" else edge_index.flip(0)
        return _sort(source.contiguous(), target.contiguous(), num_src, num_dst)
    csc = edge_index if isinstance(edge_index, CSC) else csc_of_sparse_tensor(edge_index)
    if csc.num_src != num_src or csc.num_dst != num_dst:
        msg = (
            f"edge_index leads from {csc.num_src} sources to {csc.num_dst} targets, but x has "
            f"{num_src} and {num_dst} rows for them"
        )
        raise ArgumentError(msg)
    return csc, None


def _sort(source: Tensor, target: Tensor, num_src: int, num_dst: int) -> tuple[CSC, Tensor | None]:
    if _is_sorted(target):
        limits = torch.arange(num_dst + 1, device=target.device)
        csc, order = CSC(torch.searchsorted(target, limits), source, num_src), None
    else:
        indptr, order = group_by(target, num_dst)
        csc = CSC(indptr, source[order], num_src)
    if not torch.compiler.is_compiling() and target.device.type == "cpu" and target.numel() > 0:
        low, high = (
            (target[0], target[-1]) if order is None else (target[order[0]], target[order[-1]])
        )
        if int(low) < 0 or int(high) >= num_dst:
            msg = (
                f"edge_index names targets from {int(low)} to {int(high)}, but there are {num_dst} "
                f"target nodes: check it against the number of rows of x"
            )
            raise ArgumentError(msg)
    return csc, order


def _is_sorted(target: Tensor) -> bool:
    # Looking costs a fifth of sorting; on a GPU, and while a graph is traced, it costs more.
    if torch.compiler.is_compiling() or target.device.type != "cpu":
        return False
    return bool((target[1:] >= target[:-1]).all())


def check_range(nodes: Tensor, num_nodes: int, what: str) -> None:
    """Check that one end of each edge, int64 [E], lies among `num_nodes` nodes.

    Only on the CPU; a GPU would have to be waited for, and a traced graph has no values.

    Raises:
        ArgumentError: It does not.
    """
    if torch.compiler.is_compiling() or nodes.device.type != "cpu" or nodes.numel() == 0:
        return
    low, high = torch.aminmax(nodes)
    if int(low) < 0 or int(high) >= num_nodes:
        msg = (
            f"edge_index names {what} from {int(low)} to {int(high)}, but there are {num_nodes}: "
            f"check it against the number of rows of x"
        )
        raise ArgumentError(msg)


def reorder(order: Tensor | None, values: Tensor | None) -> Tensor | None:
    """Return edge values [E, ...] in the order that `to_csc` returned."""
    return values if order is None or values is None else values.index_select(0, order)


def infer_sizes(edge_index: Adjacency, num_rows: Sequence[int | None]) -> tuple[int, int]:
    """Return the numbers of sources and targets, from the adjacency or else from `num_rows`."""
    if isinstance(edge_index, CSC):
        return edge_index.num_src, edge_index.num_dst
    if is_sparse_tensor(edge_index):
        return edge_index.size(1), edge_index.size(0)
    num_src, num_dst = num_rows
    if num_src is None or num_dst is None:
        msg = "the number of nodes is unknown: give size=(num_sources, num_targets)"
        raise ArgumentError(msg)
    return num_src, num_dst
