"""Linear maps whose input size may be taken from the first batch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter, is_lazy

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn import inits
from distgnn.nn.reset import reset
from distgnn.nn.row_linear import row_linear

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WEIGHT_INITIALIZERS = ("glorot", "kaiming_uniform", "uniform")
BIAS_INITIALIZERS = ("zeros",)


class Linear(nn.Module):
    r"""Linear map :math:`\mathbf{X} \mathbf{W}^{\top} + \mathbf{b}` with a choice of initialisers.

    Args:
        in_channels: Size of each input sample, or -1: taken from the first input, or from the
            checkpoint that is loaded.
        out_channels: Size of each output sample.
        bias: If False, no bias is learned.
        weight_initializer: ``"glorot"``, ``"uniform"``, ``"kaiming_uniform"``, or None: that of
            `torch.nn.Linear`, uniform within 1 / sqrt(`in_channels`).
        bias_initializer: ``"zeros"``, or None: that of `torch.nn.Linear`.

    Shapes:
        - **input:** features :math:`(*, F_{in})`
        - **output:** features :math:`(*, F_{out})`

    Raises:
        ArgumentError: An initialiser is unknown, or (in forward) the input has another size.
    """

    weight: nn.Parameter | UninitializedParameter
    bias: nn.Parameter | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        bias: bool = True,
        weight_initializer: str | None = None,
        bias_initializer: str | None = None,
    ) -> None:
        super().__init__()
        _check_initializer("weight_initializer", weight_initializer, WEIGHT_INITIALIZERS)
        _check_initializer("bias_initializer", bias_initializer, BIAS_INITIALIZERS)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.weight_initializer = weight_initializer
        self.bias_initializer = bias_initializer
        if in_channels >= 0:
            self.weight = nn.Parameter(torch.empty(out_channels, in_channels))
        else:
            self.weight = UninitializedParameter()
        if bias:
            self.bias = nn.Parameter(torch.empty(out_channels))
        else:
            self.register_parameter("bias", None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew; a map of unknown input size does so at its first input."""
        if self.in_channels < 0:
            return
        if self.weight_initializer == "glorot":
            inits.glorot(self.weight)
        elif self.weight_initializer == "uniform":
            inits.uniform(self.in_channels, self.weight)
        else:
            inits.kaiming_uniform(self.weight, fan=self.in_channels, a=math.sqrt(5))
        if self.bias_initializer == "zeros":
            inits.zeros(self.bias)
        else:
            inits.uniform(self.in_channels, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Map `x`, float [*, in_channels], to [*, out_channels]."""
        self.prepare(x)
        return row_linear(x, self.weight, self.bias)

    def prepare(self, x: Tensor) -> None:
        """Learn the input size from `x` if it is not known, and check it.

        For layers that use `weight` in a product of their own.

        Raises:
            ArgumentError: `x` has another size than the map was built for.
        """
        if self.in_channels < 0:
            self._materialize(x.size(-1))
            self.reset_parameters()
        if x.size(-1) != self.in_channels:
            msg = (
                f"x has shape {list(x.shape)}, but {self!r} was built for "
                f"[*, {self.in_channels}]. Give it features of that size, or build it with "
                f"in_channels={x.size(-1)} or -1 (taken from the first input)."
            )
            raise ArgumentError(msg)

    def _materialize(self, in_channels: int) -> None:
        self.in_channels = in_channels
        if isinstance(self.weight, UninitializedParameter):
            self.weight.materialize((self.out_channels, in_channels))

    def _save_to_state_dict(
        self, destination: dict[str, Any], prefix: str, keep_vars: bool
    ) -> None:
        if is_lazy(self.weight):  # it cannot be detached, as the base class would
            destination[prefix + "weight"] = self.weight
            if self.bias is not None:
                destination[prefix + "bias"] = self.bias if keep_vars else self.bias.detach()
        else:
            super()._save_to_state_dict(destination, prefix, keep_vars)

    def _load_from_state_dict(
        self, state_dict: Mapping[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        weight = state_dict.get(prefix + "weight")
        if weight is not None and is_lazy(weight):
            self.in_channels = -1
            self.weight = UninitializedParameter()
        elif weight is not None and is_lazy(self.weight):
            self._materialize(weight.size(-1))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def __repr__(self) -> str:
        bias = self.bias is not None
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels}, bias={bias})"


def _check_initializer(argument: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        msg = f"{argument}={value!r} is unknown{nearest(value, known)}"
        raise ArgumentError(msg)


class HeteroDictLinear(nn.Module):
    r"""One linear map per type: :math:`\mathbf{X}_t \mathbf{W}_t^{\top} + \mathbf{b}_t`.

    Args:
        in_channels: Size of the input samples of each type (-1: from the first input); one number
            holds for all `types`.
        out_channels: Size of each output sample.
        types: The keys of the input dictionary, needed if `in_channels` is a number. Default None.
        **kwargs: Further arguments of `Linear`.

    Shapes:
        - **input:** per type, features :math:`(*, F_t)`
        - **output:** per type, features :math:`(*, F_{out})`

    Raises:
        ArgumentError: `types` is missing.
    """

    def __init__(
        self,
        in_channels: int | Mapping[str, int],
        out_channels: int,
        types: Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if isinstance(in_channels, int):
            if types is None:
                msg = "types must name the keys of the input if in_channels is one number"
                raise ArgumentError(msg)
            in_channels = dict.fromkeys(types, in_channels)
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.lins = nn.ModuleDict(
            {key: Linear(size, out_channels, **kwargs) for key, size in in_channels.items()}
        )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        reset(self.lins)

    def forward(self, x_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Map the features of each type that is there, float [*, F_t], to [*, out_channels]."""
        return {key: lin(x_dict[key]) for key, lin in self.lins.items() if key in x_dict}

    def __repr__(self) -> str:
        bias = any(lin.bias is not None for lin in self.lins.values())
        return f"{type(self).__name__}({self.in_channels}, {self.out_channels}, bias={bias})"
