"""Signed graph convolutional network: friends and foes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.conv.signed_conv import SignedConv
from distgnn.nn.models.autoencoder import check_pairs
from distgnn.nn.models.events import check_nodes
from distgnn.nn.utils.edges import checked_num_nodes
from distgnn.nn.utils.negative_sampling import negative_sampling
from distgnn.nn.utils.structured_negative_sampling import structured_negative_sampling

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

SVD_ITERATIONS = 128
POSITIVE, NEGATIVE, NO_EDGE = range(3)


class SignedGCN(nn.Module):
    r"""Signed graph convolutional network (https://arxiv.org/abs/1808.06354).

    Layers of `SignedConv`, each followed by a ReLU, keep what friends and what foes tell in one
    half of the embedding each. The objective is

    .. math::
        \mathcal{L} = \mathrm{NLL} + \lambda \Big( \mathrm{mean}_{(i, j)^{+}, k} [\lVert
        \mathbf{z}_i - \mathbf{z}_j \rVert^2 - \lVert \mathbf{z}_i - \mathbf{z}_k \rVert^2]_{+}
        + \mathrm{mean}_{(i, j)^{-}, k} [\lVert \mathbf{z}_i - \mathbf{z}_k \rVert^2 - \lVert
        \mathbf{z}_i - \mathbf{z}_j \rVert^2]_{+} \Big)

    where NLL tells positive, negative and no edges apart, and k is a random node that i has no edge
    of that sign to.

    Args:
        in_channels: Size of each input sample.
        hidden_channels: Size of the embedding, both halves together: an even number.
        num_layers: Number of layers.
        lamb: Weight :math:`\lambda`. Default 5.
        bias: Accepted, and without effect. Default True.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, positive and negative edges
          :math:`(2, |\mathcal{E}^{\pm}|)`, `SparseTensor` or `CSC`
        - **output:** :math:`(|\mathcal{V}|, F_{hidden})`

    Raises:
        ArgumentError: `hidden_channels` is odd, there are no layers, a set of edges that a loss or
            metric needs is empty, or nodes are out of range.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        num_layers: int,
        lamb: float = 5,
        bias: bool = True,  # noqa: ARG002 -- torch-geometric's has no effect either
    ) -> None:
        super().__init__()
        if hidden_channels % 2 or num_layers < 1:
            msg = (
                f"hidden_channels={hidden_channels} must be even (one half for friends, one for "
                f"foes) and num_layers={num_layers} positive"
            )
            raise ArgumentError(msg)
        self.in_channels = in_channels
        self.hidden_channels = hidden_channels
        self.num_layers = num_layers
        self.lamb = lamb
        half = hidden_channels // 2
        self.conv1 = SignedConv(in_channels, half, first_aggr=True)
        self.convs = nn.ModuleList(
            SignedConv(half, half, first_aggr=False) for _ in range(num_layers - 1)
        )
        self.lin = nn.Linear(2 * hidden_channels, 3)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.conv1.reset_parameters()
        for conv in self.convs:
            conv.reset_parameters()  # type: ignore[operator]
        self.lin.reset_parameters()

    def split_edges(self, edge_index: Tensor, test_ratio: float = 0.2) -> tuple[Tensor, Tensor]:
        """Split edges at random.

        Args:
            edge_index: int64 [2, E].
            test_ratio: Share of test edges, 0 to 1.

        Returns:
            Train edges and test edges, int64, each in the order of `edge_index`.
        """
        if not 0 <= test_ratio <= 1:
            msg = f"test_ratio={test_ratio} must lie between 0 and 1"
            raise ArgumentError(msg)
        num_edges = edge_index.size(1)
        train = torch.ones(num_edges, dtype=torch.bool, device=edge_index.device)
        train[torch.randperm(num_edges)[: int(test_ratio * num_edges)]] = False
        return edge_index[:, train], edge_index[:, ~train]

    def create_spectral_features(
        self, pos_edge_index: Tensor, neg_edge_index: Tensor, num_nodes: int | None = None
    ) -> Tensor:
        """Return node features from a truncated singular value decomposition of the signed graph.

        Both directions of every edge are taken. An entry of the matrix is -1 for a negative edge, 1
        for a positive one and 2 more for each further positive edge of the same pair. The
        decomposition starts from random vectors that numpy's global generator draws.

        Args:
            pos_edge_index: Positive edges, int64 [2, E].
            neg_edge_index: Negative edges, int64 [2, E'].
            num_nodes: Number of nodes N; None: one more than the largest.

        Returns:
            Float [N, in_channels].
        """
        import scipy.sparse
        from sklearn.decomposition import TruncatedSVD

        edges = torch.cat([pos_edge_index, neg_edge_index], dim=1).cpu()
        size = checked_num_nodes(edges, num_nodes)
        if self.in_channels > size:
            msg = f"in_channels={self.in_channels} features cannot be had from {size} nodes"
            raise ArgumentError(msg)
        row, col = torch.cat([edges, edges.flip(0)], dim=1).numpy()
        count = torch.zeros(edges.size(1))
        count[: pos_edge_index.size(1)] = 2
        signed = scipy.sparse.csr_matrix((count.repeat(2).numpy(), (row, col)), (size, size))
        signed.data -= 1
        svd = TruncatedSVD(n_components=self.in_channels, n_iter=SVD_ITERATIONS)
        svd.fit(signed)
        return torch.from_numpy(svd.components_.T.copy()).float().to(pos_edge_index.device)

    def forward(self, x: Tensor, pos_edge_index: Adjacency, neg_edge_index: Adjacency) -> Tensor:
        """Return the embeddings, float [N, hidden_channels].

        Args:
            x: Node features, float [N, in_channels].
            pos_edge_index: Positive edges: int64 [2, E], `SparseTensor` or `CSC`.
            neg_edge_index: Negative edges, likewise.
        """
        if self.conv1.can_fuse(x):  # sort once for all layers
            pos_edge_index, neg_edge_index = (
                self.conv1.sorted_edges(edges, x.size(0), x.size(0))[0]
                for edges in (pos_edge_index, neg_edge_index)
            )
        z = self.conv1(x, pos_edge_index, neg_edge_index).relu()
        for conv in self.convs:
            z = conv(z, pos_edge_index, neg_edge_index).relu()
        return z

    def discriminate(self, z: Tensor, edge_index: Tensor) -> Tensor:
        """Return the log-probabilities that pairs are positive, negative or no edges.

        Args:
            z: Embeddings, float [N, hidden_channels].
            edge_index: Pairs, int64 [2, P].

        Returns:
            Float [P, 3].
        """
        src, dst = edge_index
        value = torch.cat([z.index_select(0, src), z.index_select(0, dst)], dim=1)
        return self.lin(value).log_softmax(dim=1)

    def nll_loss(self, z: Tensor, pos_edge_index: Tensor, neg_edge_index: Tensor) -> Tensor:
        """Return the loss of telling edges apart, averaged over the three classes.

        As many pairs that are no edges are drawn as there are edges of either sign.

        Args:
            z: Embeddings, float [N, hidden_channels].
            pos_edge_index: Positive edges, int64 [2, E].
            neg_edge_index: Negative edges, int64 [2, E'].
        """
        self._check(z, pos_edge_index=pos_edge_index, neg_edge_index=neg_edge_index)
        edges = torch.cat([pos_edge_index, neg_edge_index], dim=1)
        none_edge_index = negative_sampling(edges, z.size(0))
        classes = (
            (pos_edge_index, POSITIVE),
            (neg_edge_index, NEGATIVE),
            (none_edge_index, NO_EDGE),
        )
        losses = [
            F.nll_loss(self.discriminate(z, pairs), pairs.new_full((pairs.size(1),), label))
            for pairs, label in classes
        ]
        return torch.stack(losses).sum() / len(losses)

    def pos_embedding_loss(self, z: Tensor, pos_edge_index: Tensor) -> Tensor:
        """Return how much farther friends, int64 [2, E], are than random nodes."""
        self._check(z, pos_edge_index=pos_edge_index)
        to_other, to_random = _squared_distances(z, pos_edge_index)
        return (to_other - to_random).clamp(min=0).mean()

    def neg_embedding_loss(self, z: Tensor, neg_edge_index: Tensor) -> Tensor:
        """Return how much closer foes, int64 [2, E], are than random nodes."""
        self._check(z, neg_edge_index=neg_edge_index)
        to_other, to_random = _squared_distances(z, neg_edge_index)
        return (to_random - to_other).clamp(min=0).mean()

    def loss(self, z: Tensor, pos_edge_index: Tensor, neg_edge_index: Tensor) -> Tensor:
        """Return the whole objective; arguments as for `nll_loss`."""
        nll_loss = self.nll_loss(z, pos_edge_index, neg_edge_index)
        pos_loss = self.pos_embedding_loss(z, pos_edge_index)
        neg_loss = self.neg_embedding_loss(z, neg_edge_index)
        return nll_loss + self.lamb * (pos_loss + neg_loss)

    def test(
        self, z: Tensor, pos_edge_index: Tensor, neg_edge_index: Tensor
    ) -> tuple[float, float]:
        """Return the area under the ROC curve and the F1 score of predicted signs.

        Args:
            z: Embeddings, float [N, hidden_channels].
            pos_edge_index: Positive edges, int64 [2, E].
            neg_edge_index: Negative edges, int64 [2, E'].
        """
        from sklearn.metrics import f1_score, roc_auc_score

        self._check(z, pos_edge_index=pos_edge_index, neg_edge_index=neg_edge_index)
        with torch.no_grad():
            logits = [self.discriminate(z, e)[:, :2] for e in (pos_edge_index, neg_edge_index)]
        pred = (torch.cat(logits).argmax(dim=1) == POSITIVE).long().cpu().numpy()
        y = torch.cat([torch.ones(logits[0].size(0)), torch.zeros(logits[1].size(0))]).numpy()
        f1 = f1_score(y, pred, average="binary") if pred.sum() > 0 else 0.0
        return float(roc_auc_score(y, pred)), float(f1)

    def _check(self, z: Tensor, **edge_sets: Any) -> None:
        for name, edges in edge_sets.items():
            check_pairs(name, edges)
            check_nodes(name, edges.reshape(-1), z.size(0))

    def __repr__(self) -> str:
        sizes = f"{self.in_channels}, {self.hidden_channels}, num_layers={self.num_layers}"
        return f"{type(self).__name__}({sizes})"


def _squared_distances(z: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
    """Return those from each edge's source to its target and to a node it is not linked to."""
    i, j, k = structured_negative_sampling(edge_index, z.size(0))
    return ((z[i] - z[j]) ** 2).sum(dim=1), ((z[i] - z[k]) ** 2).sum(dim=1)
