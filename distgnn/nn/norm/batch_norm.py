"""Batch normalisation of node features."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

from distgnn.exceptions import ArgumentError

if TYPE_CHECKING:
    import torch


class BatchNorm(nn.Module):
    r"""Batch normalisation over all nodes of a batch (https://arxiv.org/abs/1502.03167).

    .. math::
        \mathbf{x}_i^{\prime} = \frac{\mathbf{x}_i - \mathrm{E}[\mathbf{x}]}
        {\sqrt{\mathrm{Var}[\mathbf{x}] + \epsilon}} \odot \gamma + \beta

    Args:
        in_channels: Size of each sample.
        eps: Added to the variance. Default 1e-5.
        momentum: Weight of a new batch in the running statistics; None for their cumulative mean.
            Default 0.1.
        affine: Whether :math:`\gamma` and :math:`\beta` are learned. Default True.
        track_running_stats: Whether statistics of training are kept for evaluation. Default True.
        allow_single_element: Whether a batch of one node is normalised by the running statistics
            in training, rather than refused. Default False.
        device: Where parameters are made. Default None: torch's default.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def __init__(
        self,
        in_channels: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        allow_single_element: bool = False,
        device: torch.device | None = None,
    ) -> None:
        super().__init__()
        if allow_single_element and not track_running_stats:
            msg = "allow_single_element=True needs track_running_stats=True"
            raise ArgumentError(msg)
        self.module = nn.BatchNorm1d(
            in_channels, eps, momentum, affine, track_running_stats, device=device
        )
        self.in_channels = in_channels
        self.allow_single_element = allow_single_element

    def reset_running_stats(self) -> None:
        """Forget the running statistics."""
        self.module.reset_running_stats()

    def reset_parameters(self) -> None:
        """Set the affine parameters to the identity and forget the running statistics."""
        self.module.reset_parameters()

    def forward(self, x: Tensor) -> Tensor:
        """Normalise `x`, float [N, F]."""
        if self.allow_single_element and x.size(0) <= 1:
            module = self.module
            return nn.functional.batch_norm(
                x, module.running_mean, module.running_var, module.weight, module.bias,
                training=False, momentum=0.0, eps=module.eps,
            )  # fmt: skip
        return self.module(x)

    def __repr__(self) -> str:
        return repr(self.module).replace("BatchNorm1d", type(self).__name__)
