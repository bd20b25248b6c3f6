"""Pair normalisation."""

from __future__ import annotations

from torch import Tensor, nn

from distgnn.nn.norm.per_graph import graph_mean, to_nodes


class PairNorm(nn.Module):
    r"""Keep the total distance between node features constant (https://arxiv.org/abs/1909.12223).

    .. math::
        \mathbf{x}_i^c &= \mathbf{x}_i - \frac{1}{n} \sum_{j=1}^n \mathbf{x}_j

        \mathbf{x}_i^{\prime} &= s \cdot
        \frac{\mathbf{x}_i^c}{\sqrt{\frac{1}{n} \sum_j \lVert \mathbf{x}_j^c \rVert^2_2}}

    Args:
        scale: The factor s. Default 1.
        scale_individually: Whether each node is divided by its own norm instead (PairNorm-SI).
            Default False.
        eps: Added to the denominator. Default 1e-5.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def __init__(
        self, scale: float = 1.0, scale_individually: bool = False, eps: float = 1e-5
    ) -> None:
        super().__init__()
        self.scale = scale
        self.scale_individually = scale_individually
        self.eps = eps

    def forward(
        self, x: Tensor, batch: Tensor | None = None, batch_size: int | None = None
    ) -> Tensor:
        """Normalise `x`, float [N, F]; `batch` int64 [N] is the graph of each node."""
        centred = x - to_nodes(graph_mean(x, batch, batch_size), batch)
        if self.scale_individually:
            return self.scale * centred / (self.eps + centred.norm(2, -1, keepdim=True))
        square = centred.pow(2).sum(-1, keepdim=True)
        scale = self.scale * (self.eps + graph_mean(square, batch, batch_size)).rsqrt()
        return centred * to_nodes(scale, batch)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
