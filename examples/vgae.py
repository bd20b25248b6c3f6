"""VGAE and ARGA on Cora: predict links that were taken away.

    python examples/vgae.py

Published, 85 / 5 / 10 % of the links for training, validation and testing: VGAE AUC 91.4, AP 92.6
(Kipf and Welling 2016, https://arxiv.org/abs/1611.07308, table 1), ARGA AUC 92.4, AP 93.2 (Pan et
al. 2018, https://arxiv.org/abs/1802.04407, table 1). Both with 32 hidden and 16 latent units. The
epoch with the highest validation AUC counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from support import NodeGraph, arguments, compare, node_graph, spread
from torch import Tensor, nn

from distgnn.nn import ARGA, GAE, VGAE, GCNConv
from distgnn.nn.utils import negative_sampling, to_undirected

HIDDEN, LATENT = 32, 16
DISCRIMINATOR_STEPS = 5


@dataclass(frozen=True, kw_only=True)
class Links:
    """Links to learn from, in both directions, and pairs to judge by."""

    train: Tensor
    val: tuple[Tensor, Tensor]
    """Links and as many pairs that are none."""
    test: tuple[Tensor, Tensor]


def split(graph: NodeGraph, seed: int) -> Links:
    """Take 5 % of the links away for validation and 10 % for testing."""
    half = graph.edge_index[:, graph.edge_index[0] < graph.edge_index[1]]
    order = torch.randperm(half.size(1), generator=torch.Generator().manual_seed(seed))
    test, val, train = half[:, order].tensor_split([len(order) // 10, len(order) * 3 // 20], dim=1)
    torch.manual_seed(seed)
    negative = negative_sampling(graph.edge_index, graph.num_nodes, test.size(1) + val.size(1))
    return Links(
        train=to_undirected(train, num_nodes=graph.num_nodes),
        val=(val, negative[:, test.size(1) :]),
        test=(test, negative[:, : test.size(1)]),
    )


class Encoder(nn.Module):
    """Two graph convolutions; a variational one has two second layers."""

    def __init__(self, in_channels: int, *, variational: bool) -> None:
        super().__init__()
        self.first = GCNConv(in_channels, HIDDEN, cached=True)
        self.mu = GCNConv(HIDDEN, LATENT, cached=True)
        self.logstd = GCNConv(HIDDEN, LATENT, cached=True) if variational else None

    def forward(self, x: Tensor, edge_index: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Return embeddings, or their means and log standard deviations."""
        x = self.first(x, edge_index).relu()
        mu: Tensor = self.mu(x, edge_index)
        return mu if self.logstd is None else (mu, self.logstd(x, edge_index))


def discriminator() -> nn.Module:
    """Return a perceptron that tells embeddings from normal draws."""
    return nn.Sequential(
        nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 64), nn.ReLU(), nn.Linear(64, 1)
    )


class Adversary:
    """Trains ARGA's discriminator on the embeddings of each epoch."""

    def __init__(self, model: ARGA) -> None:
        self.model = model
        self.optimizer = torch.optim.Adam(model.discriminator.parameters(), lr=0.001)

    def loss(self, z: Tensor) -> Tensor:
        """Train the discriminator, then return what it makes of the embeddings."""
        for _ in range(DISCRIMINATOR_STEPS):
            self.optimizer.zero_grad()
            self.model.discriminator_loss(z).backward()
            self.optimizer.step()
        return self.model.reg_loss(z)


def run(name: str, graph: NodeGraph, seed: int, epochs: int) -> tuple[float, float]:
    """Train from one seed; return the test AUC and AP in %."""
    links = split(graph, seed)
    encoder = Encoder(graph.x.size(1), variational=name == "VGAE")
    model: GAE = VGAE(encoder) if name == "VGAE" else ARGA(encoder, discriminator())
    adversary = Adversary(model) if isinstance(model, ARGA) else None
    parameters = [*model.encoder.parameters(), *model.decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.01)
    best, found = 0.0, (0.0, 0.0)
    for _ in range(epochs):
        model.train()
        optimizer.zero_grad()
        z = model.encode(graph.x, links.train)
        loss = model.recon_loss(z, links.train)
        if isinstance(model, VGAE):
            loss = loss + model.kl_loss() / graph.num_nodes
        if adversary is not None:
            loss = loss + adversary.loss(z)
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        model.eval()
        with torch.no_grad():
            z = model.encode(graph.x, links.train)
            auc, _ = model.test(z, *links.val)
            if auc > best:
                best, found = auc, model.test(z, *links.test)
    return 100 * found[0], 100 * found[1]


def main() -> None:
    """Run several seeds, each with its own split."""
    args = arguments(__doc__, runs=5, epochs=200)
    graph = node_graph("cora", args.data)
    rows = []
    for name, published in (("VGAE", ("91.4", "92.6")), ("ARGA", ("92.4", "93.2"))):
        found = [run(name, graph, seed, args.epochs) for seed in range(args.runs)]
        for metric, values, figure in zip(
            ("AUC", "AP"), zip(*found, strict=True), published, strict=True
        ):
            rows.append((f"{name}, {metric}", spread(values), figure))
    compare("Cora, link prediction, in %", rows)


if __name__ == "__main__":
    main()
