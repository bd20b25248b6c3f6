"""Which citations decide the class of a paper? captum's methods on a GCN trained on Cora.

    python examples/captum_cora.py --data ../shared/data

Needs `pip install distgnn[explain]`. Edges are removed in the order of an explanation, and the
probability of the predicted class is followed (a deletion curve): the faster it falls, the better
the explanation. Beside it, removal in random order among the edges within two hops. Without the two
first edges of an explanation it falls from 64 to 49 %, without two random ones to 63 %. (Masks are
1, so that saliency is input times gradient too. Late edges speak against the class: without them it
rises again.) There is no published figure for this; the GCN's own accuracy has one (81.5, Kipf and
Welling 2017, https://arxiv.org/abs/1609.02907).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from captum.attr import IntegratedGradients, Saliency
from support import NodeGraph, accuracy, arguments, compare, node_graph

from distgnn.nn import GCN, to_captum_input, to_captum_model

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Rank = Callable[[int, int], Tensor]
    """rank(node, label): the edges that matter to a node's label, the most important first."""

NUM_EXPLAINED = 30
REMOVED = (1, 2, 5, 10, 20)
STEPS = 16


def train(graph: NodeGraph, epochs: int) -> GCN:
    """Train a GCN of two layers on the public split."""
    torch.manual_seed(0)
    model = GCN(graph.x.size(1), 16, 2, graph.num_classes, dropout=0.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01, weight_decay=5e-4)
    mask = graph.mask("train")
    for _ in range(epochs):
        optimizer.zero_grad()
        scores = model(F.dropout(graph.x), graph.edge_index)
        F.cross_entropy(scores[mask], graph.y[mask]).backward()
        optimizer.step()
    return model.eval()


def within_two_hops(node: int, edge_index: Tensor) -> Tensor:
    """Return the edges that a model of two layers sees from a node, int64 [n]."""
    source, target = edge_index
    direct: Tensor = target == node
    return (direct | torch.isin(target, source[direct])).nonzero().flatten()


def ranked(method: Any, graph: NodeGraph, model: GCN, **options: Any) -> Rank:
    """Return a ranking of edges by one of captum's methods."""

    def rank(node: int, label: int) -> Tensor:
        inputs, rest = to_captum_input(graph.x, graph.edge_index, "edge")
        explainer = method(to_captum_model(model, "edge", node))
        scores: Tensor = explainer.attribute(
            inputs, target=label, additional_forward_args=rest, **options
        )[0]
        seen = within_two_hops(node, graph.edge_index)
        return seen[scores[0, seen].argsort(descending=True)]

    return rank


def shuffled(graph: NodeGraph) -> Rank:
    """Return a ranking of edges by chance."""
    generator = torch.Generator().manual_seed(0)

    def rank(node: int, label: int) -> Tensor:  # noqa: ARG001 -- chance knows no labels
        seen = within_two_hops(node, graph.edge_index)
        return seen[torch.randperm(seen.numel(), generator=generator)]

    return rank


def deletion_curve(rank: Rank, nodes: list[int], graph: NodeGraph, model: GCN) -> list[float]:
    """Return the mean probability of the predicted class as edges go, in %."""
    total = torch.zeros(1 + len(REMOVED))
    labels = model(graph.x, graph.edge_index).argmax(dim=1)
    for node in nodes:
        label = int(labels[node])
        order = rank(node, label)
        for position, count in enumerate((0, *REMOVED)):
            kept = torch.ones(graph.edge_index.size(1), dtype=torch.bool)
            kept[order[:count]] = False
            with torch.no_grad():
                scores = model(graph.x, graph.edge_index[:, kept])[node]
            total[position] += scores.softmax(dim=0)[label]
    return [100 * float(value) for value in total / len(nodes)]


def main() -> None:
    """Train, explain papers of the test set, and remove their citations."""
    args = arguments(__doc__, runs=1, epochs=200)
    graph = node_graph("cora", args.data, normalize=True)
    model = train(graph, args.epochs)
    scores = model(graph.x, graph.edge_index)
    found = f"{accuracy(scores, graph, 'test'):.1f}"
    compare("GCN on Cora, test accuracy in %", [("GCN", found, "81.5")])

    degree = graph.edge_index[1].bincount(minlength=graph.num_nodes)
    usable = graph.mask("test") & (scores.argmax(dim=1) == graph.y) & (degree >= 3)
    generator = torch.Generator().manual_seed(1)
    candidates = usable.nonzero().flatten()
    chosen = torch.randperm(candidates.numel(), generator=generator)[:NUM_EXPLAINED]
    nodes = candidates[chosen].tolist()
    ranks = {
        "random": shuffled(graph),
        "saliency": ranked(Saliency, graph, model, abs=False),
        "integrated gradients": ranked(
            IntegratedGradients, graph, model, n_steps=STEPS, internal_batch_size=1
        ),
    }
    print(f"Probability of the predicted class in %, {len(nodes)} test papers, by edges removed")
    print("  " + "".ljust(22) + "".join(f"{count:>7}" for count in (0, *REMOVED)))
    for name, rank in ranks.items():
        curve = deletion_curve(rank, nodes, graph, model)
        print("  " + name.ljust(22) + "".join(f"{value:7.1f}" for value in curve))


if __name__ == "__main__":
    main()
