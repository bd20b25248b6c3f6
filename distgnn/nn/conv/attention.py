"""What attention layers share: self-loops, edge features, and what they return."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from distgnn.csc import CSC
from distgnn.nn.adjacency import reorder
from distgnn.nn.conv.features import check_edge_attr
from distgnn.nn.ops import is_sparse_tensor, torch_sparse
from distgnn.nn.sparse import gather, own_rows
from distgnn.nn.utils.loop import add_self_loops, remove_self_loops

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency
    from distgnn.nn.linear import Linear


class Loops:
    """One self-loop per node (source i to target i), kept apart from the edges of a CSC.

    Self-loops among the edges are masked, so that no edge is inserted or removed and shapes do not
    depend on the graph.
    """

    def __init__(self, csc: CSC) -> None:
        """Find the self-loops among the edges."""
        self.csc = csc
        self.num_loops = min(csc.num_src, csc.num_dst)
        self.is_loop = csc.indices == csc.targets()

    def of(self, rows: Tensor) -> Tensor:
        """Return the row of each target's loop, [num_dst, ...], 0 for targets without one."""
        missing = self.csc.num_dst - self.num_loops
        if missing == 0:
            return rows[: self.num_loops]
        return torch.cat([rows, rows.new_zeros(missing, *rows.shape[1:])])

    def mask(self, scores: Tensor, own: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores with -inf where an edge is a loop, or a target has none."""
        scores = scores.masked_fill(self.is_loop.unsqueeze(1), -torch.inf)
        if self.num_loops < self.csc.num_dst:
            own = torch.cat(
                [own[: self.num_loops], torch.full_like(own[self.num_loops :], -torch.inf)]
            )
        return scores, own


def edge_features(
    edge_attr: Tensor | None, lin_edge: Linear | None, num_edges: int
) -> Tensor | None:
    """Return edge features as [E, edge_dim], and None if the layer takes none.

    Raises:
        ArgumentError: They are missing, or of the wrong size.
    """
    if lin_edge is None:
        return None
    return check_edge_attr(edge_attr, num_edges, lin_edge.in_channels)


def sorted_edge_features(
    csc: CSC, order: Tensor | None, edge_attr: Tensor | None, lin_edge: Linear | None
) -> Tensor | None:
    """Return edge features, checked, in the order of `csc`, whose values stand in for them."""
    if edge_attr is None:
        return edge_features(csc.weight, lin_edge, csc.num_edges)
    return reorder(order, edge_features(edge_attr, lin_edge, csc.num_edges))


def loop_features(
    csc: CSC, edge_attr: Tensor, fill_value: float | Tensor | str, loops: Loops
) -> Tensor:
    """Return the edge features of each target's self-loop, [num_dst, edge_dim]."""
    if isinstance(fill_value, Tensor):
        return fill_value.to(edge_attr.dtype).expand(csc.num_dst, edge_attr.size(1))
    if not isinstance(fill_value, str):
        return edge_attr.new_full((csc.num_dst, edge_attr.size(1)), fill_value)
    kept = loops.is_loop.logical_not()
    if fill_value in ("mean", "sum", "add"):
        edges = own_rows(csc)
        total = gather(edges, edge_attr, "sum", kept.to(edge_attr.dtype))
        if fill_value != "mean":
            return total
        count = gather(edges, kept.to(edge_attr.dtype).unsqueeze(1), "sum")
        return total / count.clamp(min=1)
    edge_index = csc.edge_index()[:, kept]
    size = (csc.num_src, csc.num_dst)
    _, filled = add_self_loops(edge_index, edge_attr[kept], fill_value, size)
    return loops.of(torch.as_tensor(filled)[edge_index.size(1) :])


def add_own(out: Tensor, x: Tensor, weight: Tensor, num_loops: int) -> Tensor:
    """Add the messages of self-loops, `weight` [num_dst, heads] times the rows of `x`."""
    heads = weight.size(1)
    rows = x[:num_loops].view(num_loops, heads, x.size(1) // heads)
    part = (weight[:num_loops].unsqueeze(-1) * rows).flatten(1)
    if num_loops == out.size(0):
        return out + part
    return torch.cat([out[:num_loops] + part, out[num_loops:]])


def add_loops(
    edge_index: Adjacency,
    edge_attr: Tensor | None,
    fill_value: float | Tensor | str,
    size: tuple[int, int],
    edge_dim: int | None,
) -> tuple[Adjacency, Tensor | None]:
    """Return the edges with exactly one self-loop per node, and their features.

    Raises:
        NotImplementedError: A `SparseTensor` and edge features.
    """
    if is_sparse_tensor(edge_index):
        if edge_dim is not None:
            msg = "edge_dim with add_self_loops does not go with a SparseTensor: pass edge_index"
            raise NotImplementedError(msg)
        return torch_sparse().set_diag(edge_index), edge_attr
    if isinstance(edge_index, CSC):
        edge_attr = edge_index.weight if edge_attr is None else edge_attr
        edge_index = edge_index.edge_index()
    edge_index, edge_attr = remove_self_loops(edge_index, edge_attr)
    return add_self_loops(edge_index, edge_attr, fill_value, size)


def returned(edge_index: Adjacency, alpha: Any) -> Any:
    """Return attention in the form of the edges that a layer was given."""
    if is_sparse_tensor(edge_index):
        return edge_index.set_value(alpha, layout="coo")
    if isinstance(edge_index, CSC):
        edge_index = edge_index.edge_index()
    return edge_index, alpha
