"""Normalisation of aggregated messages."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.nn import inits


class MessageNorm(nn.Module):
    r"""Scale messages to the norms of their targets (https://arxiv.org/abs/2006.07739).

    .. math::
        \mathbf{m}_i^{\prime} = s \cdot \lVert \mathbf{x}_i \rVert_p \cdot
        \frac{\mathbf{m}_i}{\lVert \mathbf{m}_i \rVert_p}

    Args:
        learn_scale: Whether the factor s (initially 1) is learned. Default False.
        device: Where the parameter is made. Default None: torch's default.

    Shapes:
        - **input:** node features and messages, each :math:`(|\mathcal{V}|, F)`
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def __init__(self, learn_scale: bool = False, device: torch.device | None = None) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(1, device=device), requires_grad=learn_scale)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Set the scale to 1."""
        inits.ones(self.scale)

    def forward(self, x: Tensor, msg: Tensor, p: float = 2.0) -> Tensor:
        """Scale `msg`, float [N, F], by the p-norms of `x`, float [N, F]."""
        return F.normalize(msg, p=p, dim=-1) * x.norm(p=p, dim=-1, keepdim=True) * self.scale

    def __repr__(self) -> str:
        return f"{type(self).__name__}(learn_scale={self.scale.requires_grad})"
