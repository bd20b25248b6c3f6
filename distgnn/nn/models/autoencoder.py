"""Graph auto-encoders: plain, variational, adversarially regularised, and both."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.adjacency import check_edge_index
from distgnn.nn.reset import reset
from distgnn.nn.utils.negative_sampling import negative_sampling

EPS = 1e-15
MAX_LOGSTD = 10
NO_ENCODING = "kl_loss() needs mu and logstd, or a call of encode() before it"


class InnerProductDecoder(nn.Module):
    r"""Edge probabilities :math:`\sigma(\mathbf{Z} \mathbf{Z}^{\top})`.

    From `"Variational Graph Auto-Encoders" <https://arxiv.org/abs/1611.07308>`_.

    Shapes:
        - **input:** embeddings :math:`(|\mathcal{V}|, F)`, pairs of nodes :math:`(2, P)`
        - **output:** :math:`(P)`
    """

    def forward(self, z: Tensor, edge_index: Tensor, sigmoid: bool = True) -> Tensor:
        """Score pairs of nodes.

        Args:
            z: Embeddings, float [N, F].
            edge_index: Pairs, int64 [2, P].
            sigmoid: Return probabilities; otherwise their logits.

        Returns:
            Float [P].
        """
        value = (z.index_select(0, edge_index[0]) * z.index_select(0, edge_index[1])).sum(dim=1)
        return value.sigmoid() if sigmoid else value

    def forward_all(self, z: Tensor, sigmoid: bool = True) -> Tensor:
        """Score all pairs of nodes: float [N, N]."""
        value = z @ z.t()
        return value.sigmoid() if sigmoid else value


class GAE(nn.Module):
    r"""Graph auto-encoder (https://arxiv.org/abs/1611.07308).

    .. math::
        \mathbf{Z} = \mathrm{encoder}(\mathbf{X}, \mathbf{A}), \quad
        \mathbf{\hat{A}} = \mathrm{decoder}(\mathbf{Z})

    learned by telling edges from sampled pairs that are no edges. Parameters of the given modules
    are drawn anew.

    Args:
        encoder: Returns embeddings.
        decoder: Takes (z, pairs of nodes, sigmoid=True) and returns probabilities; None: an
            `InnerProductDecoder`. Default None.

    Shapes:
        - **input:** what the encoder takes
        - **output:** what the encoder returns, embeddings :math:`(|\mathcal{V}|, F)`
    """

    def __init__(self, encoder: nn.Module, decoder: nn.Module | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = InnerProductDecoder() if decoder is None else decoder
        GAE.reset_parameters(self)

    def reset_parameters(self) -> None:
        """Draw all parameters of the given modules anew."""
        reset(self.encoder)
        reset(self.decoder)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return what the encoder makes of the arguments."""
        return self.encoder(*args, **kwargs)

    def encode(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the embeddings, float [N, F], that the encoder makes of the arguments."""
        return self.encoder(*args, **kwargs)

    def decode(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return what the decoder makes of the arguments, usually (z, pairs of nodes)."""
        return self.decoder(*args, **kwargs)

    def recon_loss(
        self, z: Tensor, pos_edge_index: Tensor, neg_edge_index: Tensor | None = None
    ) -> Tensor:
        r"""Return the binary cross entropy of edges and negatives.

        .. math::
            -\frac{1}{P} \sum_{(i, j)} \log(p_{ij} + \epsilon)
            -\frac{1}{P'} \sum_{(i, j)'} \log(1 - p_{ij} + \epsilon)

        Args:
            z: Embeddings, float [N, F].
            pos_edge_index: Edges, int64 [2, P].
            neg_edge_index: Pairs that are no edges, int64 [2, P']; None: as many as there are edges
                are drawn from all pairs of different nodes.

        Raises:
            ArgumentError: There are no edges, or no negatives.
        """
        check_pairs("pos_edge_index", pos_edge_index)
        if neg_edge_index is None:
            neg_edge_index = negative_sampling(pos_edge_index, z.size(0))
        check_pairs("neg_edge_index", neg_edge_index)
        pos = self.decoder(z, pos_edge_index, sigmoid=True)
        neg = self.decoder(z, neg_edge_index, sigmoid=True)
        return -torch.log(pos + EPS).mean() - torch.log(1 - neg + EPS).mean()

    def test(
        self, z: Tensor, pos_edge_index: Tensor, neg_edge_index: Tensor
    ) -> tuple[float, float]:
        """Return the area under the ROC curve and the average precision.

        Args:
            z: Embeddings, float [N, F].
            pos_edge_index: Edges, int64 [2, P].
            neg_edge_index: Pairs that are no edges, int64 [2, P'].

        Raises:
            ArgumentError: There are no edges, or no negatives.
        """
        from sklearn.metrics import average_precision_score, roc_auc_score

        check_pairs("pos_edge_index", pos_edge_index)
        check_pairs("neg_edge_index", neg_edge_index)
        pos, neg = (self.decoder(z, e, sigmoid=True) for e in (pos_edge_index, neg_edge_index))
        y = torch.cat([torch.ones_like(pos), torch.zeros_like(neg)]).detach().cpu().numpy()
        pred = torch.cat([pos, neg]).detach().cpu().numpy()
        return float(roc_auc_score(y, pred)), float(average_precision_score(y, pred))


class VGAE(GAE):
    r"""Variational graph auto-encoder (https://arxiv.org/abs/1611.07308).

    The encoder gives means and log standard deviations; in training

    .. math::
        \mathbf{z}_i = \boldsymbol{\mu}_i + \boldsymbol{\epsilon}_i \odot \exp(\log
        \boldsymbol{\sigma}_i), \quad \boldsymbol{\epsilon}_i \sim \mathcal{N}(0, \mathbf{I})

    and in evaluation :math:`\mathbf{z}_i = \boldsymbol{\mu}_i`.

    Args:
        encoder: Returns means and log standard deviations, [N, F] each.
        decoder: As for `GAE`. Default None.

    Shapes:
        - **input:** what the encoder takes
        - **output:** of ``encode``: :math:`(|\mathcal{V}|, F)`
    """

    __mu__: Tensor | None
    __logstd__: Tensor | None

    def __init__(self, encoder: nn.Module, decoder: nn.Module | None = None) -> None:
        super().__init__(encoder, decoder)
        self.__mu__ = None
        self.__logstd__ = None

    def reparametrize(self, mu: Tensor, logstd: Tensor) -> Tensor:
        """Draw embeddings in training; return `mu` in evaluation. Both are float [N, F]."""
        if not self.training:
            return mu
        return mu + torch.randn_like(logstd) * torch.exp(logstd)

    def encode(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the (drawn) embeddings, float [N, F], and remember their distribution."""
        self.__mu__, logstd = self.encoder(*args, **kwargs)
        self.__logstd__ = logstd.clamp(max=MAX_LOGSTD)
        return self.reparametrize(self.__mu__, self.__logstd__)

    def kl_loss(self, mu: Tensor | None = None, logstd: Tensor | None = None) -> Tensor:
        r"""Return the divergence from the standard normal distribution, averaged over nodes.

        .. math::
            -\frac{1}{2 N} \sum_i \sum_f (1 + 2 \log \sigma_{if} - \mu_{if}^2 - \sigma_{if}^2)

        Args:
            mu: Means, float [N, F]; None: those of the last ``encode``.
            logstd: Log standard deviations, float [N, F]; None: likewise.

        Raises:
            ArgumentError: Nothing was encoded yet.
        """
        mu = self.__mu__ if mu is None else mu
        logstd = self.__logstd__ if logstd is None else logstd.clamp(max=MAX_LOGSTD)
        if mu is None or logstd is None:
            raise ArgumentError(NO_ENCODING)
        return -0.5 * torch.mean(torch.sum(1 + 2 * logstd - mu**2 - logstd.exp() ** 2, dim=1))

    def __getstate__(self) -> dict[str, Any]:
        # What is remembered belongs to a gradient graph, which cannot be copied.
        return {**self.__dict__, "__mu__": None, "__logstd__": None}


class ARGA(GAE):
    r"""Adversarially regularised graph auto-encoder (https://arxiv.org/abs/1802.04407).

    A discriminator learns to tell embeddings from draws of a standard normal distribution, and the
    encoder learns to mislead it. Parameters of the given modules are drawn anew.

    Args:
        encoder: As for `GAE`.
        discriminator: Takes embeddings [N, F] and returns logits that they are draws.
        decoder: As for `GAE`. Default None.

    Shapes:
        - **input:** what the encoder takes
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def __init__(
        self, encoder: nn.Module, discriminator: nn.Module, decoder: nn.Module | None = None
    ) -> None:
        super().__init__(encoder, decoder)
        self.discriminator = discriminator
        reset(self.discriminator)

    def reset_parameters(self) -> None:
        """Draw all parameters of the given modules anew."""
        super().reset_parameters()
        reset(self.discriminator)

    def reg_loss(self, z: Tensor) -> Tensor:
        r"""Return the encoder's loss, :math:`-\frac{1}{N} \sum_i \log(\sigma(D(\mathbf{z}_i)))`.

        Args:
            z: Embeddings, float [N, F].
        """
        return -torch.log(torch.sigmoid(self.discriminator(z)) + EPS).mean()

    def discriminator_loss(self, z: Tensor) -> Tensor:
        """Return the discriminator's loss between normal draws and embeddings.

        Args:
            z: Embeddings, float [N, F]; they get no gradient.
        """
        real = torch.sigmoid(self.discriminator(torch.randn_like(z)))
        fake = torch.sigmoid(self.discriminator(z.detach()))
        return -torch.log(real + EPS).mean() - torch.log(1 - fake + EPS).mean()


class ARGVA(ARGA):
    r"""Adversarially regularised variational graph auto-encoder.

    From `"Adversarially Regularized Graph Autoencoder for Graph Embedding"
    <https://arxiv.org/abs/1802.04407>`_: `ARGA` with the encoding of `VGAE`.

    Args:
        encoder: Returns means and log standard deviations, [N, F] each.
        discriminator: As for `ARGA`.
        decoder: As for `GAE`. Default None.

    Shapes:
        - **input:** what the encoder takes
        - **output:** of ``encode``: :math:`(|\mathcal{V}|, F)`
    """

    def __init__(
        self, encoder: nn.Module, discriminator: nn.Module, decoder: nn.Module | None = None
    ) -> None:
        super().__init__(encoder, discriminator, decoder)
        self.VGAE = VGAE(self.encoder, self.decoder)

    @property
    def __mu__(self) -> Tensor | None:
        """Means of the last ``encode``, float [N, F]."""
        return self.VGAE.__mu__

    @property
    def __logstd__(self) -> Tensor | None:
        """Log standard deviations of the last ``encode``, float [N, F]."""
        return self.VGAE.__logstd__

    def reparametrize(self, mu: Tensor, logstd: Tensor) -> Tensor:
        """Draw embeddings in training; return `mu` in evaluation. Both are float [N, F]."""
        return self.VGAE.reparametrize(mu, logstd)

    def encode(self, *args: Any, **kwargs: Any) -> Tensor:
        """Return the (drawn) embeddings, float [N, F], and remember their distribution."""
        return self.VGAE.encode(*args, **kwargs)

    def kl_loss(self, mu: Tensor | None = None, logstd: Tensor | None = None) -> Tensor:
        """Return the divergence from the standard normal distribution; see `VGAE.kl_loss`."""
        return self.VGAE.kl_loss(mu, logstd)


def check_pairs(argument: str, edge_index: Tensor) -> None:
    """Check that `edge_index` holds pairs of nodes, one at least.

    Raises:
        ArgumentError: Another type or shape, or no pairs.
    """
    check_edge_index(edge_index)
    if edge_index.size(1) == 0:
        msg = (
            f"{argument} is empty: a loss or metric needs one pair of nodes at least (a graph in "
            f"which all pairs are edges has no negatives)"
        )
        raise ArgumentError(msg)
