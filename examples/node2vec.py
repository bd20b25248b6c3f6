"""Node2Vec on Cora and PubMed: embeddings of the graph alone, then logistic regression.

    python examples/node2vec.py --data ../shared/data

Published for DeepWalk, which is p = q = 1, on the same (public) splits: 67.2 and 65.3 (Kipf and
Welling 2017, https://arxiv.org/abs/1609.02907, table 2).
"""

from __future__ import annotations

import time

import torch
from support import NodeGraph, arguments, compare, node_graph, spread

from distgnn.nn import Node2Vec

DIM = 128
INIT = 0.5 / DIM


def run(graph: NodeGraph, seed: int, epochs: int) -> float:
    """Learn embeddings; return the test accuracy of a logistic regression in %."""
    torch.manual_seed(seed)
    model = Node2Vec(
        graph.edge_index,
        embedding_dim=DIM,
        walk_length=20,
        context_size=10,
        walks_per_node=10,
        num_nodes=graph.num_nodes,
        sparse=True,
    )
    # Starts near 0, as word2vec's code does: with torch's N(0, 1) it takes 50 times the epochs.
    torch.nn.init.uniform_(model.embedding.weight, -INIT, INIT)
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.01)
    loader = model.loader(batch_size=128, shuffle=True)
    for _ in range(epochs):
        for pos_rw, neg_rw in loader:
            optimizer.zero_grad()
            model.loss(pos_rw, neg_rw).backward()
            optimizer.step()
    z = model().detach()
    train, test = graph.mask("train"), graph.mask("test")
    return 100 * model.test(z[train], graph.y[train], z[test], graph.y[test], max_iter=500)


def main() -> None:
    """Run several seeds on each graph."""
    args = arguments(__doc__, runs=5, epochs=5)
    rows = []
    for name, published in (("cora", "67.2"), ("pubmed_graph_only", "65.3")):
        graph = node_graph(name, args.data)
        started = time.monotonic()
        found = [run(graph, seed, args.epochs) for seed in range(args.runs)]
        print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)
        rows.append((f"{name}, {args.epochs} epochs", spread(found), published))
    compare("Public splits, test accuracy in %", rows)


if __name__ == "__main__":
    main()
