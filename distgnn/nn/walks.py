"""Random walks over edges that lie sorted by their source, in C++ (`distgnn/nn/csrc/walk.h`).

Walks lie step by step, int64 [number of nodes in a walk, number of walks], so that the windows that
slide along them need no copy. torch's generator decides where they go: the number of threads does
not, and `torch.manual_seed` repeats them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

from distgnn.exceptions import ArgumentError
from distgnn.nn import _kernels
from distgnn.nn.utils.index_ptr import index2ptr
from distgnn.nn.utils.sort_edge_index import sort_edge_index

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

MAX_KEY = 2**63 - 1


class OutEdges(NamedTuple):
    """The out-edges of the nodes `first`, `first + 1`, ..., on the CPU."""

    indptr: Tensor
    """int64 [N + 1]."""
    indices: Tensor
    """Where each edge leads to, int64 [E], ascending for each node."""
    first: int = 0
    """The node that row 0 is."""

    @classmethod
    def of(cls, edge_index: Tensor, num_nodes: int) -> OutEdges:
        """Sort `edge_index`, int64 [2, E], of `num_nodes` nodes."""
        row, col = sort_edge_index(edge_index.cpu(), num_nodes=num_nodes)
        return cls(index2ptr(row, num_nodes), col.contiguous())


def walk_memory(num_nodes: int, *num_walks: int) -> list[Tensor]:
    """Return places for sets of walks of `num_nodes` nodes: int64 [num_nodes, W] for each W.

    They share one storage, which a worker process hands over at the price of one.
    """
    memory = torch.empty(num_nodes * sum(num_walks), dtype=torch.int64)
    parts = torch.split(memory, [num_nodes * count for count in num_walks])
    return [part.view(num_nodes, count) for part, count in zip(parts, num_walks, strict=True)]


def random_walk(edges: OutEdges, start: Tensor, p: float, q: float, out: Tensor) -> Tensor:
    """Walk as node2vec does (https://arxiv.org/abs/1607.00653).

    Having come from t to v, an edge to x is taken with a weight of 1 / p if x = t, 1 if there is an
    edge from t to x, and 1 / q otherwise. A node without out-edges is never left.

    Args:
        edges: All edges; `first` is 0.
        start: Where each walk starts, int64 [W], on the CPU.
        p: Reluctance to go back at once; positive.
        q: Reluctance to go away from where the walk came from; positive.
        out: Written to: int64 [L, W], walks of L nodes each.

    Returns:
        `out`.

    Raises:
        ArgumentError: A start does not exist.
    """
    relation = (edges.indptr.numpy(), edges.indices.numpy(), edges.first)
    begin, threads = start.contiguous().numpy(), torch.get_num_threads()
    try:
        if p == q == 1.0:
            _kernels.walk([relation], begin, _key(), None, out.numpy(), threads)
        else:
            _kernels.biased_walk(relation, begin, _key(), p, q, out.numpy(), threads)
    except IndexError as error:
        raise _missing_node(error) from None
    return out


def metapath_walk(
    relations: Sequence[OutEdges], start: Tensor, dead_end: int, out: Tensor
) -> Tensor:
    """Walk along one relation after the other, from the first again after the last.

    Args:
        relations: The edges of each step.
        start: Where each walk starts, int64 [W], on the CPU.
        dead_end: The node at which a walk rests that has no edge to go on.
        out: Written to: int64 [L, W], walks of L nodes each.

    Returns:
        `out`.

    Raises:
        ArgumentError: A start does not exist.
    """
    arrays = [(edges.indptr.numpy(), edges.indices.numpy(), edges.first) for edges in relations]
    begin = start.contiguous().numpy()
    try:
        _kernels.walk(arrays, begin, _key(), dead_end, out.numpy(), torch.get_num_threads())
    except IndexError as error:
        raise _missing_node(error) from None
    return out


def random_nodes(ranges: Sequence[tuple[int, int]], start: Tensor, out: Tensor) -> Tensor:
    """Draw nodes regardless of edges, in the form of walks.

    Args:
        ranges: The first node and the number of nodes to draw from, for each place in a walk; taken
            in turns. Place 0 is the start.
        start: Where each walk starts, int64 [W], on the CPU.
        out: Written to: int64 [L, W], walks of L nodes each.

    Returns:
        `out`.
    """
    if start.numel() == 0:  # perhaps there are no nodes to draw from
        return out
    begin = start.contiguous().numpy()
    _kernels.random_nodes(list(ranges), begin, _key(), out.numpy(), torch.get_num_threads())
    return out


def sliding_windows(walks: Tensor, size: int) -> Tensor:
    """Return all windows of `size` consecutive nodes, without a copy.

    Args:
        walks: int64 [L, W], as walks lie here.
        size: Number of nodes of a window, at most L.

    Returns:
        int64 [(L - size + 1) * W, size]: the first window of every walk, then the second, ...
    """
    length, num_walks = walks.shape
    shape = ((length - size + 1) * num_walks, size)
    walks = walks.contiguous()
    return walks.as_strided(shape, (1, num_walks), walks.storage_offset())


def _key() -> int:
    return int(torch.randint(MAX_KEY, ()))


def _missing_node(error: IndexError) -> ArgumentError:
    return ArgumentError(f"{error}: check the nodes in batch against num_nodes")
