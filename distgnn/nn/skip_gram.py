"""The loss of embeddings that are learned from walks, without a row copied per pair of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch.autograd.function import once_differentiable

from distgnn.exceptions import ArgumentError
from distgnn.nn import _kernels
from distgnn.nn.kernels import NATIVE_TYPES

if TYPE_CHECKING:
    from torch import Tensor, nn

EPS = 1e-15


def skip_gram_loss(embedding: nn.Embedding, pos_rw: Tensor, neg_rw: Tensor) -> Tensor:
    r"""Return the loss of skip-gram with negative sampling.

    .. math::
        -\frac{1}{P} \sum_{(u, v)} \log(\sigma(\mathbf{z}_u^{\top} \mathbf{z}_v) + \epsilon)
        -\frac{1}{P'} \sum_{(u, v')} \log(1 - \sigma(\mathbf{z}_u^{\top} \mathbf{z}_{v'}) +
        \epsilon)

    over the pairs of the first node u of each window with its others. From `"Distributed
    Representations of Words and Phrases and their Compositionality"
    <https://arxiv.org/abs/1310.4546>`_.

    Args:
        embedding: One row per node; if it is `sparse`, so is its gradient.
        pos_rw: Windows of walks, int64 [n, C], C at least 2.
        neg_rw: Windows of random nodes, int64 [m, C'].

    Raises:
        ArgumentError: There are no pairs, or a window names a node that does not exist.
    """
    for name, windows in (("pos_rw", pos_rw), ("neg_rw", neg_rw)):
        if windows.dtype != torch.int64 or windows.dim() != 2 or windows.size(1) < 2:
            shape = list(windows.shape)
            msg = f"{name} is {windows.dtype} of shape {shape}, expected int64 [n, 2 or more]"
            raise ArgumentError(msg)
        if windows.size(0) == 0:
            msg = f"{name} is empty: a loss needs one walk at least"
            raise ArgumentError(msg)
    weight = embedding.weight
    if weight.device.type == "cpu" and weight.dtype in NATIVE_TYPES:
        pos, neg = _WindowDots.apply(weight, embedding.sparse, pos_rw, neg_rw)  # type: ignore[no-untyped-call]
    else:
        pos, neg = (window_dots(embedding, windows) for windows in (pos_rw, neg_rw))
    pos_loss = -torch.log(pos.sigmoid() + EPS).mean()
    neg_loss = -torch.log(1 - neg.sigmoid() + EPS).mean()
    return pos_loss + neg_loss


def window_dots(embedding: nn.Embedding, windows: Tensor) -> Tensor:
    """Return the inner products of each window's first node with the others, [n, C - 1]."""
    first = embedding(windows[:, :1])
    return (first * embedding(windows[:, 1:])).sum(dim=-1)


class _WindowDots(torch.autograd.Function):
    """`window_dots` of several sets of windows, in C++ (`distgnn/nn/csrc/windows.h`)."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, sparse: bool, *windows: Tensor) -> tuple[Tensor, ...]:
        ctx.save_for_backward(weight, *windows)
        ctx.sparse = sparse
        x = weight.detach().contiguous().numpy()
        outs = []
        for part in windows:
            out = weight.new_empty(part.size(0), part.size(1) - 1)
            try:
                _kernels.window_dots(part.numpy(), x, out.numpy(), torch.get_num_threads())
            except IndexError as error:
                raise ArgumentError(str(error)) from None
            outs.append(out)
        return tuple(outs)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        weight, *windows = ctx.saved_tensors
        rows = slot = None
        if ctx.sparse:
            rows, slot = _touched(windows, weight.size(0))
        out = weight.new_zeros(weight.size(0) if rows is None else rows.numel(), weight.size(1))
        for part, grad in zip(windows, grads, strict=True):
            _kernels.window_dots_gradient(
                part.numpy(), grad.contiguous().numpy(), weight.detach().contiguous().numpy(),
                None if slot is None else slot.numpy(), out.numpy(), torch.get_num_threads(),
            )  # fmt: skip
        if rows is not None:
            out = torch.sparse_coo_tensor(
                rows.unsqueeze(0), out, weight.shape, check_invariants=False
            )
        return out, None, *[None] * len(windows)


def _touched(windows: list[Tensor], num_nodes: int) -> tuple[Tensor, Tensor]:
    """Return the nodes of all windows, int64 [U] ascending, and each node's place in them."""
    seen = torch.zeros(num_nodes, dtype=torch.bool)
    for part in windows:
        seen[part] = True
    rows = seen.nonzero().view(-1)
    slot = torch.empty(num_nodes, dtype=torch.int32)
    slot[rows] = torch.arange(rows.numel(), dtype=torch.int32)
    return rows, slot
