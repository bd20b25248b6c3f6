"""Labels as additional inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest

METHODS = ("add", "concat")


class MaskLabel(nn.Module):
    r"""Merge known labels into node features (https://arxiv.org/abs/2009.03509).

    .. math::
        \mathbf{x}_i^{\prime} = \mathbf{x}_i + \mathbf{W}_{y_i}
        \quad \textrm{or} \quad \mathbf{x}_i \, \Vert \, \mathbf{W}_{y_i}

    for nodes in the mask; other nodes get 0 in place of :math:`\mathbf{W}_{y_i}`.

    Args:
        num_classes: Number of classes.
        out_channels: Size of the label embedding; that of `x` if it is added.
        method: ``"add"`` or ``"concat"``. Default ``"add"``.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, labels and mask
          :math:`(|\mathcal{V}|)`
        - **output:** :math:`(|\mathcal{V}|, F)` or, concatenated,
          :math:`(|\mathcal{V}|, F + F_{out})`

    Raises:
        ArgumentError: The method is unknown or, in forward, sizes to be added differ.
    """

    def __init__(self, num_classes: int, out_channels: int, method: str = "add") -> None:
        super().__init__()
        if method not in METHODS:
            msg = f"method={method!r} of MaskLabel is unknown{nearest(method, METHODS)}"
            raise ArgumentError(msg)
        self.method = method
        self.emb = nn.Embedding(num_classes, out_channels)

    def reset_parameters(self) -> None:
        """Draw the embedding anew."""
        self.emb.reset_parameters()

    def forward(self, x: Tensor, y: Tensor, mask: Tensor) -> Tensor:
        """Return `x`, float [N, F], with the labels `y`, int64 [N], of `mask`, bool [N]."""
        label = self.emb(y[mask])
        if self.method == "concat":
            return torch.cat(
                [x, x.new_zeros(x.size(0), label.size(-1)).index_put((mask,), label.to(x))], -1
            )
        if x.size(-1) != label.size(-1):
            msg = (
                f"x has shape {list(x.shape)}, but method='add' needs [*, {label.size(-1)}] "
                f"(out_channels): build MaskLabel for that size or with method='concat'"
            )
            raise ArgumentError(msg)
        return x.index_put((mask,), label.to(x), accumulate=True)

    @staticmethod
    def ratio_mask(mask: Tensor, ratio: float) -> Tensor:
        """Return a copy of `mask`, bool [N], that keeps each True with probability `ratio`."""
        return mask & (torch.rand(mask.shape, device=mask.device) < ratio)

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"{name}({self.emb.num_embeddings}, {self.emb.embedding_dim}, method={self.method})"
