"""Graph U-Net on Cora.

    python examples/graph_unet.py

Published: 84.4 ± 0.6 (Gao and Ji 2019, https://arxiv.org/abs/1905.05178, table 4, public split,
with a linear embedding first, and four poolings to 2000, 1000, 500 and 200 nodes).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from support import NodeGraph, accuracy, arguments, compare, node_graph, spread
from torch import Tensor

from distgnn.nn import GraphUNet

EDGE_DROPOUT = 0.2
FEATURE_DROPOUT = 0.92


def forward(model: GraphUNet, graph: NodeGraph) -> Tensor:
    """Predict; in training, drop edges and features."""
    edges, x = graph.edge_index, graph.x
    if model.training:
        edges = edges[:, torch.rand(edges.size(1)) > EDGE_DROPOUT]
        x = F.dropout(x, p=FEATURE_DROPOUT)
    out: Tensor = model(x, edges)
    return out


def run(graph: NodeGraph, seed: int, epochs: int) -> float:
    """Train; return the test accuracy in % at the best validation accuracy."""
    torch.manual_seed(seed)
    ratios = [2000 / graph.num_nodes, 0.5]
    model = GraphUNet(graph.x.size(1), 32, graph.num_classes, depth=3, pool_ratios=[*ratios, 0.5])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=0.001)
    mask, best, kept = graph.mask("train"), 0.0, 0.0
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        F.cross_entropy(forward(model, graph)[mask], graph.y[mask]).backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            scores = forward(model, graph)
        if (found := accuracy(scores, graph, "val")) > best:
            best, kept = found, accuracy(scores, graph, "test")
    return kept


def main() -> None:
    """Run several seeds."""
    args = arguments(__doc__, runs=5, epochs=200)
    graph = node_graph("cora", args.data, normalize=True)
    found = [run(graph, seed, args.epochs) for seed in range(args.runs)]
    compare("Cora, public split, test accuracy in %", [("GraphUNet", spread(found), "84.4 ± 0.6")])


if __name__ == "__main__":
    main()
