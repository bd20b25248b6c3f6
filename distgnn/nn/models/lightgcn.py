"""LightGCN: recommendation by embeddings that are only propagated."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.csc import CSC, group_by
from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import to_csc
from distgnn.nn.conv.features import sorted_weight
from distgnn.nn.conv.lg_conv import LGConv
from distgnn.nn.conv.normalized import NormalizedAdjacency
from distgnn.nn.models.events import check_nodes
from distgnn.nn.ops import is_sparse_tensor
from distgnn.nn.utils.gcn_norm import inverse_root
from distgnn.nn.utils.ranges import joined_ranges

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

SCORES_AT_ONCE = 1 << 24
"""Scores that `recommend` holds at a time: 64 MiB in float32."""


class LightGCN(nn.Module):
    r"""Light graph convolution network (https://arxiv.org/abs/2002.02126).

    Embeddings of users and items are propagated over their interactions, and the layers averaged:

    .. math::
        \mathbf{x}_i = \sum_{l=0}^{L} \alpha_l \mathbf{x}^{(l)}_i, \quad
        \mathbf{x}^{(l+1)}_i = \sum_{j \in \mathcal{N}(i)} \frac{1}{\sqrt{\deg(i) \deg(j)}}
        \mathbf{x}^{(l)}_j

    A pair scores :math:`\mathbf{x}_i^{\top} \mathbf{x}_j`. Edges are given in both directions; a
    `CSC` instead of an edge_index saves sorting them in each step.

    Args:
        num_nodes: Number of nodes N, users and items together.
        embedding_dim: Size of an embedding.
        num_layers: Number of layers L.
        alpha: Weight of all layers, or of each, float [L + 1]; None: ``1 / (L + 1)``. Default None.
        **kwargs: Arguments of `LGConv`.

    Shapes:
        - **input:** edges :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; pairs
          :math:`(2, P)` *(optional)*; edge weights :math:`(|\mathcal{E}|)` *(optional)*
        - **output:** scores :math:`(P)`, or :math:`(|\mathcal{E}|)` without pairs

    Raises:
        ArgumentError: `alpha` has not an entry per layer, ids are out of range, or k is larger than
            the number of candidates.
    """

    alpha: Tensor
    convs: Any

    def __init__(
        self,
        num_nodes: int,
        embedding_dim: int,
        num_layers: int,
        alpha: float | Tensor | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.num_nodes = num_nodes
        self.embedding_dim = embedding_dim
        self.num_layers = num_layers
        if alpha is None:
            alpha = 1.0 / (num_layers + 1)
        if not isinstance(alpha, Tensor):
            alpha = torch.full((num_layers + 1,), float(alpha))
        if alpha.shape != (num_layers + 1,):
            shape = list(alpha.shape)
            msg = f"alpha has shape {shape}, expected [{num_layers + 1}] for {num_layers} layers"
            raise ArgumentError(msg)
        self.register_buffer("alpha", alpha)
        self.embedding = nn.Embedding(num_nodes, embedding_dim)
        self.convs = nn.ModuleList(LGConv(**kwargs) for _ in range(num_layers))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        nn.init.xavier_uniform_(self.embedding.weight)
        for conv in self.convs:
            conv.reset_parameters()

    def get_embedding(self, edge_index: Adjacency, edge_weight: Tensor | None = None) -> Tensor:
        """Return the embeddings of all nodes, float [N, F].

        Args:
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E].
        """
        x = self.embedding.weight
        if self._can_sort(x):  # once for all layers
            edge_index, edge_weight = self._sorted(edge_index, edge_weight), None
        out = x * self.alpha[0]
        for i, conv in enumerate(self.convs, start=1):
            x = conv(x, edge_index, edge_weight)
            out = torch.addcmul(out, x, self.alpha[i])
        return out

    def get_sampled_embedding(
        self, n_id: Tensor, edge_index: Adjacency, degree: Tensor, num_seeds: int
    ) -> Tensor:
        r"""Return embeddings of the seeds of a sampled subgraph: the mini-batch path.

        A sum over sampled neighbours is scaled up by the share of neighbours that were sampled.
        With all neighbours up to L hops this is what `get_embedding` gives for the seeds. Always
        normalised; the arguments of `LGConv` do not matter.

        Args:
            n_id: The nodes of the subgraph, int64 [n], seeds first.
            edge_index: Edges in positions of `n_id`: int64 [2, e], `SparseTensor` or `CSC` (whose
                rows are the first nodes).
            degree: In-degree of these nodes in the whole graph, [n].
            num_seeds: Number of seeds B.

        Returns:
            Float [B, F].
        """
        check_nodes("n_id", n_id, self.num_nodes)
        x = self.embedding(n_id)
        csc = edge_index.square() if isinstance(edge_index, CSC) else edge_index
        csc, _ = to_csc(csc, n_id.numel(), n_id.numel())
        degree = degree.to(x.dtype)
        sampled = csc.indptr.diff().clamp(min=1)
        adjacency = NormalizedAdjacency(csc, None, (degree.sqrt() / sampled, inverse_root(degree)))
        out = x[:num_seeds] * self.alpha[0]
        for i in range(1, self.num_layers + 1):
            x = adjacency.multiply(x)
            out = torch.addcmul(out, x[:num_seeds], self.alpha[i])
        return out

    def forward(
        self,
        edge_index: Adjacency,
        edge_label_index: Tensor | None = None,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """Score pairs of nodes.

        Args:
            edge_index: The graph: int64 [2, E], `SparseTensor` or `CSC`.
            edge_label_index: Pairs to score, int64 [2, P]; None: the edges themselves.
            edge_weight: Float [E].

        Returns:
            Float [P].
        """
        if edge_label_index is None:
            edge_label_index = _pairs_of(edge_index)
        for name, nodes in zip(("[0]", "[1]"), edge_label_index, strict=True):
            check_nodes(f"edge_label_index{name}", nodes, self.num_nodes)
        out = self.get_embedding(edge_index, edge_weight)
        src, dst = (out.index_select(0, nodes) for nodes in edge_label_index)
        return (src * dst).sum(dim=-1)

    def predict_link(
        self,
        edge_index: Adjacency,
        edge_label_index: Tensor | None = None,
        edge_weight: Tensor | None = None,
        prob: bool = False,
    ) -> Tensor:
        """Predict which pairs are linked: 0 or 1, float [P], or probabilities if `prob`.

        The other arguments are those of `forward`.
        """
        pred = self(edge_index, edge_label_index, edge_weight).sigmoid()
        return pred if prob else pred.round()

    def recommend(
        self,
        edge_index: Adjacency,
        edge_weight: Tensor | None = None,
        src_index: Tensor | None = None,
        dst_index: Tensor | None = None,
        k: int = 1,
        sorted: bool = True,
        *,
        exclude: Tensor | None = None,
    ) -> Tensor:
        """Return the `k` candidates that score highest for each node, in bounded memory.

        What is known already is recommended too, unless it is in `exclude`.

        Args:
            edge_index: The graph: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E].
            src_index: Nodes to recommend for, int64 [S]; None: all.
            dst_index: Candidates, int64 [D]; None: all nodes.
            k: Number of recommendations.
            sorted: Return the best first; otherwise in any order.
            exclude: Pairs (node, candidate), int64 [2, K], that are ranked last.

        Returns:
            Nodes, int64 [S, k].
        """
        out = self.get_embedding(edge_index, edge_weight)
        nodes = torch.arange(self.num_nodes, device=out.device)
        src_index = nodes if src_index is None else src_index
        dst_index = nodes if dst_index is None else dst_index
        check_nodes("src_index", src_index, self.num_nodes)
        check_nodes("dst_index", dst_index, self.num_nodes)
        if not 1 <= k <= dst_index.numel():
            msg = f"k={k} must lie between 1 and the {dst_index.numel()} candidates (dst_index)"
            raise ArgumentError(msg)
        masked = None if exclude is None else _Excluded(exclude, dst_index, self.num_nodes)
        candidates, found = out[dst_index].t(), []
        for part in torch.split(src_index, max(SCORES_AT_ONCE // dst_index.numel(), 1)):
            scores = out[part] @ candidates
            if masked is not None:
                masked.apply(scores, part)
            found.append(scores.topk(k, dim=-1, sorted=sorted).indices)
        return dst_index[torch.cat(found)]

    def link_pred_loss(self, pred: Tensor, edge_label: Tensor, **kwargs: Any) -> Tensor:
        """Return the binary cross entropy of scores.

        Args:
            pred: Scores, float [P].
            edge_label: 1 for links and 0 for others, [P].
            **kwargs: Arguments of `torch.nn.BCEWithLogitsLoss`.
        """
        _check_not_empty(pred, "pred")
        loss_fn = nn.BCEWithLogitsLoss(**kwargs)
        return loss_fn(pred, edge_label.to(pred.dtype))

    def recommendation_loss(
        self,
        pos_edge_rank: Tensor,
        neg_edge_rank: Tensor,
        node_id: Tensor | None = None,
        lambda_reg: float = 1e-4,
        **kwargs: Any,
    ) -> Tensor:
        """Return the Bayesian personalised ranking loss of pairs; see `BPRLoss`.

        Args:
            pos_edge_rank: Scores of links, float [P].
            neg_edge_rank: Scores of as many pairs that are no links, float [P].
            node_id: Nodes whose (not propagated) embeddings are kept small, int64 [n]; None: all.
            lambda_reg: Strength of that.
            **kwargs: Arguments of `BPRLoss`.
        """
        weight = self.embedding.weight
        if node_id is not None:
            check_nodes("node_id", node_id, self.num_nodes)
            weight = weight.index_select(0, node_id)
        return BPRLoss(lambda_reg, **kwargs)(pos_edge_rank, neg_edge_rank, weight)

    def _can_sort(self, x: Tensor) -> bool:
        conv = self.convs[0] if len(self.convs) > 0 else None
        return conv is not None and conv.can_fuse(x) and conv.flow == "source_to_target"

    def _sorted(self, edge_index: Adjacency, edge_weight: Tensor | None) -> CSC:
        csc, order = self.convs[0].sorted_edges(edge_index, self.num_nodes, self.num_nodes)
        if edge_weight is None:
            return csc
        return replace(csc, weight=sorted_weight(csc, order, edge_weight))

    def __repr__(self) -> str:
        sizes = f"{self.num_nodes}, {self.embedding_dim}, num_layers={self.num_layers}"
        return f"{type(self).__name__}({sizes})"


class BPRLoss(nn.Module):
    r"""Bayesian personalised ranking loss (https://arxiv.org/abs/1205.2618).

    .. math::
        -\frac{1}{P} \sum_{p=1}^{P} \ln \sigma(y_p^{+} - y_p^{-}) + \frac{\lambda}{P}
        \lVert \mathbf{X} \rVert_2^2

    Args:
        lambda_reg: Strength :math:`\lambda` of the regularisation. Default 0.
        **kwargs: There are no others: any is an error.

    Shapes:
        - **input:** scores of links and of others, :math:`(P)` each, embeddings :math:`(n, F)`
        - **output:** scalar
    """

    def __init__(self, lambda_reg: float = 0, **kwargs: Any) -> None:
        super().__init__()
        if kwargs:
            msg = f"BPRLoss got unknown arguments: {', '.join(sorted(kwargs))}"
            raise ArgumentError(msg)
        self.lambda_reg = lambda_reg

    def forward(
        self, positives: Tensor, negatives: Tensor, parameters: Tensor | None = None
    ) -> Tensor:
        """Return the loss.

        Args:
            positives: Scores of links, float [P].
            negatives: Scores of as many pairs that are no links, float [P].
            parameters: Embeddings to be kept small, float [n, F].
        """
        _check_not_empty(positives, "positives")
        if positives.shape != negatives.shape:
            shapes = f"{list(positives.shape)} and {list(negatives.shape)}"
            msg = f"positives and negatives have shapes {shapes}: each link needs one negative"
            raise ArgumentError(msg)
        loss = -F.logsigmoid(positives - negatives).mean()
        if self.lambda_reg == 0 or parameters is None:
            return loss
        return loss + self.lambda_reg * parameters.norm(p=2).pow(2) / positives.size(0)


class _Excluded:
    """Pairs (node, candidate) sorted by node, for a few nodes at a time."""

    def __init__(self, pairs: Tensor, dst_index: Tensor, num_nodes: int) -> None:
        for name, nodes in zip(("[0]", "[1]"), pairs, strict=True):
            check_nodes(f"exclude{name}", nodes, num_nodes)
        column = torch.full((num_nodes,), -1, device=pairs.device)
        column[dst_index] = torch.arange(dst_index.numel(), device=pairs.device)
        columns = column[pairs[1]]
        kept = columns >= 0
        self._indptr, order = group_by(pairs[0][kept], num_nodes)
        self._columns = columns[kept][order]

    def apply(self, scores: Tensor, nodes: Tensor) -> None:
        """Set the scores [n, D] of pairs of the nodes [n] to minus infinity."""
        begin = self._indptr[nodes]
        row, position = joined_ranges(begin, self._indptr[nodes + 1] - begin)
        scores[row, self._columns[position]] = -torch.inf


def _pairs_of(edge_index: Adjacency) -> Tensor:
    if isinstance(edge_index, Tensor):
        return edge_index
    if is_sparse_tensor(edge_index):
        row, col, _ = edge_index.coo()
        return torch.stack([row, col])
    return edge_index.edge_index()


def _check_not_empty(scores: Tensor, argument: str) -> None:
    if scores.numel() == 0:
        msg = f"{argument} is empty: a loss needs one pair at least"
        raise ArgumentError(msg)
