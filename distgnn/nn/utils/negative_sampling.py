"""Draw pairs of nodes that are no edges."""

from __future__ import annotations

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.nn.utils.edges import check_choice, checked_sizes
from distgnn.nn.utils.index_ptr import index2ptr
from distgnn.nn.utils.pairs import Kind, Pairs, draw_distinct, num_samples_of

METHODS = ("sparse", "dense")


def negative_sampling(
    edge_index: Tensor,
    num_nodes: int | tuple[int, int] | None = None,
    num_neg_samples: float | None = None,
    method: str = "sparse",
    force_undirected: bool = False,
) -> Tensor:
    """Draw different pairs of nodes that are no edges, every set of them equally likely.

    Args:
        edge_index: int64 [2, E].
        num_nodes: Number of nodes; a pair of numbers of sources and targets is a bipartite graph;
            None: one more than the largest node. A node is no negative of itself, except in a
            bipartite graph.
        num_neg_samples: Number of negatives; a float: that multiple of the number of edges; None:
            as many as edges. Where fewer pairs are no edges, all of them are returned.
        method: ``"sparse"`` sorts the edges; ``"dense"`` marks them among all pairs, which is
            faster where edges are a good share of the pairs, and takes a byte per pair.
        force_undirected: Return both (i, j) and (j, i); neither of them is an edge.

    Returns:
        int64 [2, n], in random order; undirected pairs one way, then the other way.

    Raises:
        ArgumentError: Wrong type or shape, nodes out of range, an unknown method, or an undirected
            bipartite graph.
    """
    bipartite = isinstance(num_nodes, tuple | list)
    if isinstance(num_nodes, tuple | list):
        sizes = checked_sizes(edge_index, (num_nodes[0], num_nodes[1]))
    elif num_nodes is not None:
        sizes = checked_sizes(edge_index, (num_nodes, num_nodes))
    else:
        sizes = (max(checked_sizes(edge_index)),) * 2
    pairs = Pairs(
        edge_index.new_tensor(sizes[:1]),
        edge_index.new_tensor(sizes[1:]),
        _kind(bipartite=bipartite, undirected=force_undirected),
    )
    graph = torch.zeros_like(edge_index[0])
    return _draw(pairs, graph, edge_index, num_neg_samples, method)[1]


def batched_negative_sampling(
    edge_index: Tensor,
    batch: Tensor | tuple[Tensor, Tensor],
    num_neg_samples: float | None = None,
    method: str = "sparse",
    force_undirected: bool = False,
) -> Tensor:
    """Draw pairs of nodes of the same graph that are no edges, from each graph of a batch.

    Args:
        edge_index: int64 [2, E], each within one graph, in any order.
        batch: The graph of each node, int64 [N], not decreasing; for bipartite graphs those of the
            sources and of the targets.
        num_neg_samples: Number of negatives per graph; a float: that multiple of the graph's
            number of edges; None: as many as its edges.
        method: As for `negative_sampling`.
        force_undirected: As for `negative_sampling`.

    Returns:
        int64 [2, n], graph by graph.

    Raises:
        ArgumentError: As for `negative_sampling`; or `batch` decreases, or an edge links two
            graphs.
    """
    bipartite = not isinstance(batch, Tensor)
    src_batch, dst_batch = (batch, batch) if isinstance(batch, Tensor) else batch
    checked_sizes(edge_index, (src_batch.numel(), dst_batch.numel()))
    num_graphs = max(_num_graphs(src_batch), _num_graphs(dst_batch))
    graph = src_batch[edge_index[0]]
    if not torch.equal(graph, dst_batch[edge_index[1]]):
        msg = "an edge links nodes of two graphs of the batch: edge_index and batch do not match"
        raise ArgumentError(msg)
    first = torch.stack([index2ptr(src_batch, num_graphs), index2ptr(dst_batch, num_graphs)])
    num_src, num_dst = first.diff(dim=1)
    pairs = Pairs(num_src, num_dst, _kind(bipartite=bipartite, undirected=force_undirected))
    graph, drawn = _draw(pairs, graph, edge_index - first[:, graph], num_neg_samples, method)
    return drawn + first[:, graph]


def _kind(*, bipartite: bool, undirected: bool) -> Kind:
    if bipartite and undirected:
        msg = "force_undirected=True: the pairs of a bipartite graph have no reverse"
        raise ArgumentError(msg)
    if bipartite:
        return "all"
    return "undirected" if undirected else "no_loops"


def _num_graphs(batch: Tensor) -> int:
    if bool((batch[1:] < batch[:-1]).any()):
        msg = "batch decreases; the nodes of a graph must lie together, graph by graph"
        raise ArgumentError(msg)
    return int(batch[-1]) + 1 if batch.numel() > 0 else 0


def _draw(
    pairs: Pairs, graph: Tensor, edge_index: Tensor, asked: float | None, method: str
) -> tuple[Tensor, Tensor]:
    """Return the graph of each negative, [n], and the negatives with nodes counted per graph."""
    check_choice("method", method, METHODS)
    num_graphs = pairs.num_src.numel()
    wanted = num_samples_of(asked, torch.bincount(graph, minlength=num_graphs))
    undirected = pairs.kind == "undirected"
    wanted = wanted // 2 if undirected else wanted
    counts = pairs.counts()
    if pairs.kind != "all":
        proper = edge_index[0] != edge_index[1]
        graph, edge_index = graph[proper], edge_index[:, proper]
    taken = (counts.cumsum(0) - counts)[graph] + pairs.number(graph, *edge_index)
    if method == "dense":
        owner, number = _free_by_mask(counts, taken, wanted)
    else:
        owner, number = _free_by_rank(counts, taken, wanted)
    drawn = torch.stack(pairs.pair(owner, number))
    if not undirected:
        return owner, drawn
    owner, drawn = owner.repeat(2), torch.cat([drawn, drawn.flip(0)], dim=1)
    order = torch.sort(owner, stable=True).indices
    return owner[order], drawn[:, order]


def _free_by_rank(counts: Tensor, taken: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Draw ranks among the pairs that are not taken; return their graphs and numbers.

    The r-th free pair (r from 0) is r + the number of taken pairs before it, and those are the
    taken pairs t_k (sorted, k from 0) with t_k - k <= r.
    """
    taken = torch.unique(taken)
    ends = counts.cumsum(0)
    taken_before = torch.searchsorted(taken, ends)
    free = counts - taken_before.diff(prepend=taken_before.new_zeros(1))
    owner, rank = draw_distinct(free, torch.minimum(wanted, free))
    rank = rank + (free.cumsum(0) - free)[owner]
    position = torch.arange(taken.numel(), device=taken.device)
    pair = rank + torch.searchsorted(taken - position, rank, right=True)
    return owner, pair - (ends - counts)[owner]


def _free_by_mask(counts: Tensor, taken: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """Mark the taken pairs among all pairs, and draw from the others."""
    is_free = torch.ones(int(counts.sum()), dtype=torch.bool, device=counts.device)
    is_free[taken] = False
    pair = is_free.nonzero().flatten()
    ends = counts.cumsum(0)
    before = torch.searchsorted(pair, ends)
    free = before.diff(prepend=before.new_zeros(1))
    owner, rank = draw_distinct(free, torch.minimum(wanted, free))
    return owner, pair[rank + (before - free)[owner]] - (ends - counts)[owner]
