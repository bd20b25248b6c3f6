"""Correct and smooth: spread errors, then labels, along the edges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.models.label_prop import LabelPropagation, one_hot, propagation_weights

if TYPE_CHECKING:
    from distgnn.nn.adjacency import Adjacency

LARGEST_SCALE = 1000.0
"""A scale found automatically that exceeds this comes from an error near 0, and becomes 1."""


class CorrectAndSmooth(nn.Module):
    r"""Correct and smooth the predictions of a simple model (https://arxiv.org/abs/2010.13993).

    Correct: the error of the training nodes is spread,

    .. math::
        \mathbf{e}^{(0)}_i &= \mathbf{y}_i - \mathbf{z}_i \textrm{ for training nodes}, \quad
        \mathbf{0} \textrm{ else}

        \mathbf{E}^{(\ell)} &= \alpha_1 \mathbf{D}^{-1/2} \mathbf{A} \mathbf{D}^{-1/2}
        \mathbf{E}^{(\ell - 1)} + (1 - \alpha_1) \mathbf{E}^{(0)}

        \mathbf{\hat{Z}} &= \mathbf{Z} + \gamma \cdot \mathbf{E}^{(L_1)}

    Smooth: predictions, the training nodes' replaced by their labels, are spread likewise with
    :math:`\alpha_2`, :math:`L_2` times.

    Args:
        num_correction_layers: Number of propagations :math:`L_1`.
        correction_alpha: The coefficient :math:`\alpha_1`.
        num_smoothing_layers: Number of propagations :math:`L_2`.
        smoothing_alpha: The coefficient :math:`\alpha_2`.
        autoscale: Whether :math:`\gamma` is found per node, from the mean error of the training
            nodes. Default True.
        scale: :math:`\gamma` if not `autoscale`. Default 1.

    Shapes:
        - **input:** predictions :math:`(|\mathcal{V}|, C)`, labels of the training nodes
          :math:`(T)` or :math:`(T, C)`, mask :math:`(|\mathcal{V}|)`, edges
          :math:`(2, |\mathcal{E}|)`, `SparseTensor` or `CSC`; edge weights *(optional)*
        - **output:** predictions :math:`(|\mathcal{V}|, C)`

    Raises:
        ArgumentError: There are not as many labels as training nodes.
    """

    def __init__(
        self,
        num_correction_layers: int,
        correction_alpha: float,
        num_smoothing_layers: int,
        smoothing_alpha: float,
        autoscale: bool = True,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.autoscale = autoscale
        self.scale = scale
        self.prop1 = LabelPropagation(num_correction_layers, correction_alpha)
        self.prop2 = LabelPropagation(num_smoothing_layers, smoothing_alpha)

    def forward(self, y_soft: Tensor, *args: Any) -> Tensor:
        """Correct, then smooth: the further arguments are those of `correct`."""
        return self._both(y_soft, *args)

    def _both(
        self,
        y_soft: Tensor,
        y_true: Tensor,
        mask: Tensor,
        edge_index: Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        # Both use the same normalised adjacency.
        adjacency = propagation_weights(edge_index, edge_weight, y_soft.size(0), y_soft.dtype)
        y_soft = self.correct(y_soft, y_true, mask, adjacency)
        return self.smooth(y_soft, y_true, mask, adjacency)

    def correct(
        self,
        y_soft: Tensor,
        y_true: Tensor,
        mask: Tensor,
        edge_index: Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """Spread the errors of the training nodes and add them.

        Args:
            y_soft: Predictions, float [N, C].
            y_true: Labels of the training nodes only, in their order: int64 [T] or float [T, C].
            mask: The training nodes, bool [N] or int64 [T].
            edge_index: int64 [2, E], `SparseTensor` or `CSC`.
            edge_weight: Float [E]; see `LabelPropagation`.

        Returns:
            Predictions, float [N, C].
        """
        known = _labels(y_soft, y_true, mask)
        error = torch.zeros_like(y_soft)
        error[mask] = known - y_soft[mask]
        if not self.autoscale:

            def reset(e: Tensor) -> Tensor:
                e[mask] = error[mask]
                return e

            spread = self.prop1(error, edge_index, edge_weight=edge_weight, post_step=reset)
            return y_soft + self.scale * spread
        spread = self.prop1(
            error, edge_index, edge_weight=edge_weight, post_step=lambda e: e.clamp_(-1.0, 1.0)
        )
        sigma = error[mask].abs().sum() / max(known.size(0), 1)
        total = spread.abs().sum(dim=1, keepdim=True)
        usable = total * LARGEST_SCALE >= sigma.clamp(min=torch.finfo(total.dtype).tiny)
        scale = torch.where(usable, sigma / torch.where(usable, total, 1.0), 1.0)
        return y_soft + scale * spread

    def smooth(
        self,
        y_soft: Tensor,
        y_true: Tensor,
        mask: Tensor,
        edge_index: Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """Write the known labels over the predictions and spread these; arguments as `correct`."""
        known = _labels(y_soft, y_true, mask)
        y_soft = y_soft.clone()
        y_soft[mask] = known
        return self.prop2(y_soft, edge_index, edge_weight=edge_weight)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(\n"
            f"  correct: num_layers={self.prop1.num_layers}, alpha={self.prop1.alpha}\n"
            f"  smooth:  num_layers={self.prop2.num_layers}, alpha={self.prop2.alpha}\n"
            f"  autoscale={self.autoscale}, scale={self.scale}\n)"
        )


def _labels(y_soft: Tensor, y_true: Tensor, mask: Tensor) -> Tensor:
    num_known = int(mask.sum()) if mask.dtype == torch.bool else mask.numel()
    if y_true.size(0) != num_known:
        msg = (
            f"y_true has {y_true.size(0)} rows, but mask selects {num_known} nodes: give the "
            f"labels of the training nodes only (y[mask])"
        )
        raise ArgumentError(msg)
    return one_hot(y_true, y_soft.size(-1), y_soft.dtype).to(y_soft.dtype)
