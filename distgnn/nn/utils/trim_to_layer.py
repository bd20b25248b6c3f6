"""Cut a sampled batch to the part that a layer still needs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor

from distgnn.csc import CSC
from distgnn.nn.ops import torch_sparse

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from distgnn.nn.adjacency import Adjacency


def trim_to_layer(
    layer: int,
    num_sampled_nodes_per_hop: Any,
    num_sampled_edges_per_hop: Any,
    x: Any,
    edge_index: Any,
    edge_attr: Any = None,
) -> tuple[Any, Any, Any]:
    """Remove the nodes and edges of the outermost hop, which layer number `layer` does not need.

    To be called before every layer, in order; layer 0 needs everything.

    Args:
        layer: Number of the layer.
        num_sampled_nodes_per_hop: Number of nodes of each hop, seeds first; per node type if
            features are.
        num_sampled_edges_per_hop: Number of edges of each hop; per edge type if edges are.
        x: Features [N, ...], hop by hop; or a dictionary of node types.
        edge_index: int64 [2, E], hop by hop, or `SparseTensor` or `CSC`; or a dictionary of edge
            types.
        edge_attr: Edge attributes [E, ...], or a dictionary of edge types, or None.

    Returns:
        What is left of `x`, `edge_index` and `edge_attr`. A `SparseTensor` keeps a row per node
        that is left, and the rows of the outermost of these are emptied.
    """
    if layer <= 0:
        return x, edge_index, edge_attr
    nodes, edges = num_sampled_nodes_per_hop, num_sampled_edges_per_hop
    if isinstance(edge_index, dict):
        cut = {
            key: _edges(adj, edges[key][-layer], *_rows(key, nodes, layer))
            for key, adj in edge_index.items()
        }
        if edge_attr is not None:
            edge_attr = {key: _drop(attr, edges[key][-layer]) for key, attr in edge_attr.items()}
        return {key: _drop(rows, nodes[key][-layer]) for key, rows in x.items()}, cut, edge_attr
    if edge_attr is not None:
        edge_attr = _drop(edge_attr, edges[-layer])
    adj = _edges(edge_index, edges[-layer], nodes, nodes, layer)
    return _drop(x, nodes[-layer]), adj, edge_attr


def _rows(
    edge_type: tuple[str, str, str], nodes: Mapping[str, Sequence[int]], layer: int
) -> tuple[Sequence[int], Sequence[int], int]:
    return nodes[edge_type[0]], nodes[edge_type[2]], layer


def _drop(rows: Any, count: int) -> Any:
    return rows.narrow(0, 0, rows.size(0) - count) if isinstance(rows, Tensor) else rows


def _edges(
    adj: Adjacency, num_edges: int, src_nodes: Sequence[int], dst_nodes: Sequence[int], layer: int
) -> Adjacency:
    if isinstance(adj, Tensor):
        return adj.narrow(1, 0, adj.size(1) - num_edges)
    num_src, num_expanded = sum(src_nodes[:-layer]), sum(dst_nodes[: -layer - 1])
    if isinstance(adj, CSC):
        return adj.trim(min(num_expanded, adj.num_dst), num_src)
    return _trim_sparse_tensor(adj, sum(dst_nodes[:-layer]), num_src, num_expanded)


def _trim_sparse_tensor(adj_t: Any, num_dst: int, num_src: int, num_expanded: int) -> Any:
    """Return the leading block of `adj_t`, with the rows beyond the expanded nodes empty."""
    rowptr, col, value = adj_t.csr()
    rowptr = rowptr[: num_dst + 1].clone()
    rowptr[num_expanded:] = rowptr[num_expanded]
    num_edges = int(rowptr[-1])
    return torch_sparse().SparseTensor(
        rowptr=rowptr,
        col=col[:num_edges],
        value=None if value is None else value[:num_edges],
        sparse_sizes=(num_dst, num_src),
        is_sorted=True,
        trust_data=True,
    )
