"""LightGCN on Gowalla: which places will a user visit next?

    python examples/lightgcn.py --data ../shared/data --epochs 5     # about 15 minutes

Published on the same split, 3 layers of 64: recall@20 0.1824 and NDCG@20 0.1547 after 1000 epochs
(He et al. 2020, https://arxiv.org/abs/2002.02126, as its authors' PyTorch code reports), and 0.1071
and 0.0894 after 5. Batches of 2048 pairs, each step over the whole graph, as theirs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from support import arguments, arrays, compare, ids
from torch import Tensor, nn

from distgnn.nn import LightGCN
from distgnn.nn.adjacency import to_csc

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.csc import CSC

K = 20
BATCH_SIZE = 2048
DECAY = 1e-4
PUBLISHED = {5: ("0.1071", "0.0894"), 1000: ("0.1824", "0.1547")}


@dataclass(frozen=True, kw_only=True)
class Interactions:
    """Users are nodes 0 to num_users - 1, items follow."""

    train: Tensor
    """Pairs (user, item), int64 [2, E]."""
    test: Tensor
    num_users: int
    num_items: int
    graph: CSC
    """The train pairs in both directions."""


def load(data: Path) -> Interactions:
    """Read the published split."""
    found = arrays("gowalla", data)
    num_users, num_items = int(found["num_users"]), int(found["num_items"])
    shift = torch.tensor([[0], [num_users]])
    train, test = (ids(found[name]) + shift for name in ("train_edge", "test_edge"))
    size = num_users + num_items
    graph, _ = to_csc(torch.cat([train, train.flip(0)], dim=1), size, size)
    return Interactions(
        train=train, test=test, num_users=num_users, num_items=num_items, graph=graph
    )


def train_epoch(model: LightGCN, data: Interactions, optimizer: torch.optim.Optimizer) -> float:
    """Take a step for every batch of pairs; return the mean loss."""
    total, order = 0.0, torch.randperm(data.train.size(1))
    batches = torch.split(order, BATCH_SIZE)
    for batch in batches:
        users, items = data.train[:, batch]
        other = torch.randint(data.num_items, items.shape) + data.num_users
        pairs = torch.stack([users.repeat(2), torch.cat([items, other])])
        optimizer.zero_grad()
        pos, neg = model(data.graph, pairs).chunk(2)
        nodes = torch.cat([users, items, other])
        loss = model.recommendation_loss(pos, neg, node_id=nodes, lambda_reg=DECAY / 2)
        loss.backward()
        optimizer.step()
        total += float(loss.detach())
    return total / len(batches)


@torch.no_grad()
def evaluate(model: LightGCN, data: Interactions) -> tuple[float, float]:
    """Return recall@20 and NDCG@20, averaged over the users with test items."""
    items = torch.arange(data.num_users, data.num_users + data.num_items)
    users, counts = data.test[0].unique(return_counts=True)
    best = model.recommend(data.graph, src_index=users, dst_index=items, k=K, exclude=data.train)
    size = data.num_users + data.num_items
    hits = torch.isin(users.unsqueeze(1) * size + best, data.test[0] * size + data.test[1])
    gains = 1 / torch.log2(torch.arange(K) + 2.0)
    ideal = gains.cumsum(0)[counts.clamp(max=K) - 1]
    recall = (hits.sum(dim=1) / counts).mean()
    return float(recall), float(((hits * gains).sum(dim=1) / ideal).mean())


def main() -> None:
    """Train, and print recall and NDCG after every epoch."""
    args = arguments(__doc__, runs=1, epochs=5)
    data = load(args.data)
    rows = []
    for seed in range(args.runs):
        torch.manual_seed(seed)
        model = LightGCN(data.num_users + data.num_items, embedding_dim=64, num_layers=3)
        nn.init.normal_(model.embedding.weight, std=0.1)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
        for epoch in range(1, args.epochs + 1):
            started = time.monotonic()
            loss = train_epoch(model, data, optimizer)
            seconds = time.monotonic() - started
            found = [f"{value:.4f}" for value in evaluate(model, data)]
            figures = ", ".join(found)
            print(f"epoch {epoch}: loss {loss:.4f}, {seconds:.0f} s, {figures}", flush=True)
            if epoch in PUBLISHED or epoch == args.epochs:
                for name, value, published in zip(
                    (f"recall@{K}", f"NDCG@{K}"), found, PUBLISHED.get(epoch, ("", "")), strict=True
                ):
                    rows.append((f"{name}, {epoch} epochs", value, published))
    compare("Gowalla", rows)


if __name__ == "__main__":
    main()
