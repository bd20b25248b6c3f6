"""Subgraph samplers beside neighbour sampling and full batches: GCN and GraphSAGE on two graphs.

    python examples/subgraphs.py --datasets amazon_computers coauthor_physics --data ../shared/data

Each row trains the same two-layer network on batches of another kind and evaluates it layer by
layer on all neighbours. "Full batch" is a random partition into one part. Expected, from Zeng et
al. 2020 (https://arxiv.org/abs/1907.04931, table 2) and Chiang et al. 2019
(https://arxiv.org/abs/1905.07953, section 4): subgraph batches reach the accuracy of full batches.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import tyro
from support import DATA, SPLITS, spread

from distgnn.datasets import load
from distgnn.partition.pipeline import partition_graph
from distgnn.predict.predict import predict
from distgnn.shards import ShardedGraph
from distgnn.tasks import make_task
from distgnn.train.build import loader_settings
from distgnn.train.config_file import config_from_dict
from distgnn.train.run import train

NUM_PARTS = 40
"""Clusters of Cluster-GCN: METIS parts, which are the parts of the shards as well."""

SAMPLERS: dict[str, dict[str, Any]] = {
    "full batch": {"name": "random_partition", "options": {"num_parts": 1}},
    "neighbours [25, 10]": {"name": "neighbor", "fanouts": [25, 10]},
    "Cluster-GCN, 4 of 40": {"name": "cluster", "options": {"clusters_per_batch": 4}},
    "GraphSAINT walks": {"name": "saint_walk", "options": {"num_roots": 1000, "coverage": 20}},
    "GraphSAINT edges": {"name": "saint_edge", "options": {"num_edges": 1500, "coverage": 20}},
    "GraphSAINT nodes": {"name": "saint_node", "options": {"num_nodes": 3000, "coverage": 20}},
    "random partition, 8": {"name": "random_partition", "options": {"num_parts": 8}},
    "ShaDow [10, 5]": {"name": "shadow", "fanouts": [10, 5]},
}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What to train."""

    datasets: list[str] = field(default_factory=lambda: ["amazon_computers"])
    """Graphs; amazon_computers ships with distgnn."""
    models: list[str] = field(default_factory=lambda: ["GCN", "GraphSAGE"])
    """Classes of distgnn.nn."""
    samplers: list[str] = field(default_factory=lambda: list(SAMPLERS))
    """Rows of the table."""
    steps: int = 300
    """Optimizer steps of a run, rounded up to whole epochs."""
    runs: int = 3
    """Runs, each with its own seed."""
    data: Path = DATA
    """Folder of the datasets that do not ship with distgnn."""


def settings(graph: Path, run_dir: Path, model: str, sampler: str, seed: int) -> dict[str, Any]:
    """Return the configuration of a run, without the number of epochs."""
    return {
        "graph": str(graph),
        "run_dir": str(run_dir),
        "seed": seed,
        "model": {
            "name": model,
            "hidden_channels": 128,
            "num_layers": 2,
            "dropout": 0.5,
            "norm": "layer_norm",
            "options": {"norm_kwargs": {"mode": "node"}},
        },
        "sampler": SAMPLERS[sampler],
        "loader": {"batch_size": 64},
        "optimizer": {"lr": 0.005, "weight_decay": 5e-4},
        "evaluation": {"batch_size": 4096, "every_epochs": 0},
        "checkpoint": {"every_epochs": 0},
    }


def run(
    graph: Path, folder: Path, model: str, sampler: str, expected: Any, *, seed: int, steps: int
) -> float:
    """Train once and return the share of `expected` classes of the test split, in percent."""
    base = settings(graph, folder / "probe", model, sampler, seed)
    epochs = max(1, round(steps / steps_per_epoch(base)))
    base["run_dir"] = str(folder / f"{model}-{sampler}-{seed}".replace(" ", "_"))
    config = config_from_dict(base | {"train": {"epochs": epochs}}, source="examples/subgraphs.py")
    train(config, progress=False)
    # All neighbours at every layer, and so GCN's own normalisation.
    out = config.run_dir / "predictions.parquet"
    predict(config.run_dir, None, out, split="test", layerwise=True, progress=False)
    return 100 * float(np.mean(pq.read_table(out)["prediction"].to_numpy() == expected))


def steps_per_epoch(base: dict[str, Any]) -> int:
    """Return the number of batches of an epoch."""
    config = config_from_dict(base, source="examples/subgraphs.py")
    task = make_task(config.task.name, ShardedGraph.open(config.graph))
    settings = loader_settings(config, config.sampler.fanouts)
    return len(task.loader(task.seeds("train"), settings, shuffle=True))


def main(arguments: Arguments) -> None:
    """Print a table for each graph."""
    with tempfile.TemporaryDirectory() as folder:
        for dataset in arguments.datasets:
            shards = Path(folder) / dataset
            raw = load(dataset, arguments.data)
            nodes = raw.nodes["node"]
            is_test = nodes["split"].to_numpy() == SPLITS["test"]
            expected = nodes["y"].to_numpy()[is_test]
            partition_graph(raw, shards, num_parts=NUM_PARTS, method="metis", progress=False)
            print(f"{dataset}: test accuracy after {arguments.steps} steps")
            for sampler in arguments.samplers:
                row, started = [], time.monotonic()
                for model in arguments.models:
                    runs = Path(folder) / "runs" / dataset
                    found = [
                        run(
                            shards, runs, model, sampler, expected, seed=seed, steps=arguments.steps
                        )
                        for seed in range(arguments.runs)
                    ]
                    row.append(f"{model} {spread(found)}")
                seconds = (time.monotonic() - started) / len(row) / arguments.runs
                print(f"  {sampler:<22}{'   '.join(row)}   {seconds:.0f} s a run", flush=True)


if __name__ == "__main__":
    main(tyro.cli(Arguments, description=__doc__))
