"""An epoch of training on the CPU: distgnn against torch-geometric, in one run.

    python benchmarks/epoch.py                      # 200k nodes, 4M edges, 100k seeds: about an
    hour python benchmarks/epoch.py --quick              # a tenth of it: minutes
    python benchmarks/epoch.py --json epoch.json

3-layer GraphSAGE, hidden 256, fanouts [15, 10, 5], 1024 seeds a batch, Adam, on a generated graph
with 128 features. Both sides start from the same weights and visit seeds in the same order; each
samples its own neighbours. torch-geometric: `NeighborLoader` with torch-sparse in a worker process,
its GraphSAGE with layer trimming. Its loader does not say how many nodes each hop has, so that is
counted here, outside the measured time, and given to its model. Each engine runs with glibc's
default malloc and with freed memory kept (`distgnn.loader.tune_malloc`), in a fresh process each,
in turns. Expected: distgnn at least twice as fast, waiting for its loader under 5% of the time.
"""

from __future__ import annotations

import dataclasses
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import pyarrow as pa
import torch
import tyro
from _common import Figure, write_json
from rich.console import Console
from rich.table import Table

from distgnn.datasets.generate import generate
from distgnn.loader import tune_malloc
from distgnn.loader.seed_order import shuffled
from distgnn.partition.pipeline import partition_graph
from distgnn.schema import DEFAULT_EDGE_TYPE, DEFAULT_NODE_TYPE
from distgnn.shards.reader import ShardedGraph
from distgnn.tasks.node_classification import NodeClassification
from distgnn.train.config import (
    EvaluationConfig,
    LoaderConfig,
    ModelConfig,
    OptimizerConfig,
    RunConfig,
    SamplerConfig,
    TrainConfig,
)
from distgnn.train.logs import read_records
from distgnn.train.models import build_model
from distgnn.train.rng import seed_generators
from distgnn.train.run import train

FANOUTS = (15, 10, 5)
HIDDEN = 256
FEATURES = 128
CLASSES = 16
LEARNING_RATE = 0.003
SEED = 0

Engine = Literal["distgnn", "torch-geometric"]
Malloc = Literal["default", "tuned"]


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What to measure."""

    nodes: int = 200_000
    edges: int = 4_000_000
    seeds: int = 100_000
    batch_size: int = 1024
    rounds: int = 1
    """Measurements of each engine and malloc setting, in turns; the median counts."""
    threads: int = 2
    """Threads of torch, on both sides."""
    quick: bool = False
    """A tenth of the graph and of the seeds."""
    json: Path | None = None
    """Also write the figures to this file."""
    child: tuple[Engine, Malloc, Path] | None = None
    """Used by the benchmark itself: measure one epoch and print it as JSON."""


def make_graph(arguments: Arguments, folder: Path) -> None:
    """Write the graph as one part, with exactly `seeds` training nodes and no others in a split."""
    raw = generate(
        arguments.nodes,
        arguments.edges,
        num_features=FEATURES,
        num_classes=CLASSES,
        num_communities=64,
        seed=SEED,
    )
    split = np.full(arguments.nodes, -1, np.int8)
    split[np.random.default_rng(SEED).permutation(arguments.nodes)[: arguments.seeds]] = 0
    nodes = raw.nodes[DEFAULT_NODE_TYPE]
    place = nodes.column_names.index("split")
    nodes = nodes.set_column(place, nodes.schema.field("split"), pa.array(split))
    raw = dataclasses.replace(raw, nodes={DEFAULT_NODE_TYPE: nodes})
    partition_graph(raw, folder, num_parts=1, method="range", progress=False)


def run_config(arguments: Arguments, folder: Path, run_dir: Path) -> RunConfig:
    """Return the run that distgnn is measured on; the peer takes its numbers from it."""
    return RunConfig(
        graph=folder,
        run_dir=run_dir,
        seed=SEED,
        model=ModelConfig(name="GraphSAGE", hidden_channels=HIDDEN),
        sampler=SamplerConfig(fanouts=FANOUTS),
        loader=LoaderConfig(batch_size=arguments.batch_size, num_threads=1, prefetch=4),
        optimizer=OptimizerConfig(lr=LEARNING_RATE),
        train=TrainConfig(epochs=1, log_every=1, device="cpu", tune_malloc=False),
        evaluation=EvaluationConfig(every_epochs=0),
    )


def measure_distgnn(arguments: Arguments, folder: Path) -> dict[str, Any]:
    """Train for an epoch with `distgnn.train.run.train`."""
    with tempfile.TemporaryDirectory() as run_dir:
        config = run_config(arguments, folder, Path(run_dir) / "run")
        used = cpu_seconds()
        train(config, progress=False)
        used = cpu_seconds() - used
        records = list(read_records(config.run_dir / "metrics.jsonl"))
    epoch = next(record for record in records if record["kind"] == "epoch")
    return {
        "seconds": epoch["seconds"],
        "cpu_seconds": used,
        "losses": [record["loss"] for record in records if record["kind"] == "step"],
        "wait": epoch["train/loader_wait"],
        "edges_per_s": epoch["train/edges_per_s"],
    }


def measure_peer(arguments: Arguments, folder: Path) -> dict[str, Any]:
    """Train for an epoch with torch-geometric, the same weights and the same order of seeds."""
    from torch_geometric.data import Data
    from torch_geometric.loader import NeighborLoader
    from torch_geometric.nn import GraphSAGE

    graph = ShardedGraph.open(folder)
    task = NodeClassification(graph)
    config = run_config(arguments, folder, folder)
    seed_generators(SEED)
    ours, _ = build_model(config.model, num_layers=3, from_graph=task.model_arguments())
    model = GraphSAGE(FEATURES, HIDDEN, 3, CLASSES)
    model.load_state_dict(ours.state_dict())
    seeds = task.seeds("train")
    seeds = seeds[shuffled(len(seeds), seed=SEED, epoch=0)]
    edges = graph.edges(DEFAULT_EDGE_TYPE, 0)
    targets = np.repeat(np.arange(arguments.nodes), np.diff(edges.indptr))
    data = Data(
        x=torch.from_numpy(graph.column(DEFAULT_NODE_TYPE, "x").copy()),
        y=torch.from_numpy(graph.column(DEFAULT_NODE_TYPE, "y").copy()),
        edge_index=torch.from_numpy(np.stack([edges.src, targets])),
    )
    loader = NeighborLoader(
        data,
        list(FANOUTS),
        input_nodes=torch.from_numpy(seeds),
        batch_size=arguments.batch_size,
        num_workers=1,
        persistent_workers=True,
    )
    return _peer_epoch(model, loader)


def _peer_epoch(model: torch.nn.Module, loader: Any) -> dict[str, Any]:
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    losses, wait, not_counted, num_edges = [], 0.0, 0.0, 0
    model.train()
    batches = iter(loader)
    used = cpu_seconds()
    started = asked = time.perf_counter()
    for batch in batches:
        arrived = time.perf_counter()
        wait += arrived - asked
        nodes, edges = hop_sizes(batch.edge_index, batch.batch_size, len(FANOUTS))
        not_counted += time.perf_counter() - arrived
        output = model(
            batch.x,
            batch.edge_index,
            num_sampled_nodes_per_hop=nodes,
            num_sampled_edges_per_hop=edges,
        )[: batch.batch_size]
        loss = torch.nn.functional.cross_entropy(output, batch.y[: batch.batch_size])
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        num_edges += sum(edges)
        asked = time.perf_counter()
    seconds = asked - started - not_counted
    return {
        "seconds": seconds,
        "cpu_seconds": cpu_seconds() - used,
        "losses": losses,
        "wait": wait / seconds,
        "edges_per_s": num_edges / seconds,
    }


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its workers, in seconds."""
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return float(sum(time.user + time.system for time in times))


def hop_sizes(
    edge_index: torch.Tensor, num_seeds: int, num_hops: int
) -> tuple[list[int], list[int]]:
    """Return the nodes and edges of each hop of a batch whose nodes are in order of first visit."""
    src, dst = edge_index
    nodes, edges = [num_seeds], []
    num_nodes, num_edges = num_seeds, 0
    for _ in range(num_hops):
        end = int(torch.searchsorted(dst, num_nodes))
        reached = (
            max(num_nodes, int(src[num_edges:end].max()) + 1) if end > num_edges else num_nodes
        )
        edges.append(end - num_edges)
        nodes.append(reached - num_nodes)
        num_nodes, num_edges = reached, end
    return nodes, edges


def run_child(arguments: Arguments, engine: Engine, malloc: Malloc, folder: Path) -> dict[str, Any]:
    """Measure in a fresh process."""
    words = [sys.executable, __file__, "--child", engine, malloc, str(folder)]
    for name in ("nodes", "edges", "seeds", "batch_size", "threads"):
        words += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def child(arguments: Arguments, engine: Engine, malloc: Malloc, folder: Path) -> None:
    """Measure an epoch and print it."""
    torch.set_num_threads(arguments.threads)
    if malloc == "tuned":
        tune_malloc()
    measure = measure_distgnn if engine == "distgnn" else measure_peer
    print(json.dumps(measure(arguments, folder)))


def summarise(results: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the medians and ratios of all rounds."""
    seconds, cpu, wait = (
        {key: statistics.median(run[name] for run in runs) for key, runs in results.items()}
        for name in ("seconds", "cpu_seconds", "wait")
    )
    last = {key: statistics.mean(results[key][0]["losses"][-10:]) for key in results}
    return {
        "seconds": seconds,
        "cpu_seconds": cpu,
        "loader_wait": wait,
        "loss_of_last_10_batches": last,
        "ratio": {
            malloc: seconds[f"torch-geometric {malloc}"] / seconds[f"distgnn {malloc}"]
            for malloc in ("default", "tuned")
        },
        "cpu_ratio": {
            malloc: cpu[f"torch-geometric {malloc}"] / cpu[f"distgnn {malloc}"]
            for malloc in ("default", "tuned")
        },
        "ratio_ours_tuned_to_peer_default": (
            seconds["torch-geometric default"] / seconds["distgnn tuned"]
        ),
        "largest_gap_between_loss_curves": largest_gap(
            results["distgnn tuned"][0]["losses"], results["torch-geometric tuned"][0]["losses"]
        ),
    }


def largest_gap(ours: list[float], peer: list[float], window: int = 10) -> float:
    """Return the largest difference between two curves of means over `window` batches."""
    means = [
        [statistics.mean(curve[i : i + window]) for i in range(0, len(curve), window)]
        for curve in (ours, peer)
    ]
    return float(max(abs(a - b) for a, b in zip(*means, strict=True)))


def show(summary: dict[str, Any], results: dict[str, list[dict[str, Any]]]) -> None:
    """Print the figures as tables."""
    console = Console(width=100)
    table = Table("engine, malloc", "epoch, s", "CPU s", "wait, %", "M edges/s", "last loss")
    for key, runs in results.items():
        table.add_row(
            key,
            f"{summary['seconds'][key]:.1f}",
            f"{summary['cpu_seconds'][key]:.1f}",
            f"{100 * summary['loader_wait'][key]:.1f}",
            f"{runs[0]['edges_per_s'] / 1e6:.2f}",
            f"{summary['loss_of_last_10_batches'][key]:.4f}",
        )
    console.print(table)
    for malloc, ratio in summary["ratio"].items():
        console.print(
            f"torch-geometric / distgnn, {malloc} malloc: {ratio:.2f} in time, "
            f"{summary['cpu_ratio'][malloc]:.2f} in CPU time"
        )
    console.print(
        "torch-geometric as installed / distgnn as installed (tuned): "
        f"{summary['ratio_ours_tuned_to_peer_default']:.2f}\n"
        "largest gap between the loss curves (means of 10 batches): "
        f"{summary['largest_gap_between_loss_curves']:.4f}"
    )


def figures_of(summary: dict[str, Any]) -> list[Figure]:
    """Return what the table says, with the targets."""
    ratios = [
        Figure(name=f"epoch, {malloc} malloc", value=ratio, unit="x torch-geometric", target=2)
        for malloc, ratio in summary["ratio"].items()
    ]
    waits = [
        Figure(
            name=f"waiting for the loader, {key}",
            value=100 * share,
            unit="% of the epoch",
            target=5,
            at_most=True,
        )
        for key, share in summary["loader_wait"].items()
        if key.startswith("distgnn")
    ]
    return [*ratios, *waits]


def main() -> None:
    """Measure all in turns and print the table."""
    arguments = tyro.cli(Arguments, description=__doc__)
    if arguments.child is not None:
        child(arguments, *arguments.child)
        return
    if arguments.quick:
        arguments = dataclasses.replace(
            arguments, nodes=20_000, edges=400_000, seeds=10_000, batch_size=512
        )
    results: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        graph = Path(folder) / "graph"
        make_graph(arguments, graph)
        for _ in range(arguments.rounds):
            for malloc in ("default", "tuned"):
                for engine in ("torch-geometric", "distgnn"):
                    found = run_child(arguments, engine, malloc, graph)
                    results.setdefault(f"{engine} {malloc}", []).append(found)
    summary = summarise(results)
    show(summary, results)
    write_json(arguments.json, figures_of(summary), {"summary": summary, "runs": results})


if __name__ == "__main__":
    main()
