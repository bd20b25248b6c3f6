"""Node2Vec: node embeddings learned from random walks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.embedding_test import classification_accuracy
from distgnn.nn.models.events import check_nodes
from distgnn.nn.skip_gram import EPS, skip_gram_loss
from distgnn.nn.utils.edges import checked_num_nodes
from distgnn.nn.walks import (
    OutEdges,
    random_nodes,
    random_walk,
    sliding_windows,
    walk_memory,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Node2Vec(nn.Module):
    r"""Node embeddings such that nodes which meet on random walks are close.

    From `"node2vec: Scalable Feature Learning for Networks" <https://arxiv.org/abs/1607.00653>`_;
    with p = q = 1 this is `"DeepWalk" <https://arxiv.org/abs/1403.6652>`_ with negative sampling.
    Windows slide over walks, and the loss is

    .. math::
        -\mathbb{E} \log \sigma(\mathbf{z}_u^{\top} \mathbf{z}_v)
        -\mathbb{E} \log(1 - \sigma(\mathbf{z}_u^{\top} \mathbf{z}_{v'}))

    for the first node u of a window, its other nodes v, and random nodes v'.

    Walks are drawn on the CPU, by torch's generator. A node without out-edges is never left: it
    meets only itself.

    Args:
        edge_index: Edges, int64 [2, E]; walks go from source to target.
        embedding_dim: Size of an embedding.
        walk_length: Number of nodes of a walk.
        context_size: Number of nodes of a window, 2 to `walk_length`.
        walks_per_node: Number of walks from each node of a batch. Default 1.
        p: Having come from t, the weight of going back is 1 / p. Default 1.
        q: The weight of going to a node that t has no edge to is 1 / q. Default 1.
        num_negative_samples: Number of negative walks for each walk. Default 1.
        num_nodes: Number of nodes N; None: one more than the largest in `edge_index`.
        sparse: Whether gradients are sparse, for `torch.optim.SparseAdam`. Default False.

    Shapes:
        - **input:** node ids :math:`(n)` *(optional)*
        - **output:** :math:`(n, F)`, or :math:`(|\mathcal{V}|, F)` without ids

    Raises:
        ArgumentError: A size, p or q that is not positive, windows longer than walks, or edges of
            nodes that do not exist.
    """

    EPS = EPS

    def __init__(
        self,
        edge_index: Tensor,
        embedding_dim: int,
        walk_length: int,
        context_size: int,
        walks_per_node: int = 1,
        p: float = 1.0,
        q: float = 1.0,
        num_negative_samples: int = 1,
        num_nodes: int | None = None,
        sparse: bool = False,
    ) -> None:
        super().__init__()
        check_walks(walk_length, context_size, walks_per_node, num_negative_samples)
        if not (p > 0 and q > 0):
            msg = f"p={p} and q={q} must be positive"
            raise ArgumentError(msg)
        self.num_nodes = checked_num_nodes(edge_index, num_nodes)
        self._edges = OutEdges.of(edge_index, self.num_nodes)
        self.embedding_dim = embedding_dim
        self.walk_length = walk_length - 1  # steps, as torch-geometric's attribute counts
        self.context_size = context_size
        self.walks_per_node = walks_per_node
        self.p = p
        self.q = q
        self.num_negative_samples = num_negative_samples
        self.embedding = nn.Embedding(self.num_nodes, embedding_dim, sparse=sparse)
        self.reset_parameters()

    @property
    def rowptr(self) -> Tensor:
        """Limits of the out-edges of each node, int64 [N + 1]."""
        return self._edges.indptr

    @property
    def col(self) -> Tensor:
        """Where the out-edges lead to, int64 [E]."""
        return self._edges.indices

    def reset_parameters(self) -> None:
        """Draw all embeddings anew."""
        self.embedding.reset_parameters()

    def forward(self, batch: Tensor | None = None) -> Tensor:
        """Return the embeddings of the nodes `batch`, int64 [n], or of all nodes."""
        weight = self.embedding.weight
        return weight if batch is None else weight.index_select(0, batch)

    def loader(self, **kwargs: Any) -> DataLoader[Any]:
        """Return a loader of batches (positive windows, negative windows), all nodes an epoch.

        Args:
            **kwargs: Arguments of torch's `DataLoader`: `batch_size`, `shuffle`, `num_workers`...
        """
        nodes: Any = range(self.num_nodes)
        return DataLoader(nodes, collate_fn=self.sample, **kwargs)

    def sample(self, batch: Sequence[int] | Tensor) -> tuple[Tensor, Tensor]:
        """Return `pos_sample` and `neg_sample` of the nodes `batch`."""
        nodes = batch if isinstance(batch, Tensor) else torch.tensor(batch, dtype=torch.int64)
        return self._sample(nodes, self.walks_per_node, self._num_negative)

    def pos_sample(self, batch: Tensor) -> Tensor:
        """Walk from each node of `batch`, int64 [n], `walks_per_node` times.

        Returns:
            int64 [n * walks_per_node * (walk_length - context_size + 1), context_size]: the first
            window of every walk, then the second, and so on. Windows share memory.
        """
        return self._sample(batch, self.walks_per_node, 0)[0]

    def neg_sample(self, batch: Tensor) -> Tensor:
        """Follow each node of `batch` by random nodes instead, `num_negative_samples` times more.

        Returns:
            int64 [num_negative_samples * rows of pos_sample, context_size].
        """
        return self._sample(batch, 0, self._num_negative)[1]

    @property
    def _num_negative(self) -> int:
        return self.walks_per_node * self.num_negative_samples

    def _sample(self, batch: Tensor, num_pos: int, num_neg: int) -> tuple[Tensor, Tensor]:
        """Return the windows of `num_pos` walks and `num_neg` negative walks from each node."""
        check_nodes("batch", batch, self.num_nodes)
        nodes = batch.cpu()
        sizes = (num_pos * nodes.numel(), num_neg * nodes.numel())
        pos, neg = walk_memory(self.walk_length + 1, *sizes)
        random_walk(self._edges, nodes.repeat(num_pos), self.p, self.q, pos)
        random_nodes([(0, self.num_nodes)], nodes.repeat(num_neg), neg)
        pos, neg = (sliding_windows(walks, self.context_size) for walks in (pos, neg))
        return pos.to(batch.device), neg.to(batch.device)

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
        """Return the accuracy of a logistic regression on embeddings.

        Args:
            train_z: Embeddings to fit, float [n, F].
            train_y: Their labels, [n].
            test_z: Embeddings to classify, float [m, F].
            test_y: Their labels, [m].
            solver: Solver of scikit-learn's `LogisticRegression`.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments.
        """
        return classification_accuracy(
            train_z, train_y, test_z, test_y, *args, solver=solver, **kwargs
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.embedding.num_embeddings}, {self.embedding_dim})"


def check_walks(
    num_nodes: int, context_size: int, walks_per_node: int, num_negative_samples: int
) -> None:
    """Check the sizes of walks.

    Args:
        num_nodes: Number of nodes of a walk.
        context_size: Number of nodes of a window.
        walks_per_node: Number of walks from a node.
        num_negative_samples: Number of negative walks for each walk.

    Raises:
        ArgumentError: A number is too small, or windows are longer than walks.
    """
    if not 2 <= context_size <= num_nodes:
        msg = (
            f"context_size={context_size} must lie between 2 and the {num_nodes} nodes of a walk "
            f"(walk_length)"
        )
        raise ArgumentError(msg)
    if walks_per_node < 1 or num_negative_samples < 1:
        msg = (
            f"walks_per_node={walks_per_node} and num_negative_samples={num_negative_samples} must "
            f"be positive"
        )
        raise ArgumentError(msg)
