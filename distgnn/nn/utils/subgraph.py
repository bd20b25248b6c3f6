"""The edges among some of the nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.edges import check_choice, check_edge_attr, checked_num_nodes

if TYPE_CHECKING:
    from collections.abc import Sequence

FLOWS = ("source_to_target", "target_to_source")


def subgraph(
    subset: Tensor | Sequence[int],
    edge_index: Tensor,
    edge_attr: Tensor | None = None,
    relabel_nodes: bool = False,
    num_nodes: int | None = None,
    *,
    return_edge_mask: bool = False,
) -> Any:
    """Keep the edges whose ends are both in `subset`.

    Args:
        subset: Nodes, int64 [n] or a list; or which nodes, bool [N].
        edge_index: int64 [2, E].
        edge_attr: Attributes, [E, ...], or None.
        relabel_nodes: Name nodes by their position in `subset` (the last one of repeated nodes).
        num_nodes: Number of nodes N; None: one more than the largest one.
        return_edge_mask: Return also which edges were kept.

    Returns:
        The edges, int64 [2, E'], and their attributes or None; and bool [E] if asked for.

    Raises:
        ArgumentError: Wrong type or shape, or nodes out of range.
    """
    nodes = _as_nodes(subset, edge_index.device)
    if nodes.dtype == torch.bool:
        num_nodes = nodes.numel() if num_nodes is None else num_nodes
        nodes = nodes.nonzero().flatten()
    size = _num_nodes(edge_index, nodes, num_nodes)
    chosen = _mask(nodes, size)
    kept = chosen[edge_index[0]] & chosen[edge_index[1]]
    edges = edge_index[:, kept]
    if edge_attr is not None:
        check_edge_attr([edge_attr], edge_index.size(1))
        edge_attr = edge_attr[kept]
    if relabel_nodes:
        edges = positions(nodes, size)[edges]
    return (edges, edge_attr, kept) if return_edge_mask else (edges, edge_attr)


def k_hop_subgraph(
    node_idx: int | Sequence[int] | Tensor,
    num_hops: int,
    edge_index: Tensor,
    relabel_nodes: bool = False,
    num_nodes: int | None = None,
    flow: str = "source_to_target",
    directed: bool = False,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return all nodes from which messages reach the given nodes in `num_hops` layers, and edges.

    Args:
        node_idx: The given node or nodes, int64 [n].
        num_hops: Number of hops k.
        edge_index: int64 [2, E].
        relabel_nodes: Name nodes by their position in the first result.
        num_nodes: Number of nodes; None: one more than the largest one.
        flow: ``"target_to_source"`` if messages go from ``edge_index[1]`` to ``edge_index[0]``.
        directed: Keep only edges that lie on a way of at most k hops to a given node; False: all
            edges among the nodes found.

    Returns:
        The nodes found, sorted, int64 [n']; the edges among them, int64 [2, E']; where each given
        node lies among the nodes found, int64 [n]; and which edges were kept, bool [E].

    Raises:
        ArgumentError: Wrong type or shape, nodes out of range, or an unknown flow.
    """
    check_choice("flow", flow, FLOWS)
    given = _as_nodes(node_idx, edge_index.device)
    size = _num_nodes(edge_index, given, num_nodes)
    source, target = edge_index if flow == "source_to_target" else edge_index.flip(0)
    found = frontier = _mask(given, size)
    on_way = torch.zeros_like(target, dtype=torch.bool)
    for _ in range(num_hops):
        entering = frontier[target]
        on_way |= entering
        frontier = _mask(source[entering], size) & ~found
        found = found | frontier
    kept = on_way if directed else found[source] & found[target]
    subset = found.nonzero().flatten()
    position = positions(subset, size)
    edges = edge_index[:, kept]
    return subset, position[edges] if relabel_nodes else edges, position[given], kept


def positions(nodes: Tensor, num_nodes: int) -> Tensor:
    """Return where each node lies in `nodes`, 0 for the others, int64 [N]."""
    found = nodes.new_zeros(num_nodes)
    found[nodes] = torch.arange(nodes.numel(), device=nodes.device)
    return found


def _as_nodes(nodes: int | Sequence[int] | Tensor, device: torch.device) -> Tensor:
    found = torch.as_tensor(nodes, device=device).reshape(-1)
    return found.long() if found.numel() == 0 else found  # an empty list is float


def _mask(nodes: Tensor, num_nodes: int) -> Tensor:
    mask = torch.zeros(num_nodes, dtype=torch.bool, device=nodes.device)
    mask[nodes] = True
    return mask


def _num_nodes(edge_index: Tensor, nodes: Tensor, num_nodes: int | None) -> int:
    """Return the number of nodes of the graph, which `nodes` must be among."""
    size = checked_num_nodes(edge_index, num_nodes)
    if nodes.dtype != torch.int64 and nodes.numel() > 0:
        msg = f"the nodes are {nodes.dtype}, expected torch.int64 (or torch.bool: a mask)"
        raise ArgumentError(msg)
    low, high = (int(nodes.min()), int(nodes.max())) if nodes.numel() > 0 else (0, -1)
    if num_nodes is None:
        size = max(size, high + 1)
    if low < 0 or high >= size:
        msg = f"the nodes asked for go from {low} to {high}, but there are {size}"
        raise ArgumentError(msg)
    return size
