"""Deep graph infomax on Cora: embeddings without labels, then logistic regression.

    python examples/deep_graph_infomax.py

Published: 82.3 ± 0.6 (Veličković et al. 2019, https://arxiv.org/abs/1809.10341, table 2: public
split, a one-layer GCN of 512 units).
"""

from __future__ import annotations

import torch
from support import NodeGraph, arguments, compare, node_graph, spread
from torch import Tensor, nn

from distgnn.nn import DeepGraphInfomax, GCNConv

HIDDEN = 512
PATIENCE = 20


class Encoder(nn.Module):
    """One graph convolution and a PReLU."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.conv = GCNConv(in_channels, HIDDEN, cached=True)
        self.act = nn.PReLU(HIDDEN)

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor:
        """Embed nodes: float [N, HIDDEN]."""
        out: Tensor = self.act(self.conv(x, edge_index))
        return out


def shuffle(x: Tensor, edge_index: Tensor) -> tuple[Tensor, Tensor]:
    """Give every node the features of another."""
    return x[torch.randperm(x.size(0))], edge_index


def summarize(z: Tensor, *_: Tensor) -> Tensor:
    """Return the mean embedding, squashed."""
    return z.mean(dim=0).sigmoid()


def run(graph: NodeGraph, seed: int, epochs: int) -> float:
    """Train until the loss stops falling; return the test accuracy in %."""
    torch.manual_seed(seed)
    model = DeepGraphInfomax(HIDDEN, Encoder(graph.x.size(1)), summarize, shuffle)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    best, waited = float("inf"), 0
    for _ in range(epochs):
        optimizer.zero_grad()
        loss = model.loss(*model(graph.x, graph.edge_index))
        loss.backward()
        optimizer.step()
        waited = 0 if float(loss.detach()) < best else waited + 1
        best = min(best, float(loss.detach()))
        if waited == PATIENCE:
            break
    with torch.no_grad():
        z = model.eval()(graph.x, graph.edge_index)[0]
    train, test = graph.mask("train"), graph.mask("test")
    return 100 * model.test(z[train], graph.y[train], z[test], graph.y[test], max_iter=150)


def main() -> None:
    """Run several seeds."""
    args = arguments(__doc__, runs=5, epochs=300)
    graph = node_graph("cora", args.data)
    found = [run(graph, seed, args.epochs) for seed in range(args.runs)]
    compare("Cora, public split, test accuracy in %", [("DGI", spread(found), "82.3 ± 0.6")])


if __name__ == "__main__":
    main()
