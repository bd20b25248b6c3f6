"""Deep graph infomax: node embeddings without labels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.nn import inits
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Callable

EPS = 1e-15


class DeepGraphInfomax(nn.Module):
    r"""Maximise the mutual information of nodes and graph (https://arxiv.org/abs/1809.10341).

    .. math::
        \mathbf{Z} = \mathcal{E}(\mathbf{X}, \mathbf{A}), \quad
        \mathbf{\tilde{Z}} = \mathcal{E}(\mathcal{C}(\mathbf{X}, \mathbf{A})), \quad
        \mathbf{s} = \mathcal{R}(\mathbf{Z}), \quad
        \mathcal{D}(\mathbf{z}, \mathbf{s}) = \sigma(\mathbf{z}^{\top} \mathbf{W} \mathbf{s})

    The loss tells :math:`\mathbf{Z}` from the corrupted :math:`\mathbf{\tilde{Z}}` by
    :math:`\mathcal{D}`. Parameters of the given modules are drawn anew.

    Args:
        hidden_channels: Size C of the embedding.
        encoder: The encoder :math:`\mathcal{E}`.
        summary: The readout :math:`\mathcal{R}`, called as ``summary(z, *args, **kwargs)``.
        corruption: The corruption :math:`\mathcal{C}`: returns replacements of the encoder's
            positional arguments and then of its keyword arguments, in their order.

    Shapes:
        - **input:** what the encoder takes
        - **output:** :math:`(|\mathcal{V}|, C)`, :math:`(|\mathcal{V}|, C)`, and the summary,
          usually :math:`(C)`
    """

    def __init__(
        self,
        hidden_channels: int,
        encoder: nn.Module,
        summary: Callable[..., Tensor],
        corruption: Callable[..., Any],
    ) -> None:
        super().__init__()
        self.hidden_channels = hidden_channels
        self.encoder = encoder
        self.summary = summary
        self.corruption = corruption
        self.weight = nn.Parameter(torch.empty(hidden_channels, hidden_channels))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew, those of the given modules included."""
        reset(self.encoder)
        reset(self.summary)
        inits.uniform(self.hidden_channels, self.weight)

    def forward(self, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
        """Embed the input and its corruption.

        Returns:
            Embeddings of the input, float [N, C]; of its corruption, float [N, C]; the summary.
        """
        pos_z = self.encoder(*args, **kwargs)
        corrupted = self.corruption(*args, **kwargs)
        if not isinstance(corrupted, tuple):
            corrupted = (corrupted,)
        by_name = dict(zip(kwargs, corrupted[len(args) :], strict=False))
        neg_z = self.encoder(*corrupted[: len(args)], **{**kwargs, **by_name})
        return pos_z, neg_z, self.summary(pos_z, *args, **kwargs)

    def discriminate(self, z: Tensor, summary: Tensor, sigmoid: bool = True) -> Tensor:
        """Score embeddings against a summary.

        Args:
            z: Embeddings, float [N, C].
            summary: Float [C], or [B, C] of several graphs.
            sigmoid: Whether the scores are mapped to probabilities.

        Returns:
            Float [N], or [N, B].
        """
        value = z @ (self.weight @ (summary.t() if summary.dim() > 1 else summary))
        return value.sigmoid() if sigmoid else value

    def loss(self, pos_z: Tensor, neg_z: Tensor, summary: Tensor) -> Tensor:
        """Return minus the mean log-probability of telling input and corruption apart."""
        pos = -torch.log(self.discriminate(pos_z, summary) + EPS).mean()
        neg = -torch.log(1 - self.discriminate(neg_z, summary) + EPS).mean()
        return pos + neg

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
        """Return the accuracy of a logistic regression on the embeddings.

        Args:
            train_z: Embeddings to fit, float [T, C].
            train_y: Their classes, int64 [T].
            test_z: Embeddings to predict, float [S, C].
            test_y: Their classes, int64 [S].
            solver: Solver of scikit-learn's `LogisticRegression`.
            *args: Further arguments of it.
            **kwargs: Further arguments of it.
        """
        from sklearn.linear_model import LogisticRegression  # takes a second

        model = LogisticRegression(*args, solver=solver, **kwargs)
        model.fit(train_z.detach().cpu().numpy(), train_y.detach().cpu().numpy())
        return float(model.score(test_z.detach().cpu().numpy(), test_y.detach().cpu().numpy()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.hidden_channels})"
