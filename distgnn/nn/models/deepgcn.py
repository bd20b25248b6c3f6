"""Skip connections of deep graph networks."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.models.recompute import scratch_buffers
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCKS = ("res+", "res", "dense", "plain")


class DeepGCNLayer(nn.Module):
    r"""A convolution with norm, activation, dropout and a skip connection.

    From `"DeepGCNs: Can GCNs Go as Deep as CNNs?" <https://arxiv.org/abs/1904.03751>`_ and
    `"All You Need to Train Deeper GCNs" <https://arxiv.org/abs/2006.07739>`_.

    .. math::
        \textrm{res+:} \quad & \mathbf{X} + \mathrm{conv}(\mathrm{dropout}(\mathrm{act}(
        \mathrm{norm}(\mathbf{X}))))

        \textrm{res:} \quad & \mathrm{dropout}(\mathbf{X} + \mathbf{H})

        \textrm{dense:} \quad & \mathrm{dropout}(\mathbf{X} \, \Vert \, \mathbf{H})

        \textrm{plain:} \quad & \mathrm{dropout}(\mathbf{H})

    with :math:`\mathbf{H} = \mathrm{act}(\mathrm{norm}(\mathrm{conv}(\mathbf{X})))`.

    Args:
        conv: The convolution. Default None.
        norm: The norm. Default None.
        act: The activation. Default None.
        block: ``"res+"``, ``"res"``, ``"dense"`` or ``"plain"``. Default ``"res+"``.
        dropout: Dropout probability. Default 0.
        ckpt_grad: Whether the whole block (norm, activation, dropout and convolution) is computed
            again in the backward pass instead of keeping its activations. Draws are repeated, and
            running statistics are updated once. Works under DDP. Default False.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, then whatever the convolution takes
        - **output:** :math:`(|\mathcal{V}|, F)`; twice as wide if ``"dense"``

    Raises:
        ArgumentError: The block is unknown.
    """

    def __init__(
        self,
        conv: nn.Module | None = None,
        norm: nn.Module | None = None,
        act: nn.Module | Callable[[Tensor], Tensor] | None = None,
        block: str = "res+",
        dropout: float = 0.0,
        ckpt_grad: bool = False,
    ) -> None:
        super().__init__()
        self.block = block.lower()
        if self.block not in BLOCKS:
            msg = f"block={block!r} of DeepGCNLayer is unknown{nearest(self.block, BLOCKS)}"
            raise ArgumentError(msg)
        self.conv = conv
        self.norm = norm
        self.act = act
        self.dropout = dropout
        self.ckpt_grad = ckpt_grad

    def reset_parameters(self) -> None:
        """Draw all parameters of convolution and norm anew."""
        reset(self.conv)
        reset(self.norm)

    def forward(self, *args: Any, **kwargs: Any) -> Tensor:
        """Apply the block to the node features, the first argument; the rest goes to the conv."""
        if not self.ckpt_grad or not torch.is_grad_enabled():
            return self._block(*args, **kwargs)
        if next(self.buffers(), None) is not None:
            return _checkpoint_with_buffers(self, self._block, *args, **kwargs)
        out: Tensor = checkpoint(self._block, *args, use_reentrant=False, **kwargs)
        return out

    def _block(self, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.block == "res+":
            h = F.dropout(self._norm_act(x), p=self.dropout, training=self.training)
            return x + self._convolve(h, *args, **kwargs)
        h = self._norm_act(self._convolve(x, *args, **kwargs))
        if self.block == "res":
            h = x + h
        elif self.block == "dense":
            h = torch.cat([x, h], dim=-1)
        return F.dropout(h, p=self.dropout, training=self.training)

    def _convolve(self, h: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return h if self.conv is None else self.conv(h, *args, **kwargs)

    def _norm_act(self, h: Tensor) -> Tensor:
        if self.norm is not None:
            h = self.norm(h)
        return h if self.act is None else self.act(h)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(block={self.block})"


@torch.compiler.disable(recursive=False)  # type: ignore[untyped-decorator] # it takes no contexts
def _checkpoint_with_buffers(
    module: nn.Module, function: Callable[..., Tensor], *args: Any, **kwargs: Any
) -> Tensor:
    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), scratch_buffers(module)

    out: Tensor = checkpoint(function, *args, use_reentrant=False, context_fn=contexts, **kwargs)
    return out
