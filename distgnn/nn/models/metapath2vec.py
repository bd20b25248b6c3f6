"""MetaPath2Vec: embeddings of nodes of several types, learned from walks along a metapath."""

from __future__ import annotations

from itertools import cycle, islice, pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from distgnn.exceptions import ArgumentError, MetapathError, nearest
from distgnn.nn.models.embedding_test import classification_accuracy
from distgnn.nn.models.events import check_nodes
from distgnn.nn.models.node2vec import check_walks
from distgnn.nn.skip_gram import EPS, skip_gram_loss
from distgnn.nn.utils.edges import checked_sizes
from distgnn.nn.utils.index_ptr import index2ptr
from distgnn.nn.walks import (
    OutEdges,
    metapath_walk,
    random_nodes,
    sliding_windows,
    walk_memory,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

EdgeType = tuple[str, str, str]


class MetaPath2Vec(nn.Module):
    r"""Embeddings such that nodes which meet on walks along a metapath are close.

    From `"metapath2vec: Scalable Representation Learning for Heterogeneous Networks"
    <https://ericdongyx.github.io/papers/KDD17-dong-chawla-swami-metapath2vec.pdf>`_. A walk takes
    an edge of each type of the metapath in turn, and starts over if the metapath is a cycle.
    Windows slide over walks, and the loss is that of `Node2Vec`, with random nodes of the right
    type as negative samples (metapath2vec++'s heterogeneous negative sampling).

    A walk that has no edge to go on goes to a dummy node, and stays there; the last row of the
    embedding is that of the dummy.

    Args:
        edge_index_dict: Edges of each type (source type, relation, target type), int64 [2, E].
        embedding_dim: Size of an embedding.
        metapath: Edge types, each starting where the one before ends.
        walk_length: Number of steps of a walk.
        context_size: Number of nodes of a window, 2 to ``walk_length + 1``.
        walks_per_node: Number of walks from each node of a batch. Default 1.
        num_negative_samples: Number of negative walks for each walk. Default 1.
        num_nodes_dict: Number of nodes of each type; None: one more than the largest in
            `edge_index_dict`.
        sparse: Whether gradients are sparse, for `torch.optim.SparseAdam`. Default False.

    Shapes:
        - **input:** a node type and node ids :math:`(n)` *(optional)*
        - **output:** :math:`(n, F)`, or :math:`(|\mathcal{V}_t|, F)` without ids

    Raises:
        ArgumentError: (ValueError) The metapath does not chain or names unknown edge types, edges
            of nodes that do not exist, sizes that are too small, windows longer than walks.
        MetapathError: (AttributeError) Walks longer than a metapath that is no cycle.
    """

    EPS = EPS

    def __init__(
        self,
        edge_index_dict: Mapping[EdgeType, Tensor],
        embedding_dim: int,
        metapath: Sequence[EdgeType],
        walk_length: int,
        context_size: int,
        walks_per_node: int = 1,
        num_negative_samples: int = 1,
        num_nodes_dict: Mapping[str, int] | None = None,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        check_walks(walk_length + 1, context_size, walks_per_node, num_negative_samples)
        _check_metapath(edge_index_dict, metapath, walk_length)
        self.embedding_dim = embedding_dim
        self.metapath = list(metapath)
        self.walk_length = walk_length
        self.context_size = context_size
        self.walks_per_node = walks_per_node
        self.num_negative_samples = num_negative_samples
        self.num_nodes_dict = _num_nodes(edge_index_dict, num_nodes_dict)
        self.start: dict[str, int] = {}
        """First row of each node type in the embedding."""
        self.end: dict[str, int] = {}
        """One more than the last row of each node type."""
        count = 0
        for node_type in sorted(
            {node_type for src, _, dst in metapath for node_type in (src, dst)}
        ):
            self.start[node_type] = count
            count += self.num_nodes_dict[node_type]
            self.end[node_type] = count
        self.dummy_idx = count
        out_edges = {
            edge_type: self._out_edges(edge_index_dict, edge_type) for edge_type in metapath
        }
        self._relations = [out_edges[edge_type] for edge_type in metapath]
        self.embedding = nn.Embedding(count + 1, embedding_dim, sparse=sparse)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all embeddings anew."""
        self.embedding.reset_parameters()

    def forward(self, node_type: str, batch: Tensor | None = None) -> Tensor:
        """Return the embeddings of the nodes `batch`, int64 [n], of a type, or of all of them.

        Raises:
            ArgumentError: The type is not in the metapath, or a node does not exist.
        """
        if node_type not in self.start:
            msg = f"node type {node_type!r} is not in the metapath{nearest(node_type, self.start)}"
            raise ArgumentError(msg)
        weight = self.embedding.weight[self.start[node_type] : self.end[node_type]]
        if batch is None:
            return weight
        check_nodes("batch", batch, weight.size(0))
        return weight.index_select(0, batch)

    def loader(self, **kwargs: Any) -> DataLoader[Any]:
        """Return a loader of batches (positive windows, negative windows).

        An epoch starts from each node of the metapath's first type.

        Args:
            **kwargs: Arguments of torch's `DataLoader`: `batch_size`, `shuffle`, `num_workers`...
        """
        nodes: Any = range(self.num_nodes_dict[self.metapath[0][0]])
        return DataLoader(nodes, collate_fn=self.sample, **kwargs)

    def sample(self, batch: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
        """Return `pos_sample` and `neg_sample` of the nodes `batch` of the first type."""
        nodes = batch if isinstance(batch, Tensor) else torch.tensor(batch, dtype=torch.int64)
        return self._sample(nodes, self.walks_per_node, self._num_negative)

    def pos_sample(self, batch: Tensor) -> Tensor:
        """Walk from each node of `batch`, int64 [n], `walks_per_node` times.

        Returns:
            Rows of the embedding, int64 [n * walks_per_node * (walk_length - context_size + 2),
            context_size]: the first window of every walk, then the second, and so on. Windows
            share memory.
        """
        return self._sample(batch, self.walks_per_node, 0)[0]

    def neg_sample(self, batch: Tensor) -> Tensor:
        """Follow each node of `batch` by random nodes of the types on the path instead.

        Returns:
            int64 [num_negative_samples * rows of pos_sample, context_size].
        """
        return self._sample(batch, 0, self._num_negative)[1]

    def loss(self, pos_rw: Tensor, neg_rw: Tensor) -> Tensor:
        """Return the loss of positive and negative windows, int64 [n, C] and [m, C]."""
        return skip_gram_loss(self.embedding, pos_rw, neg_rw)

    def test(
        self,
        train_z: Tensor,
        train_y: Tensor,
        test_z: Tensor,
        test_y: Tensor,
        solver: str = "lbfgs",
        *args: Any,
        **kwargs: Any,
    ) -> float:
        """Return the accuracy of a logistic regression on embeddings; see `Node2Vec.test`."""
        return classification_accuracy(
            train_z, train_y, test_z, test_y, *args, solver=solver, **kwargs
        )

    @property
    def _num_negative(self) -> int:
        return self.walks_per_node * self.num_negative_samples

    def _sample(self, batch: Tensor, num_pos: int, num_neg: int) -> tuple[Tensor, Tensor]:
        """Return the windows of `num_pos` walks and `num_neg` negative walks from each node."""
        first = self.metapath[0][0]
        check_nodes("batch", batch, self.num_nodes_dict[first])
        nodes = batch.cpu() + self.start[first]
        sizes = (num_pos * nodes.numel(), num_neg * nodes.numel())
        pos, neg = walk_memory(self.walk_length + 1, *sizes)
        metapath_walk(self._relations, nodes.repeat(num_pos), self.dummy_idx, pos)
        random_nodes(self._types_on_path(), nodes.repeat(num_neg), neg)
        pos, neg = (sliding_windows(walks, self.context_size) for walks in (pos, neg))
        return pos.to(batch.device), neg.to(batch.device)

    def _types_on_path(self) -> list[tuple[int, int]]:
        """Return the first row and the number of nodes of the type at each place of a walk."""
        path = islice(cycle(self.metapath), self.walk_length)
        types = [self.metapath[0][0], *(dst for _, _, dst in path)]
        return [(self.start[name], self.num_nodes_dict[name]) for name in types]

    def _out_edges(
        self, edge_index_dict: Mapping[EdgeType, Tensor], edge_type: EdgeType
    ) -> OutEdges:
        """Return the edges of a type from row to row of the embedding."""
        src, _, dst = edge_type
        edge_index = edge_index_dict[edge_type].cpu()
        checked_sizes(edge_index, (self.num_nodes_dict[src], self.num_nodes_dict[dst]))
        row, order = edge_index[0].sort(stable=True)
        indptr = index2ptr(row, self.num_nodes_dict[src])
        return OutEdges(indptr, edge_index[1][order] + self.start[dst], self.start[src])

    def __repr__(self) -> str:
        rows = self.embedding.num_embeddings - 1
        return f"{type(self).__name__}({rows}, {self.embedding_dim})"


def _check_metapath(
    edge_index_dict: Mapping[EdgeType, Tensor], metapath: Sequence[EdgeType], walk_length: int
) -> None:
    if len(metapath) == 0:
        msg = "metapath is empty, expected edge types (source type, relation, target type)"
        raise ArgumentError(msg)
    for edge_type in metapath:
        if edge_type not in edge_index_dict:
            msg = (
                f"edge type {edge_type} of metapath is not in edge_index_dict; known: "
                f"{', '.join(map(str, edge_index_dict))}"
            )
            raise ArgumentError(msg)
    for before, after in pairwise(metapath):
        if before[2] != after[0]:
            msg = (
                f"metapath does not chain: {before} ends at {before[2]!r}, but {after} starts at "
                f"{after[0]!r}"
            )
            raise ArgumentError(msg)
    if walk_length > len(metapath) and metapath[0][0] != metapath[-1][2]:
        msg = (
            f"walk_length={walk_length} is longer than the metapath ({len(metapath)} steps), which "
            f"does not end at the type where it starts ({metapath[-1][2]!r}, "
            f"{metapath[0][0]!r}): shorten walks or close the metapath"
        )
        raise MetapathError(msg)


def _num_nodes(
    edge_index_dict: Mapping[EdgeType, Tensor], given: Mapping[str, int] | None
) -> dict[str, int]:
    """Return the number of nodes of each type."""
    if given is not None:
        return dict(given)
    found: dict[str, int] = {}
    for (src, _, dst), edge_index in edge_index_dict.items():
        sizes = checked_sizes(edge_index)
        for node_type, size in zip((src, dst), sizes, strict=True):
            found[node_type] = max(found.get(node_type, 0), size)
    return found
