"""Reversible graph networks: memory that does not grow with depth."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError
from distgnn.nn.models.reversible import GroupSplit, run_reversible
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class GroupAddRev(nn.Module):
    r"""Grouped reversible block (https://arxiv.org/abs/2106.07476).

    The features are split into C groups, and

    .. math::
        \mathbf{X}^{\prime}_0 &= \sum_{i=2}^C \mathbf{X}_i

        \mathbf{X}^{\prime}_i &= f_{\theta(i)} ( \mathbf{X}^{\prime}_{i - 1}, \mathbf{A})
        + \mathbf{X}_i, \quad i \in \{ 1, \ldots, C \}

    The backward pass rebuilds the input from the output, so that a stack of such blocks keeps the
    activations of one. To that end the input is released in the forward pass (it is empty until
    the backward pass fills it again) when it is an intermediate result; a leaf, or a view, is never
    touched. Random draws, autocast and running statistics are those of the forward pass, so
    gradients equal those of the plain stack up to rounding of the rebuilt input.

    Args:
        conv: The block of a group, its input and output of the same size: one module, copied (the
            copies' parameters drawn anew) for the other groups, or a list of one module a group.
        split_dim: The dimension along which features are split. Default -1.
        num_groups: Number of groups C, at least 2; None: the length of the list. Default None.
        disable: If True, compute plainly, without saving memory. Default False.
        num_bwd_passes: Number of backward passes that can be made. After the last one the output is
            forgotten. Default 1.

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F)`, edge_index, further arguments of the
          block: tensors whose size along `split_dim` is that of the features are split like them,
          everything else goes to every group whole
        - **output:** :math:`(|\mathcal{V}|, F)`

    Raises:
        ArgumentError: There are less than 2 groups, features cannot be split evenly, or a block
            changes their shape.
        ReleasedTensorError: (RuntimeError) The backward pass is called once too often.
    """

    def __init__(
        self,
        conv: nn.Module | nn.ModuleList,
        split_dim: int = -1,
        num_groups: int | None = None,
        disable: bool = False,
        num_bwd_passes: int = 1,
    ) -> None:
        super().__init__()
        if num_bwd_passes < 1:
            msg = f"num_bwd_passes={num_bwd_passes} must be 1 or more"
            raise ArgumentError(msg)
        self.split_dim = split_dim
        self.disable = disable
        self.num_bwd_passes = num_bwd_passes
        self.convs = conv if isinstance(conv, nn.ModuleList) else _copies(conv, num_groups)
        self.num_groups = len(self.convs)
        if num_groups is not None and num_groups != self.num_groups:
            msg = f"num_groups={num_groups}, but conv is a list of {self.num_groups} modules"
            raise ArgumentError(msg)
        if self.num_groups < 2:
            msg = f"GroupAddRev needs 2 groups or more, got {self.num_groups} (num_groups)"
            raise ArgumentError(msg)

    def reset_parameters(self) -> None:
        """Draw the parameters of all groups anew."""
        for conv in self.convs:
            reset(conv)

    def forward(self, x: Tensor, edge_index: Any, *args: Any) -> Tensor:
        """Apply the block.

        Args:
            x: Node features, float [N, F]; empty afterwards if it is an intermediate result and
                gradients are recorded.
            edge_index: Given to every group as it is.
            *args: Further arguments of the groups.

        Returns:
            float [N, F].
        """
        if x.dim() == 0 or x.size(self.split_dim) == 0 or x.size(self.split_dim) % self.num_groups:
            msg = (
                f"x has shape {list(x.shape)}, which cannot be split into {self.num_groups} groups "
                f"along dimension {self.split_dim}. If the shape is [0], another GroupAddRev has "
                f"released x: give that one x.clone()"
            )
            raise ArgumentError(msg)
        split = GroupSplit(self.split_dim, self.num_groups, x.size(self.split_dim))
        wanted = self._differentiable(edge_index, args)
        if self.disable or not torch.is_grad_enabled() or not (x.requires_grad or wanted):
            return self._plain(x, edge_index, args, split)
        return run_reversible(
            list(self.convs), split, self.num_bwd_passes, x, edge_index, args, wanted
        )

    def _plain(self, x: Tensor, edge_index: Any, args: Sequence[Any], split: GroupSplit) -> Tensor:
        xs = split.chunks(x)
        out = sum(xs[2:], xs[1])
        outs = []
        for i, conv in enumerate(self.convs):
            out = xs[i] + conv(out, edge_index, *split.arguments(args, i))
            outs.append(out)
        return torch.cat(outs, dim=self.split_dim)

    def _differentiable(self, edge_index: Any, args: Sequence[Any]) -> list[Tensor]:
        """Everything besides x that wants a gradient: arguments, edge weights, parameters."""
        found: dict[int, Tensor] = {}
        for value in (*_tensors_in([edge_index, *args]), *self.convs.parameters()):
            if value.requires_grad:
                found[id(value)] = value
        return list(found.values())

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.convs[0]}, num_groups={self.num_groups})"


def _copies(conv: nn.Module, num_groups: int | None) -> nn.ModuleList:
    if num_groups is None:
        msg = "num_groups must be given when conv is one module"
        raise ArgumentError(msg)
    convs = [conv]
    for _ in range(num_groups - 1):
        convs.append(copy.deepcopy(conv))
        reset(convs[-1])
    return nn.ModuleList(convs)


def _tensors_in(values: Sequence[Any]) -> Iterator[Tensor]:
    """Float tensors among `values`, and the edge weights of adjacencies."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, CSC):
            yield from _tensors_in([value.weight])
        elif hasattr(value, "storage") and hasattr(value.storage, "value"):  # SparseTensor
            yield from _tensors_in([value.storage.value()])
