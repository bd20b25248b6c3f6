"""Forward and backward of the models on node features: distgnn against torch-geometric, in one run.

    python benchmarks/models.py                             # an hour
    python benchmarks/models.py --quick
    python benchmarks/models.py --cache /tmp/graphs --json models.json

Each model starts from the same weights on both sides and gets the same tensors, in turns, in one
process per model; once with glibc's default malloc and once with freed memory kept
(`distgnn.loader.tune_malloc`). One thread each, in CPU time. torch-geometric runs with
torch-scatter and torch-sparse installed.

`sampled` is a batch of our loader ([15, 10, 5] of 256 seeds, about 170k edges, three layers of
128 -> 256 features, a loss on the seeds), fed as edge_index, as a SparseTensor, and as what each
side's loader gives with the sizes of hops: CSC on ours, edge_index on the peer's. `full` is the
whole graph (two layers, a loss on all nodes), fed as edge_index, and as CSC on our side.

Expected: never slower; twice as fast for GCN, GraphSAGE (mean) and GIN, 1.5 times for GraphSAGE
(max), GAT and PNA; no more memory. The last column says where our time goes: products (of dense
matrices), edges (our kernels over the edges) or passes (elementwise, over fresh memory).
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import tyro
from _common import (
    MALLOCS,
    Arguments,
    Figure,
    Timed,
    generated_graph,
    graph_folder,
    in_turns,
    machine,
    median,
    open_graph,
    run_child,
    timed,
    write_json,
)
from rich.console import Console
from rich.table import Table

import distgnn.nn as ours
from distgnn.csc import CSC
from distgnn.loader import NodeLoader, tune_malloc
from distgnn.nn.ops import sparse_tensor_of_csc
from distgnn.samplers import NeighborSampler
from distgnn.schema import DEFAULT_EDGE_TYPE as EDGES

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

FANOUTS = [15, 10, 5]
NUM_SEEDS = 256
HIDDEN = 256
FULL_WIDTH = 64
WIDE_MESSAGES = ("GATv2", "PNA", "EdgeCNN")
"""Models of which the peer keeps several messages an edge: half the width on the full graph, so
that they fit into 24 GiB."""
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "GCN": ("GCN", {}),
    "GraphSAGE": ("GraphSAGE", {}),
    "GraphSAGE max": ("GraphSAGE", {"aggr": "max"}),
    "GIN": ("GIN", {}),
    "GAT": ("GAT", {"heads": 4}),
    "GATv2": ("GAT", {"heads": 4, "v2": True}),
    "PNA": (
        "PNA",
        {
            "aggregators": ["mean", "min", "max", "std"],
            "scalers": ["identity", "amplification", "attenuation"],
        },
    ),
    "EdgeCNN": ("EdgeCNN", {}),
}
TARGETS = {"GCN": 2.0, "GraphSAGE": 2.0, "GIN": 2.0, "GraphSAGE max": 1.5, "GAT": 1.5, "PNA": 1.5}
SPARSE = ("GCN", "GraphSAGE", "GraphSAGE max", "GIN")
"""Models for which torch-geometric has a fused path over a SparseTensor."""


@dataclass(frozen=True)
class Feed:
    """What both models are given."""

    x: Tensor
    edges: tuple[Callable[[], Any], Callable[[], Any]]
    """Make the edges anew, ours and the peer's: nothing is remembered from step to step."""
    hops: dict[str, list[int]]
    num_outputs: int
    """Rows that the loss reads."""


def sampled_feeds(arguments: Arguments, folder: Path) -> dict[str, Feed]:
    """Return the forms of a sampled batch."""
    graph = open_graph(generated_graph(arguments, folder, "range", 1))
    sampler = NeighborSampler(graph, FANOUTS, seed=1)
    seeds = torch.arange(NUM_SEEDS).numpy()
    loader = NodeLoader(graph, sampler, seeds, batch_size=NUM_SEEDS, num_threads=0)
    batch = next(iter(loader.epoch(0)))
    x, adj = batch.x.clone(), batch.adj
    indptr, indices = adj.indptr.clone(), adj.indices.clone()
    edge_index = batch.edge_index
    nodes, edges = batch.num_sampled_nodes_per_hop, batch.num_sampled_edges_per_hop
    hops = {"num_sampled_nodes_per_hop": nodes, "num_sampled_edges_per_hop": edges}

    def csc() -> CSC:
        return CSC(indptr, indices, x.size(0))

    def sparse() -> Any:
        return sparse_tensor_of_csc(csc().square())

    def plain() -> Tensor:
        return edge_index

    return {
        "edge_index": Feed(x, (plain, plain), {}, NUM_SEEDS),
        "SparseTensor": Feed(x, (sparse, sparse), {}, NUM_SEEDS),
        "loader, hops": Feed(x, (csc, plain), hops, NUM_SEEDS),
    }


def full_feeds(arguments: Arguments, folder: Path, width: int) -> dict[str, Feed]:
    """Return the forms of the whole graph, its edges in random order as edge_index."""
    graph = open_graph(generated_graph(arguments, folder, "range", 1))
    shard = graph.edges(EDGES, 0)
    indptr, indices = torch.tensor(shard.indptr), torch.tensor(shard.src)
    num_nodes = indptr.numel() - 1
    x = torch.randn(num_nodes, width, generator=torch.Generator().manual_seed(0))
    sorted_index = CSC(indptr, indices, num_nodes).edge_index()
    generator = torch.Generator().manual_seed(1)
    shuffled = sorted_index[:, torch.randperm(indices.numel(), generator=generator)]

    def csc() -> CSC:
        return CSC(indptr, indices, num_nodes)

    def plain() -> Tensor:
        return shuffled

    return {
        "edge_index": Feed(x, (plain, plain), {}, num_nodes),
        "CSC": Feed(x, (csc, plain), {}, num_nodes),
    }


def build(name: str, feed: Feed, hidden: int, num_layers: int) -> tuple[Any, Any]:
    """Return our model and the peer's with the same weights."""
    import torch_geometric.nn as peer

    cls, kwargs = MODELS[name]
    if cls == "PNA":
        degrees = torch.bincount(feed.edges[1]()[1], minlength=feed.x.size(0))
        kwargs = {**kwargs, "deg": torch.bincount(degrees)}
    sizes = (feed.x.size(1), hidden, num_layers, hidden)
    models = getattr(ours, cls)(*sizes, **kwargs), getattr(peer, cls)(*sizes, **kwargs)
    models[0].load_state_dict(models[1].state_dict())
    return models


def step(model: Any, feed: Feed, side: int) -> Callable[[], None]:
    """Return a training step without its optimizer."""

    def run() -> None:
        model.zero_grad()
        out = model(feed.x, feed.edges[side](), **feed.hops)
        out[: feed.num_outputs].sum().backward()

    return run


def peak_mib(run: Callable[[], None]) -> float:
    """Return how far a call raises the resident memory at its peak, MiB (Linux)."""
    before = _status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")
    run()
    return (_status("VmHWM") - before) / 1024


def _status(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field))


def shares(run: Callable[[], None]) -> dict[str, float]:
    """Return the shares of products, edges and passes in the CPU time of a call."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        run()
    found = {"products": 0.0, "edges": 0.0, "passes": 0.0}
    for event in profiler.key_averages():
        if any(word in event.key for word in ("mm", "linear")) and "distgnn" not in event.key:
            kind = "products"
        elif "distgnn" in event.key or "index" in event.key or "sort" in event.key:
            kind = "edges"
        else:
            kind = "passes"
        found[kind] += event.self_cpu_time_total
    total = sum(found.values())
    return {kind: time / total for kind, time in found.items()}


def measure(arguments: Arguments, workload: str, name: str, folder: Path) -> dict[str, Any]:
    """Measure a model on a workload in all forms."""
    if workload == "sampled":
        feeds, hidden, num_layers = sampled_feeds(arguments, folder), HIDDEN, 3
        rounds = arguments.rounds
    else:
        hidden = FULL_WIDTH // 2 if name in WIDE_MESSAGES else FULL_WIDTH
        feeds, num_layers = full_feeds(arguments, folder, hidden), 2
        rounds = max(arguments.rounds // 4, 2)
    figures = {}
    for form, feed in feeds.items():
        if form == "SparseTensor" and name not in SPARSE:
            continue
        models = build(name, next(iter(feeds.values())), hidden, num_layers)
        runs = [step(model, feed, side) for side, model in enumerate(models)]
        peaks = [peak_mib(run) for run in runs]

        def side_of(run: Callable[[], None]) -> Callable[[int], Timed]:
            return lambda _: timed(run, lambda _: 1.0)

        found = in_turns({"ours": side_of(runs[0]), "peer": side_of(runs[1])}, rounds, warm_up=1)
        pairs = list(zip(found["ours"], found["peer"], strict=True))
        figures[form] = {
            "ours_ms": 1e3 * median([a.cpu_s for a, _ in pairs]),
            "peer_ms": 1e3 * median([b.cpu_s for _, b in pairs]),
            "ratio": median([b.cpu_s / a.cpu_s for a, b in pairs]),
            "ours_peak_mib": peaks[0],
            "peer_peak_mib": peaks[1],
            "shares": shares(runs[0]),
        }
    return figures


def child(arguments: Arguments, folder: Path) -> None:
    """Make one measurement and print it."""
    warnings.simplefilter("ignore")  # torch-geometric and torch-sparse warn under this torch
    workload, name, malloc = str(arguments.child).split(":")
    torch.set_num_threads(1)
    if malloc == "tuned":
        tune_malloc()
    print(json.dumps(measure(arguments, workload, name, folder)))


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print the figures as a table."""
    table = Table(
        "workload", "model", "fed as", "ours, ms", "peer, ms", "ratio",
        "tuned malloc", "memory, ours / peer, MiB", "our time goes to",
    )  # fmt: skip
    for key, forms in results.items():
        workload, name, malloc = key.split(":")
        if malloc != "default":
            continue
        for form, figures in forms.items():
            tuned = results[f"{workload}:{name}:tuned"][form]
            parts = sorted(figures["shares"].items(), key=lambda part: -part[1])
            table.add_row(
                workload,
                name,
                form,
                f"{figures['ours_ms']:.0f}",
                f"{figures['peer_ms']:.0f}",
                f"{figures['ratio']:.2f}",
                f"{tuned['ratio']:.2f}",
                f"{figures['ours_peak_mib']:.0f} / {figures['peer_peak_mib']:.0f}",
                ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in parts),
            )
    Console(width=150).print(table)


def summarised(results: dict[str, dict[str, Any]]) -> list[Figure]:
    """Return the ratios and what was expected of them."""
    found = []
    for key, forms in results.items():
        name = key.split(":")[1]
        for form, figures in forms.items():
            target = 1.0 if form == "SparseTensor" else TARGETS.get(name, 1.0)
            what = f"{key.replace(':', ', ')} malloc, {form}"
            found += [
                Figure(
                    name=f"forward and backward, {what}",
                    value=figures["ratio"],
                    unit="x torch-geometric",
                    target=target,
                ),
                Figure(
                    name=f"room in memory, {what}",
                    value=figures["peer_peak_mib"] / max(figures["ours_peak_mib"], 1.0),
                    unit="x torch-geometric",
                    target=1.0,
                ),
            ]
    return found


def main() -> None:
    """Measure all models in turns and print the table."""
    defaults = Arguments(nodes=200_000, edges=4_000_000, rounds=8)
    arguments = tyro.cli(Arguments, default=defaults, description=__doc__).sized()
    with graph_folder(arguments) as folder:
        if arguments.child is not None:
            child(arguments, folder)
            return
        generated_graph(arguments, folder, "range", 1)
        results: dict[str, dict[str, Any]] = {}
        for workload in ("sampled", "full"):
            for name in MODELS:
                for malloc in MALLOCS:
                    key = f"{workload}:{name}:{malloc}"
                    results[key] = run_child(__file__, arguments, key, folder)
                    ratios = {form: round(f["ratio"], 2) for form, f in results[key].items()}
                    print(key, ratios, flush=True)
    show(results)
    write_json(arguments.json, summarised(results), {"machine": machine(), **results})


if __name__ == "__main__":
    main()
