"""GCN and GAT on Cora and Citeseer, as their papers train them.

    OMP_NUM_THREADS=1 python examples/gcn.py --data ../shared/data

Published on the same (public) splits: GCN 81.5 and 70.3 (Kipf and Welling 2017,
https://arxiv.org/abs/1609.02907, table 2), GAT 83.0 ± 0.7 and 72.5 ± 0.7 (Velickovic et al. 2018,
https://arxiv.org/abs/1710.10903, table 2).
"""

from __future__ import annotations

import time
from typing import Any

import torch
import torch.nn.functional as F
from full_batch import drop_features, fit, with_sparse_features
from support import NodeGraph, arguments, compare, node_graph, spread
from torch import Tensor, nn

from distgnn.nn import GATConv, GCNConv


class GCN(nn.Module):
    """Two graph convolutions, 16 hidden units, dropout before each."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """Take the numbers of features and of classes."""
        super().__init__()
        self.conv1 = GCNConv(in_channels, 16, cached=True)
        self.conv2 = GCNConv(16, out_channels, cached=True)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Return scores, float [N, out_channels]."""
        x = drop_features(x, 0.5, training=self.training)
        x = F.dropout(self.conv1(x, edge_index).relu(), 0.5, self.training)
        out: Tensor = self.conv2(x, edge_index)
        return out

    def optimizer(self) -> torch.optim.Optimizer:
        """Return Adam with a weight decay on the first layer only."""
        groups: list[dict[str, Any]] = [
            {"params": self.conv1.parameters(), "weight_decay": 5e-4},
            {"params": self.conv2.parameters()},
        ]
        return torch.optim.Adam(groups, lr=0.01)


class GAT(nn.Module):
    """Two attention layers: 8 heads of 8 units, then one head; dropout also on the attention."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """Take the numbers of features and of classes."""
        super().__init__()
        self.conv1 = GATConv(in_channels, 8, heads=8, dropout=0.6)
        self.conv2 = GATConv(64, out_channels, heads=1, concat=False, dropout=0.6)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Return scores, float [N, out_channels]."""
        x = drop_features(x, 0.6, training=self.training)
        x = F.dropout(F.elu(self.conv1(x, edge_index)), 0.6, self.training)
        out: Tensor = self.conv2(x, edge_index)
        return out

    def optimizer(self) -> torch.optim.Optimizer:
        """Return Adam with a weight decay."""
        return torch.optim.Adam(self.parameters(), lr=0.005, weight_decay=5e-4)


CASES: tuple[tuple[type[GCN | GAT], str, str], ...] = (
    (GCN, "cora", "81.5"),
    (GCN, "citeseer", "70.3"),
    (GAT, "cora", "83.0 ± 0.7"),
    (GAT, "citeseer", "72.5 ± 0.7"),
)


def run(kind: type[GCN | GAT], graph: NodeGraph, seed: int, epochs: int) -> float:
    """Train from one seed; return the test accuracy in %."""
    torch.manual_seed(seed)
    model = kind(graph.x.size(1), graph.num_classes)
    return fit(model, graph, model.optimizer(), epochs=epochs, patience=100)


def main() -> None:
    """Run several seeds of each."""
    args = arguments(__doc__, runs=10, epochs=200)
    rows = []
    for kind, name, published in CASES:
        # 1 % of the features are not zero.
        graph = with_sparse_features(node_graph(name, args.data, normalize=True))
        started = time.monotonic()
        found = [run(kind, graph, seed, args.epochs) for seed in range(args.runs)]
        print(f"{kind.__name__} on {name}: {time.monotonic() - started:.0f} s", flush=True)
        rows.append((f"{kind.__name__}, {name}", spread(found), published))
    compare("Public splits, test accuracy in %", rows)


if __name__ == "__main__":
    main()
