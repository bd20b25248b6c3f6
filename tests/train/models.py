"""Small models of our own, as a user would bring them (`model.target`)."""

import os
import signal
import time
from pathlib import Path

import torch
from torch import distributed, nn


class TinySAGE(nn.Module):
    """Mean over in-neighbours, two layers, batch norm and dropout between."""

    def __init__(self, in_channels, hidden_channels, out_channels, dropout=0.0):
        super().__init__()
        self.first = nn.Linear(2 * in_channels, hidden_channels)
        self.norm = nn.BatchNorm1d(hidden_channels)
        self.dropout = nn.Dropout(dropout)
        self.second = nn.Linear(2 * hidden_channels, out_channels)

    def forward(self, x, adj):
        hidden = self.norm(self.first(self._with_mean(x, adj))).relu()
        return self.second(self._with_mean(self.dropout(hidden), adj))

    def _with_mean(self, x, adj):
        total = torch.zeros_like(x).index_add(0, adj.targets(), x[adj.indices])
        return torch.cat([x, total / adj.indptr.diff().clamp(min=1)[:, None]], dim=1)


class NoNormSAGE(TinySAGE):
    """Without batch norm, whose statistics depend on how seeds are batched."""

    def __init__(self, in_channels, hidden_channels, out_channels, dropout=0.0):
        super().__init__(in_channels, hidden_channels, out_channels, dropout)
        self.norm = nn.Identity()


class Exploding(TinySAGE):
    """Gives NaN from its 13th training batch on."""

    calls = 0

    def forward(self, x, adj):
        self.calls += self.training
        return super().forward(x, adj) * (float("nan") if self.calls > 12 else 1.0)


class SignalsItself(TinySAGE):
    """Sends its process the signal SIGNAL at the AT-th forward pass, both environment variables."""

    calls = 0

    def forward(self, x, adj):
        self.calls += 1
        if self.calls == int(os.environ.get("AT", "0")):
            os.kill(os.getpid(), signal.Signals[os.environ["SIGNAL"]])
        return super().forward(x, adj)


class DiesOnce(NoNormSAGE):
    """Kills its process at the `at`-th forward pass on rank 1, unless the file `marker` exists."""

    calls = 0

    def __init__(self, in_channels, hidden_channels, out_channels, marker, at, dropout=0.0):
        super().__init__(in_channels, hidden_channels, out_channels, dropout)
        self.marker, self.at = Path(marker), at

    def forward(self, x, adj):
        self.calls += 1
        if self.calls == self.at and not self.marker.exists() and distributed.get_rank() == 1:
            self.marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().forward(x, adj)


class Slow(NoNormSAGE):
    """Takes `seconds` for a forward pass while training, so that there is time for a fault."""

    def __init__(self, in_channels, hidden_channels, out_channels, seconds, dropout=0.0):
        super().__init__(in_channels, hidden_channels, out_channels, dropout)
        self.seconds = seconds

    def forward(self, x, adj):
        if self.training:
            time.sleep(self.seconds)
        return super().forward(x, adj)
