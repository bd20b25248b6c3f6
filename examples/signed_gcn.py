"""SignedGCN on Bitcoin-Alpha: who trusts whom, and who does not.

    python examples/signed_gcn.py --data ../shared/data

Published: AUC about 0.80 (Derr et al. 2018, https://arxiv.org/abs/1808.06354, table 3, on splits of
their own; quoted from memory). Two figures: the AUC of predicted signs, which is what the model's
`test` gives, and that of predicted probabilities.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from sklearn.metrics import roc_auc_score
from support import arguments, arrays, compare, ids, spread
from torch import Tensor

from distgnn.nn import SignedGCN

if TYPE_CHECKING:
    from pathlib import Path

FEATURES = HIDDEN = 64


def load(data: Path) -> tuple[list[Tensor], int]:
    """Return positive and negative edges to train on, then those to test, and their nodes."""
    found = arrays("bitcoin_alpha", data)
    edges = torch.stack([ids(found["src"]), ids(found["dst"])])
    positive, test = (torch.from_numpy(a) for a in (found["rating"] > 0, found["test_mask"]))
    parts = [edges[:, sign & part] for part in (~test, test) for sign in (positive, ~positive)]
    return parts, int(edges.max()) + 1


def run(parts: list[Tensor], num_nodes: int, seed: int, epochs: int) -> tuple[float, float, float]:
    """Train from one seed; return the AUC of signs, of probabilities, and the F1 score."""
    torch.manual_seed(seed)
    train, test = parts[:2], parts[2:]
    model = SignedGCN(FEATURES, HIDDEN, num_layers=2, lamb=5)
    x = model.create_spectral_features(train[0], train[1], num_nodes)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    for _ in range(epochs):
        optimizer.zero_grad()
        z = model(x, train[0], train[1])
        model.loss(z, train[0], train[1]).backward()
        optimizer.step()
    with torch.no_grad():
        z = model(x, train[0], train[1])
        scores = [model.discriminate(z, edges) for edges in test]
        auc, f1 = model.test(z, test[0], test[1])
    labels = torch.cat([torch.full((s.size(0),), 1 - i) for i, s in enumerate(scores)])
    log_odds = torch.cat([s[:, 0] - s[:, 1] for s in scores])
    return auc, float(roc_auc_score(labels.numpy(), log_odds.numpy())), f1


def main() -> None:
    """Run several seeds."""
    args = arguments(__doc__, runs=3, epochs=200)
    parts, num_nodes = load(args.data)
    found = [run(parts, num_nodes, seed, args.epochs) for seed in range(args.runs)]
    names = (("AUC of signs", "0.80"), ("AUC of probabilities", ""), ("F1 of signs", ""))
    rows = [
        (name, spread(values, 3), published)
        for (name, published), values in zip(names, zip(*found, strict=True), strict=True)
    ]
    compare("Bitcoin-Alpha, 20 % of the edges tested", rows)


if __name__ == "__main__":
    main()
