"""RECT-L on Cora and Citeseer where some classes have no labels at all.

    python examples/rect.py --data ../shared/data

The classes named "unseen" have no training label; RECT-L learns to give each labelled node the mean
features of its class. The embeddings are then judged by logistic regression with the labels of all
classes. Published by RECT's authors with their code (Wang et al., https://arxiv.org/abs/2007.03545):
below, beside the features alone. As there, features are reduced to 200 by SVD and the graph is
diffused by personalised PageRank (https://arxiv.org/abs/1911.05485).
"""

from __future__ import annotations

import torch
from sklearn.linear_model import LogisticRegression
from support import NodeGraph, arguments, compare, node_graph, spread
from torch import Tensor

from distgnn.nn import RECT_L

DIM = 200
RESTART = 0.15
AVERAGE_DEGREE = 64
CASES = (
    ("citeseer", (1, 2, 5), "66.3", "57.5"),
    ("citeseer", (3, 4), "68.2", "60.8"),
    ("cora", (1, 2, 3), "74.6", "65.2"),
    ("cora", (3, 4, 6), "71.2", "65.2"),
)


def diffuse(graph: NodeGraph) -> tuple[Tensor, Tensor]:
    """Return the strongest edges of personalised PageRank and their weights, summing to 1."""
    size = graph.num_nodes
    dense = torch.zeros(size, size)
    dense[graph.edge_index[0], graph.edge_index[1]] = 1.0
    dense.fill_diagonal_(1.0)
    scale = dense.sum(dim=0).rsqrt()
    walk = scale.view(-1, 1) * dense * scale
    ranks = RESTART * torch.linalg.inv(torch.eye(size) - (1 - RESTART) * walk)
    limit = ranks.flatten().kthvalue(size * (size - AVERAGE_DEGREE)).values
    source, target = (ranks > limit).nonzero().t()
    weight = ranks[source, target]
    total = torch.zeros(size).index_add(0, target, weight)
    return torch.stack([source, target]), weight / total[target]


def score(embedding: Tensor, graph: NodeGraph) -> float:
    """Return the test accuracy of logistic regression on all training labels, in %."""
    train, test = graph.mask("train"), graph.mask("test")
    model = LogisticRegression(max_iter=1000).fit(embedding[train].numpy(), graph.y[train].numpy())
    return 100 * float(model.score(embedding[test].numpy(), graph.y[test].numpy()))


def main() -> None:
    """Train on the seen classes, judge on all."""
    args = arguments(__doc__, runs=5, epochs=100)
    rows = []
    for name, unseen, published, published_features in CASES:
        graph = node_graph(name, args.data, normalize=True)
        u, s, _ = torch.svd_lowrank(graph.x, q=DIM, niter=10)
        x = u * s
        edges, weight = diffuse(graph)
        seen = graph.mask("train") & ~torch.isin(graph.y, torch.tensor(unseen))
        found = []
        for seed in range(args.runs):
            torch.manual_seed(seed)
            model = RECT_L(DIM, DIM, normalize=False, dropout=0.0)
            target = model.get_semantic_labels(x, graph.y, seen)
            optimizer = torch.optim.Adam(model.parameters(), lr=0.001, weight_decay=5e-4)
            for _ in range(args.epochs):
                optimizer.zero_grad()
                (model(x, edges, weight)[seen] - target).square().sum().backward()
                optimizer.step()
            found.append(score(model.eval().embed(x, edges, weight), graph))
        case = f"{name}, unseen {set(unseen)}"
        rows.append((case, spread(found), published))
        rows.append(("  features alone", f"{score(x, graph):.1f}", published_features))
    compare("RECT-L, test accuracy over all classes in %", rows)


if __name__ == "__main__":
    main()
