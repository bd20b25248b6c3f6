"""Multi-layer perceptron."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

import torch.nn.functional as F
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError
from distgnn.nn.linear import Linear
from distgnn.nn.reset import reset
from distgnn.nn.resolver import activation_resolver, normalization_resolver

if TYPE_CHECKING:
    from collections.abc import Callable


class MLP(nn.Module):
    r"""A multi-layer perceptron: linear, norm, activation, dropout, repeated.

    .. math::
        \mathbf{X}^{(\ell)} = \mathrm{dropout}(\sigma(\mathrm{norm}(
        \mathbf{X}^{(\ell - 1)} \mathbf{W}_{\ell}^{\top} + \mathbf{b}_{\ell})))

    The sizes come as a list, ``MLP([16, 32, 64, 128])`` (three layers), or as numbers,
    ``MLP(in_channels=16, hidden_channels=32, out_channels=128, num_layers=3)``, which override it.

    Args:
        channel_list: Sizes of the input, the hidden layers and the output. An int is taken for
            `in_channels`. Default None.
        in_channels: Size of each input sample, or -1: taken from the first input. Default None.
        hidden_channels: Size of each hidden sample. Default None.
        out_channels: Size of each output sample. Default None.
        num_layers: Number of layers. Default None.
        dropout: Dropout probability. A number holds for every hidden layer (and for the last one
            unless `plain_last`); a list gives one per layer, literally. Default 0.
        act: Activation, by name or callable; None for none. Default ``"relu"``.
        act_first: Whether the activation comes before the norm. Default False.
        act_kwargs: Arguments of the activation named by `act`. Default None.
        norm: Norm, by name or callable; None for none. Default ``"batch_norm"``.
        norm_kwargs: Arguments of the norm named by `norm`. Default None.
        plain_last: If False, norm, activation and dropout follow the last layer too. Default True.
        bias: Whether layers learn a bias; a list gives one per layer. Default True.
        **kwargs: Old names: `batch_norm` (bool), `batch_norm_kwargs`, `relu_first` (bool).

    Shapes:
        - **input:** node features :math:`(|\mathcal{V}|, F_{in})`, batch vector
          :math:`(|\mathcal{V}|)` *(optional)*
        - **output:** :math:`(|\mathcal{V}|, F_{out})`

    Raises:
        ArgumentError: Sizes are missing or do not fit the lists, or a name is unknown.
    """

    supports_norm_batch: bool
    """Whether the norm's forward takes the batch vector."""

    def __init__(
        self,
        channel_list: list[int] | int | None = None,
        *,
        in_channels: int | None = None,
        hidden_channels: int | None = None,
        out_channels: int | None = None,
        num_layers: int | None = None,
        dropout: float | list[float] = 0.0,
        act: str | Callable[..., Any] | None = "relu",
        act_first: bool = False,
        act_kwargs: dict[str, Any] | None = None,
        norm: str | Callable[..., Any] | None = "batch_norm",
        norm_kwargs: dict[str, Any] | None = None,
        plain_last: bool = True,
        bias: bool | list[bool] = True,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        act_first = act_first or kwargs.pop("relu_first", False)
        if "batch_norm" in kwargs:
            norm = "batch_norm" if kwargs.pop("batch_norm") else None
        norm_kwargs = kwargs.pop("batch_norm_kwargs", norm_kwargs)
        if kwargs:
            msg = f"MLP got unknown arguments: {', '.join(sorted(kwargs))}"
            raise ArgumentError(msg)
        if isinstance(channel_list, int):
            in_channels, channel_list = channel_list, None
        if in_channels is not None:
            channel_list = _channels(in_channels, hidden_channels, out_channels, num_layers)
        if channel_list is None or len(channel_list) < 2:
            msg = (
                f"channel_list={channel_list} must name at least an input and an output size, e.g. "
                f"MLP([16, 32, 7]), or give in_channels, hidden_channels, out_channels, num_layers"
            )
            raise ArgumentError(msg)
        self.channel_list = list(channel_list)
        self.act = None if act is None else activation_resolver(act, **(act_kwargs or {}))
        self.act_first = act_first
        self.plain_last = plain_last
        self.dropout = self._per_layer("dropout", dropout)
        if plain_last and not isinstance(dropout, list | tuple):
            self.dropout[-1] = 0.0
        self.lins = nn.ModuleList(
            Linear(size_in, size_out, bias=layer_bias)
            for size_in, size_out, layer_bias in zip(
                channel_list[:-1], channel_list[1:], self._per_layer("bias", bias), strict=True
            )
        )
        self.norms = nn.ModuleList(
            nn.Identity()
            if norm is None
            else normalization_resolver(norm, c, **(norm_kwargs or {}))
            for c in (channel_list[1:-1] if plain_last else channel_list[1:])
        )
        self.supports_norm_batch = any(takes_batch(layer) for layer in self.norms)

    def _per_layer(self, argument: str, value: Any) -> list[Any]:
        if not isinstance(value, list | tuple):
            return [value] * self.num_layers
        if len(value) != self.num_layers:
            msg = f"{argument}={value} must have one entry for each of {self.num_layers} layers"
            raise ArgumentError(msg)
        return list(value)

    @property
    def in_channels(self) -> int:
        """Size of each input sample (-1: not known yet)."""
        return self.channel_list[0]

    @property
    def out_channels(self) -> int:
        """Size of each output sample."""
        return self.channel_list[-1]

    @property
    def num_layers(self) -> int:
        """Number of layers."""
        return len(self.channel_list) - 1

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for layer in [*self.lins, *self.norms]:
            reset(layer)

    def forward(
        self,
        x: Tensor,
        batch: Tensor | None = None,
        batch_size: int | None = None,
        return_emb: bool | Tensor | None = None,
    ) -> Any:
        """Apply the layers.

        Args:
            x: Node features, float [N, F_in].
            batch: The graph of each node, int64 [N], for norms that work per graph.
            batch_size: Number of graphs.
            return_emb: If True, also return the output of the last hidden layer; if False, None in
                its place.

        Returns:
            Float [N, F_out], or a tuple of it and the embedding if `return_emb` is a bool.
        """
        emb = None
        for i, norm in enumerate(self.norms):
            x = self.lins[i](x)
            if self.act is not None and self.act_first:
                x = self.act(x)
            x = norm(x, batch, batch_size) if self.supports_norm_batch else norm(x)
            if self.act is not None and not self.act_first:
                x = self.act(x)
            x = F.dropout(x, p=self.dropout[i], training=self.training)
            if return_emb is True:
                emb = x
        if self.plain_last:
            x = self.lins[-1](x)
            x = F.dropout(x, p=self.dropout[-1], training=self.training)
        return (x, emb) if isinstance(return_emb, bool) else x

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.channel_list))})"


def takes_batch(norm: nn.Module) -> bool:
    """Return whether the forward of `norm` has an argument `batch`."""
    return "batch" in inspect.signature(norm.forward).parameters


def _channels(
    in_channels: int, hidden: int | None, out: int | None, num_layers: int | None
) -> list[int]:
    if num_layers is None or num_layers < 1:
        msg = f"num_layers={num_layers} must be a positive number when in_channels is given"
        raise ArgumentError(msg)
    if num_layers > 1 and hidden is None:
        msg = f"hidden_channels must be given for num_layers={num_layers}"
        raise ArgumentError(msg)
    if out is None:
        msg = "out_channels must be given when in_channels is"
        raise ArgumentError(msg)
    return [in_channels, *[hidden or 0] * (num_layers - 1), out]
