"""Node features as layers are given them, checked; and the order of a layer's two products."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import check_edge_index, reorder
from distgnn.nn.ops import is_sparse_tensor

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

Features = Tensor | tuple[Tensor, Tensor | None]
"""Features of all nodes, or of sources and of targets."""

FLOPS_PER_NUMBER = 6
"""Multiplications of a dense product that take the time of one number read along an edge."""


def as_pair(x: Features, edge_index: Adjacency) -> tuple[Tensor, Tensor]:
    """Return the features of sources and of targets, where targets are the first sources.

    Raises:
        ArgumentError: There are fewer sources than targets.
    """
    x_src, x_dst = split(x, edge_index)
    if x_dst is None:
        msg = "x=(sources, None) does not say how many targets there are: give their features"
        raise ArgumentError(msg)
    if x_dst.size(0) > x_src.size(0):
        msg = (
            f"x has {x_src.size(0)} sources and {x_dst.size(0)} targets: targets must be the first "
            f"sources here"
        )
        raise ArgumentError(msg)
    return x_src, x_dst


def split(x: Features, edge_index: Adjacency) -> tuple[Tensor, Tensor | None]:
    """Return the features of sources and of targets (None: not given).

    One tensor stands for both; the targets of a rectangular CSC or SparseTensor are its first rows.
    """
    if isinstance(x, Tensor):
        if isinstance(edge_index, CSC):
            return x, x[: edge_index.num_dst]
        if is_sparse_tensor(edge_index):
            return x, x[: edge_index.size(0)]
        return x, x
    x_src, x_dst = x
    return x_src, x_dst


def num_targets(x_dst: Tensor | None, edge_index: Adjacency, size: tuple[int, int] | None) -> int:
    """Return the number of targets from whatever says it.

    Raises:
        ArgumentError: Nothing does.
    """
    if x_dst is not None:
        return x_dst.size(0)
    if isinstance(edge_index, CSC):
        return edge_index.num_dst
    if is_sparse_tensor(edge_index):
        return int(edge_index.size(0))
    if size is None:
        msg = (
            "the number of targets is unknown: give size=(num_sources, num_targets), or x as "
            "(features of sources, features of targets)"
        )
        raise ArgumentError(msg)
    return size[1]


def check_width(x: Tensor, size: int, name: str = "x") -> None:
    """Check the number of features.

    Raises:
        ArgumentError: It is not `size`.
    """
    if x.size(-1) != size:
        msg = f"{name} has shape {list(x.shape)}, but the layer was built for [*, {size}]"
        raise ArgumentError(msg)


def check_edge_attr(edge_attr: Tensor | None, num_edges: int, edge_dim: int) -> Tensor:
    """Return edge features as [E, edge_dim]; one number an edge is a column.

    Raises:
        ArgumentError: They are missing, or of another shape.
    """
    if edge_attr is not None and edge_attr.dim() == 1:
        edge_attr = edge_attr.view(-1, 1)
    if edge_attr is None or edge_attr.shape != (num_edges, edge_dim):
        found = "is missing" if edge_attr is None else f"has shape {list(edge_attr.shape)}"
        msg = f"edge_attr {found}, expected [{num_edges}, {edge_dim}]: one row an edge"
        raise ArgumentError(msg)
    return edge_attr


def count_edges(edge_index: Adjacency) -> int:
    """Return the number of edges of any of the three forms.

    Raises:
        ArgumentError: It is none of them.
    """
    check_edge_index(edge_index)
    if isinstance(edge_index, Tensor):
        return edge_index.size(1)
    return edge_index.num_edges if isinstance(edge_index, CSC) else int(edge_index.nnz())


def edge_vector(weight: Tensor | None, num_edges: int) -> Tensor | None:
    """Return edge weights as [E].

    Raises:
        ArgumentError: There is not one number an edge.
    """
    if weight is None or weight.shape == (num_edges,):
        return weight
    if weight.numel() != num_edges:
        msg = f"edge_weight has shape {list(weight.shape)}, expected [{num_edges}]"
        raise ArgumentError(msg)
    return weight.view(-1)


def sorted_weight(csc: CSC, order: Tensor | None, weight: Tensor | None) -> Tensor | None:
    """Return the edge weights in the order of `csc`, [E]: those given, or else its own.

    Args:
        csc: The edges.
        order: Where each of them lies in the edges that the layer was given; see `to_csc`.
        weight: Weights in that order, or None.

    Raises:
        ArgumentError: There is not one number an edge.
    """
    if weight is None:
        return edge_vector(csc.weight, csc.num_edges)
    return reorder(order, edge_vector(weight, csc.num_edges))


def aggregate_first(csc: CSC, in_channels: int, out_channels: int) -> bool:
    """Return whether (A X) W takes less time than A (X W)."""
    product = in_channels * out_channels
    per_edge = csc.num_edges * FLOPS_PER_NUMBER
    first = per_edge * in_channels + csc.num_dst * product
    return first <= per_edge * out_channels + csc.num_src * product
