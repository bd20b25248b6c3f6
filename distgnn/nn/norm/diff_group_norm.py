"""Differentiable group normalisation."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distgnn.nn.linear import Linear


class DiffGroupNorm(nn.Module):
    r"""Normalise softly assigned groups of nodes apart (https://arxiv.org/abs/2006.06972).

    .. math::
        \mathbf{S} &= \mathrm{softmax}(\mathbf{X} \mathbf{W})

        \mathbf{X}^{\prime} &= \mathbf{X} + \lambda \sum_{g=1}^G
        \mathrm{BatchNorm}(\mathbf{S}[:, g] \odot \mathbf{X})

    Args:
        in_channels: Size of each sample.
        groups: Number of groups G.
        lamda: The factor :math:`\lambda`. Default 0.01.
        eps: Added to the variance. Default 1e-5.
        momentum: Weight of a new batch in the running statistics. Default 0.1.
        affine: Whether the normalisation has learned weights. Default True.
        track_running_stats: Whether statistics of training are kept for evaluation. Default True.
        device: Where parameters are made. Default None: torch's default.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def __init__(
        self,
        in_channels: int,
        groups: int,
        lamda: float = 0.01,
        eps: float = 1e-5,
        momentum: float = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: torch.device | None = None,
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.groups = groups
        self.lamda = lamda
        self.lin = Linear(in_channels, groups, bias=False).to(device)
        self.norm = nn.BatchNorm1d(
            groups * in_channels, eps, momentum, affine, track_running_stats, device=device
        )

    def reset_parameters(self) -> None:
        """Draw the assignment anew and forget the running statistics."""
        self.lin.reset_parameters()
        self.norm.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x`, float [N, F]."""
        share = self.lin(x).softmax(dim=-1)
        grouped = (share.unsqueeze(-1) * x.unsqueeze(-2)).flatten(1)
        normed = self.norm(grouped).view(-1, self.groups, self.in_channels)
        return x + self.lamda * normed.sum(dim=-2)

    @staticmethod
    def group_distance_ratio(x: Tensor, y: Tensor, eps: float = 1e-5) -> float:
        r"""Return the ratio of distances between classes and within classes: high if they part.

        Args:
            x: Node features, float [N, F].
            y: Class of each node, int64 [N], of at least two classes.
            eps: Added to the denominator.

        Returns:
            The mean distance of a class to all other nodes, summed over classes and divided by
            (number of classes - 1)^2, over the mean distance within a class.
        """
        labels = [int(label) for label in torch.unique(y)]
        between = [torch.cdist(x[y == label], x[y != label]).mean() for label in labels]
        within = [torch.cdist(x[y == label], x[y == label]).mean() for label in labels]
        numerator = torch.stack(between).sum() / (len(labels) - 1) ** 2
        return float(numerator / (torch.stack(within).mean() + eps))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_channels}, groups={self.groups})"
