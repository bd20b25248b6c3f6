"""Jumping knowledge: combine the outputs of all layers of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.reset import reset

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MODES = ("cat", "max", "lstm")


class JumpingKnowledge(nn.Module):
    r"""Jumping knowledge: combine the outputs of all layers (https://arxiv.org/abs/1806.03536).

    Concatenation (``"cat"``) :math:`\mathbf{x}_v^{(1)} \Vert \ldots \Vert \mathbf{x}_v^{(T)}`,
    elementwise maximum (``"max"``), or (``"lstm"``) the weighted sum
    :math:`\sum_t \alpha_v^{(t)} \mathbf{x}_v^{(t)}`, whose weights are a softmax over layers of
    scores that a bidirectional LSTM gives.

    Args:
        mode: ``"cat"``, ``"max"`` or ``"lstm"``.
        channels: Size of one layer's output; for ``"lstm"`` only. Default None.
        num_layers: Number of layers to combine; for ``"lstm"`` only. Default None.

    Shapes:
        - **input:** one :math:`(|\mathcal{V}|, F)` per layer
        - **output:** :math:`(|\mathcal{V}|, T F)` for ``"cat"``, otherwise
          :math:`(|\mathcal{V}|, F)`

    Raises:
        ArgumentError: The mode is unknown, or ``"lstm"`` comes without its sizes.
    """

    def __init__(
        self, mode: str, channels: int | None = None, num_layers: int | None = None
    ) -> None:
        super().__init__()
        self.mode = mode.lower()
        self.channels = channels
        self.num_layers = num_layers
        self.lstm: nn.LSTM | None = None
        self.att: nn.Linear | None = None
        if self.mode not in MODES:
            msg = f"jumping knowledge mode {mode!r} is unknown{nearest(self.mode, MODES)}"
            raise ArgumentError(msg)
        if self.mode == "lstm":
            if channels is None or num_layers is None:
                msg = (
                    f"mode='lstm' needs channels (got {channels}) and num_layers (got {num_layers})"
                )
                raise ArgumentError(msg)
            hidden = (num_layers * channels) // 2
            self.lstm = nn.LSTM(channels, hidden, bidirectional=True, batch_first=True)
            self.att = nn.Linear(2 * hidden, 1)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        if self.lstm is not None and self.att is not None:
            self.lstm.reset_parameters()
            self.att.reset_parameters()

    def forward(self, xs: Sequence[Tensor]) -> Tensor:
        """Combine the layers' outputs `xs`, one float [N, F] per layer."""
        if self.mode == "cat":
            return torch.cat(list(xs), dim=-1)
        if self.mode == "max":
            return torch.stack(list(xs), dim=-1).max(dim=-1).values
        assert self.lstm is not None
        assert self.att is not None
        x = torch.stack(list(xs), dim=1)
        if x.size(0) == 0:  # torch's LSTM refuses an empty batch
            return x.sum(dim=1)
        score = self.att(self.lstm(x)[0]).squeeze(-1)
        return (x * score.softmax(dim=-1).unsqueeze(-1)).sum(dim=1)

    def __repr__(self) -> str:
        if self.mode == "lstm":
            sizes = f", channels={self.channels}, layers={self.num_layers}"
            return f"{type(self).__name__}({self.mode}{sizes})"
        return f"{type(self).__name__}({self.mode})"


class HeteroJumpingKnowledge(nn.Module):
    r"""One `JumpingKnowledge` module per type (https://arxiv.org/abs/1806.03536).

    Args:
        types: The keys of the input dictionary.
        mode: ``"cat"``, ``"max"`` or ``"lstm"``.
        channels: Size of one layer's output; for ``"lstm"`` only. Default None.
        num_layers: Number of layers to combine; for ``"lstm"`` only. Default None.

    Shapes:
        - **input:** per type, one :math:`(|\mathcal{V}_t|, F)` per layer
        - **output:** per type :math:`(|\mathcal{V}_t|, T F)` for ``"cat"``, otherwise
          :math:`(|\mathcal{V}_t|, F)`
    """

    def __init__(
        self,
        types: Sequence[str],
        mode: str,
        channels: int | None = None,
        num_layers: int | None = None,
    ) -> None:
        super().__init__()
        self.mode = mode.lower()
        self.jk_dict = nn.ModuleDict(
            {key: JumpingKnowledge(mode, channels, num_layers) for key in types}
        )

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        reset(self.jk_dict)

    def forward(self, xs_dict: Mapping[str, Sequence[Tensor]]) -> dict[str, Tensor]:
        """Combine, per type, the layers' outputs: one float [N, F] per layer."""
        return {key: jk(xs_dict[key]) for key, jk in self.jk_dict.items()}

    def __repr__(self) -> str:
        first = next(iter(self.jk_dict.values()), None)
        if isinstance(first, JumpingKnowledge) and first.mode == "lstm":
            sizes = f", channels={first.channels}, layers={first.num_layers}"
        else:
            sizes = ""
        types = len(self.jk_dict)
        return f"{type(self).__name__}(num_types={types}, mode={self.mode}{sizes})"
