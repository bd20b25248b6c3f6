"""Link prediction on Cora with mini-batches over shards: GraphSAGE, inner products.

    python examples/link_prediction.py

Published, 85 / 5 / 10 % of the links for training, validation and testing, one negative for each
link: VGAE AUC 91.4, AP 92.6; GAE AUC 91.0, AP 92.0 (Kipf and Welling 2016,
https://arxiv.org/abs/1611.07308, table 1). The same by the command line:

    distgnn partition cora shards --parts 2
    distgnn train --graph shards --task.name link_prediction --train.epochs 30
    distgnn predict run links.parquet --split test

Links that are held out are no messages, a batch's own links are taken out of its messages, and
negatives are never edges of any split. The weights with the highest validation AUC count.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from support import arguments, compare, spread

from distgnn.datasets import load
from distgnn.partition.pipeline import partition_graph
from distgnn.train.config_file import config_from_dict
from distgnn.train.run import train


def run(graph: Path, out: Path, seed: int, epochs: int) -> tuple[float, float]:
    """Train from one seed, with its own split; return the test AUC and AP in %."""
    config = {
        "graph": str(graph),
        "run_dir": str(out),
        "seed": seed,
        "task": {
            "name": "link_prediction",
            "options": {"split_seed": seed, "eval_negatives": 1, "embedding_channels": 32},
        },
        "model": {"name": "GraphSAGE", "hidden_channels": 128, "dropout": 0.5},
        "sampler": {"fanouts": [-1, -1]},
        "loader": {"batch_size": 512},
        "optimizer": {"lr": 0.003, "weight_decay": 1e-4},
        "train": {"epochs": epochs, "device": "cpu"},
    }
    result = train(config_from_dict(config, source=__file__), progress=False)
    return 100 * result.test["auc"], 100 * result.test["ap"]


def main() -> None:
    """Run several seeds."""
    args = arguments(__doc__, runs=3, epochs=30)
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder, "cora")
        partition_graph(load("cora", args.data), graph, num_parts=2, progress=False)
        found = [run(graph, Path(folder, str(s)), s, args.epochs) for s in range(args.runs)]
    auc, ap = zip(*found, strict=True)
    compare(
        "Cora, link prediction, in %",
        [
            ("GraphSAGE, AUC", spread(auc), "VGAE 91.4"),
            ("GraphSAGE, AP", spread(ap), "VGAE 92.6"),
        ],
    )


if __name__ == "__main__":
    main()
