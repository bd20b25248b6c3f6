"""Label propagation on PubMed's citation graph: no features, 60 labels.

    python examples/label_propagation.py --data ../shared/data

Published: 63.0 (label propagation of Zhu et al. 2003 on the public split, table 2 of Kipf and
Welling 2017, https://arxiv.org/abs/1609.02907). Ours normalises symmetrically and stops early.
"""

from __future__ import annotations

from support import accuracy, arguments, compare, node_graph

from distgnn.nn import LabelPropagation

STEPS = (5, 20, 50)
ALPHA = 0.9


def main() -> None:
    """Propagate the training labels and count correct test nodes; nothing is random here."""
    args = arguments(__doc__, runs=1, epochs=1)
    graph = node_graph("pubmed_graph_only", args.data)
    rows = []
    for num_layers in STEPS:
        model = LabelPropagation(num_layers, ALPHA)
        scores = model(graph.y, graph.edge_index, graph.mask("train"))
        rows.append((f"{num_layers} steps", f"{accuracy(scores, graph, 'test'):.1f}", "63.0"))
    compare(f"PubMed, test accuracy in % (alpha {ALPHA})", rows)


if __name__ == "__main__":
    main()
