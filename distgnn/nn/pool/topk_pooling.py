"""Top-k pooling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.pool.connect import FilterEdges
from distgnn.nn.pool.select import SelectTopK

if TYPE_CHECKING:
    from collections.abc import Callable


class TopKPooling(nn.Module):
    r"""Keep the highest scoring nodes and the edges among them (https://arxiv.org/abs/1905.05178).

    .. math::
        \mathbf{y} &= \sigma(\mathbf{X} \mathbf{p} / \lVert \mathbf{p} \rVert)

        \mathbf{i} &= \mathrm{top}_k(\mathbf{y})

        \mathbf{X}^{\prime} &= (\mathbf{X} \odot \mathbf{y})_{\mathbf{i}}, \quad
        \mathbf{A}^{\prime} = \mathbf{A}_{\mathbf{i}, \mathbf{i}}

    with k and, if `min_score` is given, other scores, as in `SelectTopK`.

    Args:
        in_channels: Size of each input sample.
        ratio: A float is the share of nodes to keep, an int their number. Default 0.5.
        min_score: Score above which nodes are kept; overrides `ratio`. Default None.
        multiplier: Factor of the kept features. Default 1.
        nonlinearity: The activation :math:`\sigma`, by name or callable. Default ``"tanh"``.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, edge_index :math:`(2, |E|)`, edge
          features :math:`(|E|, D)` *(optional)*, batch vector :math:`(|\mathcal{V}|)` *(optional)*
        - **output:** the same of the pooled graph, the kept nodes :math:`(k)` and their scores
          :math:`(k)`
    """

    def __init__(
        self,
        in_channels: int,
        ratio: float = 0.5,
        min_score: float | None = None,
        multiplier: float = 1.0,
        nonlinearity: str | Callable[[Tensor], Tensor] = "tanh",
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.ratio = ratio
        self.min_score = min_score
        self.multiplier = multiplier
        self.select = SelectTopK(in_channels, ratio, min_score, nonlinearity)
        self.connect = FilterEdges()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.select.reset_parameters()

    def forward(
        self,
        x: Tensor,
        edge_index: Tensor,
        edge_attr: Tensor | None = None,
        batch: Tensor | None = None,
        attn: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor | None, Tensor, Tensor, Tensor]:
        """Pool the graph.

        Args:
            x: Node features, float [N, F].
            edge_index: int64 [2, E].
            edge_attr: Edge features, [E, *].
            batch: The graph of each node, int64 [N].
            attn: What the scores are computed from, float [N, F]; None: `x`.

        Returns:
            x, edge_index, edge_attr and batch of the pooled graph; the kept nodes, int64 [k]; their
            scores, float [k].
        """
        if batch is None:
            batch = torch.zeros(x.size(0), dtype=torch.int64, device=x.device)
        selected = self.select(x if attn is None else attn, batch)
        kept, score = selected.node_index, selected.weight
        if score is None:  # only another module in place of `select` could do so
            msg = f"{self.select!r} gave no scores (SelectOutput.weight)"
            raise ArgumentError(msg)
        pooled = x[kept] * score.view(-1, 1)
        if self.multiplier != 1:
            pooled = self.multiplier * pooled
        connected = self.connect(selected, edge_index, edge_attr, batch)
        return pooled, connected.edge_index, connected.edge_attr, connected.batch, kept, score

    def __repr__(self) -> str:
        rule = f"ratio={self.ratio}" if self.min_score is None else f"min_score={self.min_score}"
        return f"{type(self).__name__}({self.in_channels}, {rule}, multiplier={self.multiplier})"
