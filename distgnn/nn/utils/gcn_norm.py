"""Symmetric normalisation of edge weights."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from distgnn.csc import CSC
from distgnn.nn.adjacency import Adjacency, check_edge_index
from distgnn.nn.ops import torch_sparse
from distgnn.nn.utils.loop import add_remaining_self_loops
from distgnn.nn.utils.num_nodes import maybe_num_nodes

if TYPE_CHECKING:
    from torch import Tensor


def gcn_norm(
    edge_index: Adjacency,
    edge_weight: Tensor | None = None,
    num_nodes: int | None = None,
    improved: bool = False,
    add_self_loops: bool = True,
    flow: str = "source_to_target",
    dtype: torch.dtype | None = None,
) -> Any:
    r"""Weigh edges by :math:`\hat{\mathbf{D}}^{-1/2} \hat{\mathbf{A}} \hat{\mathbf{D}}^{-1/2}`.

    :math:`\hat{\mathbf{A}}` holds the weights of the edges and self-loops and
    :math:`\hat{\mathbf{D}}` their sum per target, also for directed graphs. From
    `"Semi-supervised Classification with Graph Convolutional Networks"
    <https://arxiv.org/abs/1609.02907>`_.

    Args:
        edge_index: int64 [2, E], a `SparseTensor` (rows = targets; its values are the weights, its
            diagonal is overwritten by self-loops) or a `CSC`.
        edge_weight: Float [E]; None: 1 for all edges and self-loops.
        num_nodes: Number of nodes.
        improved: New self-loops weigh 2 instead of 1.
        add_self_loops: Give every node a self-loop; one that exists keeps its weight.
        flow: ``"target_to_source"`` if messages go from ``edge_index[1]`` to ``edge_index[0]``.
        dtype: Type of weights, where none are given.

    Returns:
        (edge_index, edge_weight), or a `SparseTensor` if one was given.
    """
    check_edge_index(edge_index)
    if isinstance(edge_index, CSC):
        edge_weight = edge_index.weight if edge_weight is None else edge_weight
        num_nodes = edge_index.num_src
        edge_index = edge_index.edge_index()
    if not isinstance(edge_index, torch.Tensor):
        return _norm_sparse_tensor(edge_index, improved, add_self_loops, dtype)
    size = maybe_num_nodes(edge_index, num_nodes)
    if add_self_loops:
        edge_index, edge_weight = add_remaining_self_loops(
            edge_index, edge_weight, 2.0 if improved else 1.0, size
        )
    if edge_weight is None:
        edge_weight = torch.ones(edge_index.size(1), dtype=dtype, device=edge_index.device)
    source, target = edge_index
    index = target if flow == "source_to_target" else source
    degrees = edge_weight.new_zeros(size).index_add(0, index, edge_weight)
    scale = inverse_root(degrees)
    return edge_index, scale[source] * edge_weight * scale[target]


def inverse_root(degrees: Tensor) -> Tensor:
    """Return degrees^-1/2, and 0 where it is infinite."""
    root = degrees.pow(-0.5)
    return root.masked_fill(root == torch.inf, 0.0)


def _norm_sparse_tensor(
    adj_t: Any, improved: bool, add_self_loops: bool, dtype: torch.dtype | None
) -> Any:
    sparse = torch_sparse()
    if not adj_t.has_value():
        adj_t = adj_t.fill_value(1.0, dtype=dtype)
    if add_self_loops:
        adj_t = sparse.fill_diag(adj_t, 2.0 if improved else 1.0)
    scale = inverse_root(sparse.sum(adj_t, dim=1))
    adj_t = sparse.mul(adj_t, scale.view(-1, 1))
    return sparse.mul(adj_t, scale.view(1, -1))
