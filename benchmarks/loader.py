"""Mini-batches per second with features: distgnn against torch-geometric, in one run.

    python benchmarks/loader.py                            # 1M nodes, 20M edges: several minutes
    python benchmarks/loader.py --quick
    python benchmarks/loader.py --cache /tmp/graphs --json loader.json

Seeds per second, with neighbours [15, 10, 5], 1024 seeds a batch and 128 float32 features gathered,
on a generated power-law graph. The peer is torch-geometric's `NeighborLoader` on torch-sparse with
`num_workers=0`; ours makes batches in the caller's thread as well (`num_threads=0`). Both take
turns in one process; once with glibc's default malloc and once with freed memory kept, in a process
each. Then the speed of the gather alone, and what it costs to open the shards. Expected: at least
20 times the peer; opening under 50 ms and without a copy.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import torch
import tyro
from _common import (
    MALLOCS,
    NUM_FEATURES,
    Arguments,
    Figure,
    Timed,
    generated_graph,
    graph_folder,
    in_turns,
    machine,
    median,
    median_ratio,
    open_graph,
    rates,
    run_child,
    timed,
    write_json,
)
from rich.console import Console
from rich.table import Table

from distgnn.loader import NodeLoader, tune_malloc
from distgnn.samplers import BufferPool, NeighborSampler, NodeRows
from distgnn.schema import DEFAULT_EDGE_TYPE as EDGES
from distgnn.schema import DEFAULT_NODE_TYPE as NODES
from distgnn.shards import ShardedGraph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FANOUTS = [15, 10, 5]
BATCH_SIZE = 1024


def next_batch(batches: Iterator[Any]) -> Callable[[int], Timed]:
    """Return what takes the next batch of an epoch and counts its seeds."""
    return lambda _: timed(lambda: next(batches), lambda batch: batch.batch_size)


def ours(graph: ShardedGraph, num_threads: int) -> Iterator[Any]:
    """Return an epoch over all nodes with distgnn."""
    return NodeLoader(
        graph,
        NeighborSampler(graph, FANOUTS),
        np.arange(graph.num_nodes(NODES)),
        batch_size=BATCH_SIZE,
        shuffle=True,
        num_threads=num_threads,
    ).epoch(0)


def peer(graph: ShardedGraph) -> Iterator[Any]:
    """Return an epoch over all nodes with torch-geometric."""
    from torch_geometric.data import Data
    from torch_geometric.loader import NeighborLoader

    edges = graph.edges(EDGES, 0)
    targets = np.repeat(np.arange(edges.num_dst), np.diff(edges.indptr))
    data = Data(
        x=torch.from_numpy(graph.column(NODES, "x").copy()),
        y=torch.from_numpy(graph.column(NODES, "y").copy()),
        edge_index=torch.from_numpy(np.stack([edges.src, targets])),
    )
    return iter(NeighborLoader(data, FANOUTS, batch_size=BATCH_SIZE, shuffle=True, num_workers=0))


def against_peer(arguments: Arguments, graph: ShardedGraph) -> dict[str, Any]:
    """Measure ours and the peer in turns."""
    sides = {"ours": next_batch(ours(graph, num_threads=0)), "peer": next_batch(peer(graph))}
    found = in_turns(sides, arguments.rounds)
    return {
        "ours_seeds_per_s": median(rates(found["ours"])),
        "peer_seeds_per_s": median(rates(found["peer"])),
        "ratio": median_ratio(found["ours"], found["peer"]),
        "ours_ms_per_batch": 1e3 * median([result.cpu_s for result in found["ours"]]),
        "peer_ms_per_batch": 1e3 * median([result.cpu_s for result in found["peer"]]),
    }


def threads(arguments: Arguments, graph: ShardedGraph) -> dict[str, float]:
    """Measure seeds per second by wall clock with 0, 1 and 2 threads; the best of five counts."""
    num_batches = 2 * arguments.rounds

    def run(num_threads: int) -> float:
        batches = ours(graph, num_threads)
        for _ in range(4):
            next(batches)
        started = time.perf_counter()
        num_seeds: int = sum(next(batches).batch_size for _ in range(num_batches))
        return num_seeds / (time.perf_counter() - started)

    best: dict[str, float] = {}
    for _ in range(5):
        for num_threads in (0, 1, 2):
            name = f"{num_threads}_threads_seeds_per_s"
            best[name] = max(best.get(name, 0.0), run(num_threads))
    return best


def gather(arguments: Arguments, graph: ShardedGraph) -> dict[str, float]:
    """Measure the gather of features alone beside a plain copy of as many bytes, GB written/s."""
    ids = np.random.default_rng(0).permutation(graph.num_nodes(NODES))[:300_000]
    rows = NodeRows(graph, NODES, "x", BufferPool())
    num_bytes = 4.0 * len(ids) * NUM_FEATURES
    source, target = (np.ones(int(num_bytes), np.uint8) for _ in range(2))
    x = torch.utils.dlpack.from_dlpack(graph.nodes(NODES, 0).x)
    out, index = torch.empty(len(ids), NUM_FEATURES), torch.from_numpy(ids)
    sides: dict[str, Callable[[int], Timed]] = {
        "gather": lambda _: timed(lambda: rows.gather(ids), lambda _: num_bytes),
        "index_select into a warm tensor": lambda _: timed(
            lambda: torch.index_select(x, 0, index, out=out), lambda _: num_bytes
        ),
        "index_select into a new tensor": lambda _: timed(lambda: x[index], lambda _: num_bytes),
        "plain copy": lambda _: timed(lambda: np.copyto(target, source), lambda _: num_bytes),
    }
    found = in_turns(sides, arguments.rounds)
    return {name: median(rates(results)) / 1e9 for name, results in found.items()}


def opening(path: Path) -> dict[str, float]:
    """Measure what opening costs: time, and growth of resident memory against the files' size."""
    # The first call of pyarrow in a process costs 0.3 s, whatever it opens.
    ShardedGraph.open(path)
    process = psutil.Process()
    before, started = process.memory_info().rss, time.perf_counter()
    graph = ShardedGraph.open(path)
    for part in range(graph.num_parts):
        graph.nodes(NODES, part), graph.edges(EDGES, part)
    seconds = time.perf_counter() - started
    num_bytes = sum(file.stat().st_size for file in path.rglob("*.arrow"))
    return {
        "ms": 1e3 * seconds,
        "files_mib": num_bytes / 2**20,
        "rss_growth_mib": (process.memory_info().rss - before) / 2**20,
        "rss_growth_percent": 100 * (process.memory_info().rss - before) / num_bytes,
    }


def child(arguments: Arguments, folder: Path) -> dict[str, Any]:
    """Make the measurement that the parent asked for."""
    torch.set_num_threads(1)
    path = generated_graph(arguments, folder, "range", 1)
    match arguments.child:
        case "opening":
            return opening(path)
        case "default" | "tuned":
            if arguments.child == "tuned":
                tune_malloc()
            return against_peer(arguments, open_graph(path))
        case "threads":
            return threads(arguments, open_graph(path))
        case _:
            return gather(arguments, open_graph(path))


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    console = Console(width=100)
    console.print(figures["machine"])
    table = Table("malloc", "distgnn, seeds/CPU s", "NeighborLoader", "ratio", "ms a batch, both")
    for malloc in MALLOCS:
        found = figures[malloc]
        table.add_row(
            malloc,
            f"{found['ours_seeds_per_s']:,.0f}",
            f"{found['peer_seeds_per_s']:,.0f}",
            f"{found['ratio']:.1f}",
            f"{found['ours_ms_per_batch']:.1f}, {found['peer_ms_per_batch']:.1f}",
        )
    console.print(table)
    table = Table("rows of 128 float32", "GB/s")
    for name, rate in figures["gather"].items():
        table.add_row(name, f"{rate:.1f}")
    console.print(table)
    for name, rate in figures["threads"].items():
        console.print(f"{name}: {rate:,.0f} (wall clock)")
    console.print("opening:", figures["opening"])


def results(figures: dict[str, Any]) -> list[Figure]:
    """Return what the tables say, with the targets."""
    threads, opening = figures["threads"], figures["opening"]
    return [
        *(
            Figure(
                name=f"seeds with features per CPU second, {malloc} malloc",
                value=figures[malloc]["ratio"],
                unit="x NeighborLoader",
                peer=figures[malloc]["peer_seeds_per_s"],
                target=20,
            )
            for malloc in MALLOCS
        ),
        Figure(
            name="two loader threads",
            value=threads["2_threads_seeds_per_s"] / threads["1_threads_seeds_per_s"],
            unit="x one thread, wall clock",
            target=1.7,
        ),
        Figure(name="opening", value=opening["ms"], unit="ms", target=50, at_most=True),
        Figure(
            name="resident memory after opening",
            value=opening["rss_growth_percent"],
            unit="% of the files",
            target=5,
            at_most=True,
        ),
    ]


def main() -> None:
    """Measure all and print the tables."""
    arguments = tyro.cli(Arguments, description=__doc__).sized()
    with graph_folder(arguments) as folder:
        if arguments.child is not None:
            print(json.dumps(child(arguments, folder)))
            return
        figures: dict[str, Any] = {"machine": machine()}
        generated_graph(arguments, folder, "range", 1)
        for name in (*MALLOCS, "threads", "gather", "opening"):
            figures[name] = run_child(__file__, arguments, name, folder)
        figures["machine"]["load_after"] = os.getloadavg()[0]
    show(figures)
    write_json(arguments.json, results(figures), figures)


if __name__ == "__main__":
    main()
