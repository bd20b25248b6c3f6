"""RE-Net on ICEWS14: who will do what to whom tomorrow?

    python examples/re_net.py --data ../shared/data

Published on the same split: MRR 38.3 (RE-Net as quoted by Sun et al. 2021, TITer,
https://arxiv.org/abs/2109.04101, table 2), filtered by what happened at the same time. Subjects and
objects are predicted; their ranks are averaged.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from support import arguments, arrays, compare, ids
from torch.utils.data import DataLoader

from distgnn.nn import RENet
from distgnn.nn.kge.known import KnownTriples
from distgnn.nn.kge.ranking import mrr_and_hits, ranks
from distgnn.nn.models.re_net_history import Event, EventBatch

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

HIDDEN, SEQ_LEN = 100, 10
BATCH_SIZE = 1024

Known = dict[int, KnownTriples]
"""All facts of each time."""


def load(data: Path) -> tuple[list[list[Event]], Known, int, int]:
    """Return the events of each split with their histories, and what is known of each time."""
    found = arrays("icews14_tkg", data)
    splits = [ids(found[name]) for name in ("train", "valid", "test")]
    transform = RENet.pre_transform(SEQ_LEN)
    events = [
        [transform(Event(*fact)) for fact in facts[:, facts[3].argsort(stable=True)].t().tolist()]
        for facts in splits
    ]
    facts = torch.cat(splits, dim=1)
    known = {int(t): KnownTriples(facts[:3, facts[3] == t]) for t in facts[3].unique()}
    return events, known, int(found["num_entities"]), int(found["num_relations"])


def same_time(batch: EventBatch, known: Known, *, subjects: bool) -> Tensor:
    """Return pairs (row, true answer at the row's time), int64 [2, K]."""
    found = []
    for t in batch.t.unique():
        rows = (batch.t == t).nonzero().view(-1)
        triples = known[int(t)]
        if subjects:
            pairs = triples.heads(batch.rel[rows], batch.obj[rows])
        else:
            pairs = triples.tails(batch.sub[rows], batch.rel[rows])
        found.append(torch.stack([rows[pairs[0]], pairs[1]]))
    return torch.cat(found, dim=1)


def batches(events: list[Event], *, shuffle: bool) -> DataLoader[Any]:
    """Return a loader of `EventBatch`."""
    dataset: Any = events
    return DataLoader(dataset, BATCH_SIZE, shuffle=shuffle, collate_fn=EventBatch.collate)


@torch.no_grad()
def evaluate(model: RENet, events: list[Event], known: Known) -> dict[str, list[float]]:
    """Return MRR and hits@1, 3, 10 in %, raw and filtered."""
    model.eval()
    found: dict[str, list[Tensor]] = {"raw": [], "filtered": []}
    for batch in batches(events, shuffle=False):
        obj, sub = model(batch)
        for logits, y, subjects in ((obj, batch.obj, False), (sub, batch.sub, True)):
            found["raw"].append(ranks(logits, y))
            others = same_time(batch, known, subjects=subjects)
            found["filtered"].append(ranks(logits, y, others))
    return {
        name: (100 * mrr_and_hits(torch.cat(rank), (1, 3, 10))).tolist()
        for name, rank in found.items()
    }


def main() -> None:
    """Train, and rank after every epoch; the epoch that is best in validation counts."""
    args = arguments(__doc__, runs=1, epochs=10)
    started = time.monotonic()
    (train, val, test), known, num_entities, num_relations = load(args.data)
    print(f"histories: {time.monotonic() - started:.0f} s", flush=True)
    rows = []
    for seed in range(args.runs):
        torch.manual_seed(seed)
        model = RENet(num_entities, num_relations, HIDDEN, SEQ_LEN, dropout=0.5)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.002, weight_decay=1e-5)
        loader = batches(train, shuffle=True)
        best, found = 0.0, {"raw": [0.0] * 4, "filtered": [0.0] * 4}
        for epoch in range(1, args.epochs + 1):
            started = time.monotonic()
            model.train()
            for batch in loader:
                optimizer.zero_grad()
                obj, sub = model(batch)
                (F.nll_loss(obj, batch.obj) + F.nll_loss(sub, batch.sub)).backward()
                optimizer.step()
            mrr = evaluate(model, val, known)["filtered"][0]
            print(f"epoch {epoch}: {time.monotonic() - started:.0f} s, MRR {mrr:.1f}", flush=True)
            if mrr > best:
                best, found = mrr, evaluate(model, test, known)
        for kind, published in (("filtered", "38.3"), ("raw", "")):
            rows.append((f"MRR, {kind}", f"{found[kind][0]:.1f}", published))
            rows += [
                (f"hits@{k}, {kind}", f"{value:.1f}", "")
                for k, value in zip((1, 3, 10), found[kind][1:], strict=True)
            ]
    compare(f"ICEWS14, {args.epochs} epochs, in %", rows)


if __name__ == "__main__":
    main()
