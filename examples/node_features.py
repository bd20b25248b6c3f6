"""GraphSAGE, GAT, GIN, PNA and EdgeCNN on Amazon Computers, trained on sampled batches.

    python examples/node_features.py
    python examples/node_features.py --dataset coauthor_physics --runs 3

With the settings of `examples/amazon_computers.toml` (`coauthor_physics.toml`), but for those in
`SETTINGS`: two layers, neighbours drawn for 20 training nodes a class. Published for training on
the whole graph, over random splits of this kind (Shchur et al. 2018,
https://arxiv.org/abs/1811.05868, table 1):

    Amazon Computers   GraphSAGE-mean 82.4 ± 1.8, GAT 78.0 ± 19.0
    Coauthor Physics   GraphSAGE-mean 93.0 ± 0.8, GAT 92.5 ± 0.9

There is no published figure for the others. GCN is left to `examples/gcn.py` and
`examples/subgraphs.py`: it divides by degrees, which nodes of a sampled batch's last hop lack.
EdgeCNN takes the maximum over differences of features, which suits points in space better than bags
of words.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import tyro
from support import DATA, compare, spread

from distgnn.datasets import load
from distgnn.partition.pipeline import partition_graph
from distgnn.train import load_config
from distgnn.train.run import train

if TYPE_CHECKING:
    from distgnn.tables import RawGraph
    from distgnn.train.config import RunConfig

PUBLISHED = {
    "amazon_computers": {"GraphSAGE": "82.4 ± 1.8", "GAT": "78.0 ± 19.0"},
    "coauthor_physics": {"GraphSAGE": "93.0 ± 0.8", "GAT": "92.5 ± 0.9"},
}
SAMPLED = {"fanouts": None}
"""Evaluation on as many neighbours as in training, for models whose sums grow with their number."""
SETTINGS: dict[str, dict[str, dict[str, Any]]] = {
    "GIN": {"model": {"norm": "batch_norm"}, "evaluation": SAMPLED},
    "PNA": {
        "model": {"hidden_channels": 64, "norm": "batch_norm"},
        "optimizer": {"lr": 0.001},
        "evaluation": SAMPLED,
    },
    "EdgeCNN": {
        "model": {"hidden_channels": 64, "dropout": 0.0, "norm": "batch_norm"},
        "evaluation": SAMPLED,
    },
}
"""Settings of single models, by section of the configuration."""
MODELS = ("GraphSAGE", "GAT", "GIN", "PNA", "EdgeCNN")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Which graph, which models, and how often."""

    dataset: Literal["amazon_computers", "coauthor_physics"] = "amazon_computers"
    """The graph."""
    models: tuple[str, ...] = field(default=MODELS)
    """Classes in `distgnn.nn`."""
    data: Path = DATA
    """Folder of the datasets that do not ship with distgnn."""
    runs: int = 5
    """Runs of each model, each with its own seed."""


def options(name: str, graph: RawGraph, fanout: int) -> dict[str, Any]:
    """Return what a model's constructor takes besides the settings of all."""
    if name == "GAT":
        return {"heads": 8}
    if name == "PNA":
        targets = next(iter(graph.edges.values()))["dst"].to_numpy()
        degrees = np.bincount(targets, minlength=graph.num_nodes("node")).clip(max=fanout)
        return {
            "aggregators": ["mean", "min", "max", "std"],
            "scalers": ["identity", "amplification", "attenuation"],
            "deg": np.bincount(degrees).tolist(),
        }
    return {}


def settings(config: RunConfig, name: str, model_options: dict[str, Any]) -> RunConfig:
    """Return the configuration of one model."""
    sections = {
        section: dataclasses.replace(getattr(config, section), **values)
        for section, values in SETTINGS.get(name, {}).items()
    }
    model = dataclasses.replace(
        sections.pop("model", config.model), name=name, options=model_options
    )
    return dataclasses.replace(config, model=model, **sections)


def main() -> None:
    """Train every model from several seeds."""
    args = tyro.cli(Arguments, description=__doc__)
    config = load_config(Path(__file__).with_name(f"{args.dataset}.toml"))
    graph = load(args.dataset, args.data)
    fanouts = config.sampler.fanouts
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        shards = Path(folder) / "shards"
        partition_graph(graph, shards, num_parts=4, progress=False)
        for name in args.models:
            largest = max(fanouts) if isinstance(fanouts, tuple) else 10
            adapted = settings(config, name, options(name, graph, largest))
            found, started = [], time.monotonic()
            for seed in range(args.runs):
                run = dataclasses.replace(
                    adapted, graph=shards, run_dir=Path(folder) / f"{name}-{seed}", seed=seed
                )
                found.append(100 * train(run, progress=False).test["accuracy"])
            seconds = (time.monotonic() - started) / args.runs
            print(f"{name}: {spread(found)}, {seconds:.0f} s a run", flush=True)
            rows.append((name, spread(found), PUBLISHED[args.dataset].get(name, "")))
    compare(f"{args.dataset}, test accuracy in %", rows)


if __name__ == "__main__":
    main()
