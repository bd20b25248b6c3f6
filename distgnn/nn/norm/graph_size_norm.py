"""Normalisation by the size of the graph."""

from __future__ import annotations

import math

from torch import Tensor, nn

from distgnn.nn.utils.degree import degree


class GraphSizeNorm(nn.Module):
    r"""Divide by the square root of the number of nodes of the graph (https://arxiv.org/abs/2003.00982).

    .. math::
        \mathbf{x}_i^{\prime} = \frac{\mathbf{x}_i}{\sqrt{|\mathcal{V}|}}

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def forward(
        self, x: Tensor, batch: Tensor | None = None, batch_size: int | None = None
    ) -> Tensor:
        """Scale `x`, float [N, F]; `batch` int64 [N] is the graph of each node."""
        if batch is None:
            return x / math.sqrt(max(x.size(0), 1))
        inverse = degree(batch, batch_size, x.dtype).pow(-0.5)
        return x * inverse.index_select(0, batch).view(-1, 1)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
