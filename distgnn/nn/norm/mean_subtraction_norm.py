"""Subtraction of the mean."""

from __future__ import annotations

from torch import Tensor, nn

from distgnn.nn.norm.per_graph import graph_mean, to_nodes


class MeanSubtractionNorm(nn.Module):
    r"""Subtract the mean over the graph's nodes (https://arxiv.org/abs/2110.12894).

    .. math::
        \mathbf{x}_i^{\prime} = \mathbf{x}_i - \frac{1}{|\mathcal{V}|} \sum_j \mathbf{x}_j

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, batch vector :math:`(|\mathcal{V}|)`
          *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F)`
    """

    def forward(
        self, x: Tensor, batch: Tensor | None = None, dim_size: int | None = None
    ) -> Tensor:
        """Centre `x`, float [N, F]; `batch` int64 [N] is the graph of each of `dim_size` graphs."""
        return x - to_nodes(graph_mean(x, batch, dim_size), batch)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"
