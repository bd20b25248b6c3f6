"""Forward and backward pass of a grouped reversible block that keeps its output only.

The output y of a block is the input of the next. When the next block runs forward, it takes y over:
it empties the tensor and the first block forgets its own reference, so that the memory goes. In the
backward pass the next block comes first, rebuilds y and hands it back.

Emptying replaces the tensor's data and leaves its storage alone: where another operation has saved
the same values (the result of a ReLU, say), they stay as they were.
"""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from distgnn.exceptions import ArgumentError, ReleasedTensorError
from distgnn.nn.models.recompute import AutocastState, RandomState, replayed, scratch_buffers

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class GroupSplit:
    """How tensors are split into groups."""

    dim: int
    num_groups: int
    size: int
    """Size of the features along `dim`: arguments of that size are split too."""

    def chunks(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the groups of `x`."""
        return x.chunk(self.num_groups, dim=self.dim)

    def arguments(self, args: Sequence[Any], group: int) -> list[Any]:
        """Return the arguments of one group: its part of those that are split, and the rest."""
        return [self.chunks(arg)[group] if self._splits(arg) else arg for arg in args]

    def _splits(self, arg: Any) -> bool:
        if not isinstance(arg, Tensor) or not -arg.dim() <= self.dim < arg.dim():
            return False
        return arg.size(self.dim) == self.size


@torch.compiler.disable(recursive=False)  # type: ignore[untyped-decorator]
def run_reversible(
    convs: list[nn.Module],
    split: GroupSplit,
    num_bwd_passes: int,
    x: Tensor,
    edge_index: Any,
    args: Sequence[Any],
    wanted: list[Tensor],
) -> Tensor:
    """Run a block, recorded for the backward pass.

    Args:
        convs: The module of each group.
        split: How x and arguments are split.
        num_bwd_passes: How often the backward pass may be called.
        x: Node features, float [N, F].
        edge_index: Given to every group as it is.
        args: Further arguments of the groups.
        wanted: Tensors besides x that want a gradient: arguments, parameters.

    Returns:
        float [N, F].
    """
    call = _Call(convs, split, num_bwd_passes, x, edge_index, args, wanted)
    out: Tensor = _Reversible.apply(call, x, *wanted)  # type: ignore[no-untyped-call]
    call.release_input()
    return out


class _Reversible(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, call: _Call, x: Tensor, *wanted: Tensor) -> Tensor:  # noqa: ARG004 -- recorded
        ctx.call = call
        return call.forward(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_out: Tensor) -> tuple[Tensor | None, ...]:
        grad_x, grads = ctx.call.backward(grad_out, needs_x=ctx.needs_input_grad[1])
        return None, grad_x, *grads


class _Call:
    """One forward pass of a block, and what its backward passes need."""

    def __init__(
        self,
        convs: list[nn.Module],
        split: GroupSplit,
        num_bwd_passes: int,
        x: Tensor,
        edge_index: Any,
        args: Sequence[Any],
        wanted: list[Tensor],
    ) -> None:
        self.convs = convs
        self.split = split
        self.edge_index = edge_index
        self.args = args
        self.wanted = wanted
        self.num_passes = num_bwd_passes
        self.passes_left = num_bwd_passes
        self.input: Tensor | None = x
        self.input_released = False
        self.output: Tensor | None = None
        self.output_version = 0
        self.output_taken = False
        """Whether the next block took the output over, and will hand it back."""
        self.handed_back: weakref.ref[Tensor] | None = None
        """The next block's input, which is filled again in its backward pass."""
        self.device = x.device
        self.dtype = x.dtype
        self.autocast = AutocastState.current(x.device)
        self.random: list[RandomState | None] = []
        """Of each group, the generators' state before it; None: it draws nothing."""

    def forward(self, x: Tensor) -> Tensor:
        xs = self.split.chunks(x)
        value = sum(xs[2:], xs[1]).contiguous()
        out: Tensor | None = None
        parts: tuple[Tensor, ...] = ()
        state = RandomState.current(self.device)
        for i in range(len(self.convs)):
            value = xs[i] + self._apply(i, value)
            if value.shape != xs[i].shape:
                msg = (
                    f"group {i} maps {list(xs[i].shape)} to {list(value.shape)}; shapes must agree"
                )
                raise ArgumentError(msg)
            before, state = state, RandomState.current(self.device)
            self.random.append(None if before.equals(state) else before)
            if out is None:
                out = x.new_empty(x.shape, dtype=value.dtype)
                parts = self.split.chunks(out)
            parts[i].copy_(value)
        assert out is not None  # there are two groups or more
        self.output = out.detach()
        self.output_version = out._version  # noqa: SLF001 -- the public way is save_for_backward
        return out

    def release_input(self) -> None:
        """Empty the input if it is an intermediate result; never a leaf, and never a view."""
        x = self.input
        if x is None or x.grad_fn is None or x._is_view():  # noqa: SLF001 -- there is no public way
            return
        producer = self._producer(x)
        if producer is not None:
            producer.output = None
            producer.output_taken = True
        x.data = x.new_empty(0)
        self.input_released = True

    def backward(
        self, grad_out: Tensor, *, needs_x: bool
    ) -> tuple[Tensor | None, list[Tensor | None]]:
        ys = self.split.chunks(self._saved_output())
        grads: dict[int, Tensor] = {}
        grad_ys = list(self.split.chunks(grad_out))
        kept = None if self.input_released else self.input
        xs = list(ys) if kept is None else list(self.split.chunks(kept))
        for i in range(len(ys) - 1, 0, -1):
            value, grad = self._differentiate(i, ys[i - 1], grad_ys[i], grads, needs_input=True)
            if kept is None:
                xs[i] = ys[i] - value
            if grad is not None:
                grad_ys[i - 1] = grad_ys[i - 1] + grad
        total = sum(xs[2:], xs[1])
        value, grad = self._differentiate(0, total, grad_ys[0], grads, needs_input=needs_x)
        if kept is None:
            xs[0] = ys[0] - value
            self._hand_back(torch.cat(xs, dim=self.split.dim).to(self.dtype))
        self._finish_pass()
        grad_x = None
        if needs_x:
            others = grad_ys[1:] if grad is None else [g + grad for g in grad_ys[1:]]
            grad_x = torch.cat([grad_ys[0], *others], dim=self.split.dim)
        return grad_x, [grads.get(id(tensor)) for tensor in self.wanted]

    def _apply(self, group: int, value: Tensor) -> Tensor:
        args = self.split.arguments(self.args, group)
        with self.autocast.active():
            return self.convs[group](value, self.edge_index, *args)

    def _differentiate(
        self,
        group: int,
        value: Tensor,
        grad_out: Tensor,
        grads: dict[int, Tensor],
        *,
        needs_input: bool,
    ) -> tuple[Tensor, Tensor | None]:
        """Repeat a group's forward pass; add to `grads`; return its output and input gradient."""
        value = value.detach().contiguous().requires_grad_(needs_input)
        with (
            torch.enable_grad(),
            replayed(self.random[group], self.device),
            scratch_buffers(self.convs[group]),
        ):
            out = self._apply(group, value)
        if not out.requires_grad:
            return out, None
        sources = [value, *self.wanted] if needs_input else self.wanted
        found = list(torch.autograd.grad(out, sources, grad_out.to(out.dtype), allow_unused=True))
        grad_value = found.pop(0) if needs_input else None
        for tensor, grad in zip(self.wanted, found, strict=True):
            if grad is not None:
                known = grads.get(id(tensor))
                grads[id(tensor)] = grad if known is None else known + grad
        return out.detach(), grad_value

    def _saved_output(self) -> Tensor:
        if self.passes_left == 0:
            msg = (
                f"The backward pass of GroupAddRev was called more than num_bwd_passes="
                f"{self.num_passes} times; the output is forgotten. Raise num_bwd_passes."
            )
            raise ReleasedTensorError(msg)
        if self.output is None:
            msg = (
                "The output of this GroupAddRev was taken over by another one, whose backward pass "
                "did not run: differentiate through both, or give the other one a clone()"
            )
            raise ReleasedTensorError(msg)
        if self.output_version not in (-1, self.output._version):  # noqa: SLF001
            msg = (
                "The output of GroupAddRev was modified by an in-place operation, but its backward "
                "pass needs it: use the operation's out-of-place form"
            )
            raise ReleasedTensorError(msg)
        return self.output

    def _hand_back(self, rebuilt: Tensor) -> None:
        x = self.input
        if x is None:
            return
        x.data = rebuilt
        producer = self._producer(x)
        if producer is None:
            self.input_released = False  # it stays for further passes
        else:
            producer.output = rebuilt
            producer.output_version = -1
            producer.handed_back = weakref.ref(x)

    def _finish_pass(self) -> None:
        self.passes_left -= 1
        if self.passes_left == 0:
            # A graph that is kept alive must not keep activations alive.
            self.input = self.output = self.edge_index = None
            self.args = ()
        elif self.output_taken:
            self.output = None
            taken = None if self.handed_back is None else self.handed_back()
            if taken is not None:
                taken.data = taken.new_empty(0)

    @staticmethod
    def _producer(x: Tensor) -> _Call | None:
        call = getattr(x.grad_fn, "call", None)
        return call if isinstance(call, _Call) else None
