"""TGN on Wikipedia's edits: which page will a user edit next?

    python examples/tgn.py --data ../shared/data

Published: average precision 98.46 with the 172 features of each edit (Rossi et al. 2020,
https://arxiv.org/abs/2006.10637, table 2), which are not in our copy: here edits are all alike, and
only who, what and when is known. Chronological split 70 / 15 / 15 %, one random page for each edit.
"""

from __future__ import annotations

import time
from itertools import pairwise
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from sklearn.metrics import average_precision_score, roc_auc_score
from support import arguments, arrays, compare, ids
from torch import Tensor, nn

from distgnn.loader import EventLoader
from distgnn.nn import (
    IdentityMessage,
    LastAggregator,
    LastNeighborLoader,
    TGNMemory,
    TransformerConv,
)

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.loader import EventBatch

SIZE = 100
NEIGHBORS = 10
BATCH_SIZE = 200


class TemporalGraphNetwork(nn.Module):
    """Memory, attention over the last neighbours, and a score for a pair of nodes."""

    def __init__(self, num_nodes: int, t: Tensor) -> None:
        """Take the number of nodes and the times of all events."""
        super().__init__()
        message = IdentityMessage(1, SIZE, SIZE)
        self.memory = TGNMemory(num_nodes, 1, SIZE, SIZE, message, LastAggregator())
        self.conv = TransformerConv(SIZE, SIZE // 2, heads=2, dropout=0.1, edge_dim=SIZE + 1)
        self.src, self.dst = nn.Linear(SIZE, SIZE), nn.Linear(SIZE, SIZE)
        self.out = nn.Linear(SIZE, 1)
        self.neighbors = LastNeighborLoader(num_nodes, NEIGHBORS)
        self.t = t

    def reset_state(self) -> None:
        """Go back to before the first event."""
        self.memory.reset_state()
        self.neighbors.reset_state()

    def forward(self, batch: EventBatch) -> tuple[Tensor, Tensor]:
        """Return logits of the events and of their random destinations."""
        ends = torch.cat([batch.src, batch.dst, batch.neg_dst])
        n_id, edge_index, e_id = self.neighbors(ends.unique())
        z, last_update = self.memory(n_id)
        age = (last_update[edge_index[0]] - self.t[e_id]).to(z.dtype)
        time_enc = self.memory.time_enc(age)
        edge_attr = torch.cat([time_enc, torch.zeros_like(age).unsqueeze(1)], dim=-1)
        z = self.conv(z, edge_index, edge_attr)
        src, dst, neg = z[torch.searchsorted(n_id, ends)].chunk(3)
        return self._score(src, dst), self._score(src, neg)

    def observe(self, batch: EventBatch) -> None:
        """Take in the events, after they were predicted."""
        self.memory.update_state(batch.src, batch.dst, batch.t, torch.zeros(len(batch.t), 1))
        self.neighbors.insert(batch.src, batch.dst)

    def _score(self, src: Tensor, dst: Tensor) -> Tensor:
        out: Tensor = self.out((self.src(src) + self.dst(dst)).relu())
        return out.squeeze(-1)


def train_epoch(
    model: TemporalGraphNetwork, loader: EventLoader, optimizer: torch.optim.Optimizer, epoch: int
) -> None:
    """Go through the training events once, from the start of time."""
    model.train()
    model.reset_state()
    for batch in loader.epoch(epoch):
        optimizer.zero_grad()
        pos, neg = model(batch)
        loss = F.softplus(-pos).mean() + F.softplus(neg).mean()
        model.observe(batch)
        loss.backward()
        optimizer.step()
        model.memory.detach()


@torch.no_grad()
def evaluate(model: TemporalGraphNetwork, loader: EventLoader) -> tuple[float, float]:
    """Return the average precision and the AUC in %, averaged over batches."""
    model.eval()
    found = []
    for batch in loader.epoch(0):
        pos, neg = model(batch)
        y = torch.cat([torch.ones_like(pos), torch.zeros_like(neg)]).numpy()
        pred = torch.cat([pos, neg]).sigmoid().numpy()
        found.append((average_precision_score(y, pred), roc_auc_score(y, pred)))
        model.observe(batch)
    ap, auc = torch.tensor(found).mean(dim=0).tolist()
    return 100 * ap, 100 * auc


def run(data: Path, seed: int, epochs: int) -> tuple[float, float]:
    """Train from one seed; return the test figures of the epoch that is best in validation."""
    torch.manual_seed(seed)
    src, dst, t = (
        ids(arrays("jodie_wikipedia_events", data)[name]) for name in ("src", "dst", "t")
    )
    limits = [0, int(0.7 * len(t)), int(0.85 * len(t)), len(t)]
    train, val, test = (
        EventLoader(src, dst, t, BATCH_SIZE, begin=begin, end=end, seed=seed)
        for begin, end in pairwise(limits)
    )
    model = TemporalGraphNetwork(int(dst.max()) + 1, t)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    best, found = 0.0, (0.0, 0.0)
    for epoch in range(1, epochs + 1):
        started = time.monotonic()
        train_epoch(model, train, optimizer, epoch)
        seconds = time.monotonic() - started
        ap, _ = evaluate(model, val)
        tested = evaluate(model, test)
        print(
            f"epoch {epoch}: {seconds:.0f} s, {train.end / seconds:,.0f} events/s, AP {ap:.2f} in "
            f"validation, {tested[0]:.2f} in the test",
            flush=True,
        )
        if ap > best:
            best, found = ap, tested
    return found


def main() -> None:
    """Train and test."""
    args = arguments(__doc__, runs=1, epochs=10)
    found = [run(args.data, seed, args.epochs) for seed in range(args.runs)]
    ap, auc = torch.tensor(found).mean(dim=0).tolist()
    rows = [
        ("average precision", f"{ap:.2f}", "98.46 (with features)"),
        ("AUC", f"{auc:.2f}", ""),
    ]
    compare(f"Wikipedia's edits, {args.epochs} epochs, in %", rows)


if __name__ == "__main__":
    main()
