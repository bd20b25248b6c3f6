"""Sampled edges per CPU second: distgnn against torch-sparse, in one run.

    python benchmarks/samplers.py                            # 1M nodes, 20M edges: a few minutes
    python benchmarks/samplers.py --quick
    python benchmarks/samplers.py --cache /tmp/graphs --json samplers.json

Neighbours [15, 10, 5] of 1024 seeds, uniform without replacement, one thread, on a generated
power-law graph. The peer is `torch.ops.torch_sparse.neighbor_sample`, the engine of
torch-geometric's `NeighborLoader` without pyg-lib, on the same mapped arrays. Both take turns in
one process, so each finds the caches as the other left them; once with glibc's default malloc and
once with freed memory kept (`distgnn.loader.tune_malloc`), in a process each. Then: two threads
against one, other ways to run our sampler, and the physical limit: visits of cache lines times what
a random visit costs on this machine. Expected: at least 35 times the peer, two threads at least 1.7
times one.
"""

from __future__ import annotations

import json
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
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
    median_ratio,
    open_graph,
    random_access_ns,
    rates,
    run_child,
    timed,
    write_json,
)
from rich.console import Console
from rich.table import Table

from distgnn.loader import tune_malloc
from distgnn.samplers import NeighborSampler
from distgnn.schema import DEFAULT_EDGE_TYPE as EDGES
from distgnn.schema import DEFAULT_NODE_TYPE as NODES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from distgnn.shards import ShardedGraph

FANOUTS = [15, 10, 5]
NUM_SEEDS = 1024


def seeds_of(graph: ShardedGraph, batch: int) -> npt.NDArray[np.int64]:
    """Return the seeds of a batch, the same on both sides."""
    rng = np.random.default_rng(batch)
    return rng.choice(graph.num_nodes(NODES), NUM_SEEDS, replace=False)


def ours(sampler: NeighborSampler) -> Callable[[int], Timed]:
    """Return what samples a batch with distgnn."""

    def measure(batch: int) -> Timed:
        seeds = seeds_of(sampler.graph, batch)
        return timed(
            lambda: sampler.sample(seeds, epoch=0, batch=batch),
            lambda found: len(found.edges[EDGES].indices),
        )

    return measure


def peer(graph: ShardedGraph) -> Callable[[int], Timed]:
    """Return what samples a batch with torch-sparse, on the same memory."""
    import torch_sparse  # noqa: F401 (registers the operator)

    edges = graph.edges(EDGES, 0)
    colptr, row = (torch.utils.dlpack.from_dlpack(array) for array in (edges.indptr, edges.src))

    def measure(batch: int) -> Timed:
        seeds = torch.from_numpy(seeds_of(graph, batch))
        return timed(
            lambda: torch.ops.torch_sparse.neighbor_sample(
                colptr, row, seeds, FANOUTS, False, True
            ),
            lambda found: found[1].numel(),
        )

    return measure


def against_peer(arguments: Arguments, graph: ShardedGraph) -> dict[str, Any]:
    """Measure ours and the peer in turns."""
    sides = {"ours": ours(NeighborSampler(graph, FANOUTS)), "peer": peer(graph)}
    found = in_turns(sides, arguments.rounds)
    return {
        "ours_edges_per_cpu_s": median(rates(found["ours"])),
        "peer_edges_per_cpu_s": median(rates(found["peer"])),
        "ratio": median_ratio(found["ours"], found["peer"]),
        "edges_per_batch": median([result.amount for result in found["ours"]]),
    }


def variants(arguments: Arguments, graphs: dict[str, ShardedGraph]) -> dict[str, float]:
    """Measure ways to run our sampler, in turns; edges per CPU second."""
    from distgnn.samplers import khop

    default_bytes = khop.MAX_TABLE_BYTES
    samplers = {name: NeighborSampler(graph, FANOUTS) for name, graph in graphs.items()}
    one_part = next(iter(graphs.values()))
    samplers["with replacement"] = NeighborSampler(one_part, FANOUTS, replace=True)
    khop.MAX_TABLE_BYTES = 0
    samplers["hash table"] = NeighborSampler(one_part, FANOUTS)
    khop.MAX_TABLE_BYTES = default_bytes
    found = in_turns({name: ours(sampler) for name, sampler in samplers.items()}, arguments.rounds)
    return {name: median(rates(results)) for name, results in found.items()}


def threads(arguments: Arguments, graph: ShardedGraph) -> dict[str, float]:
    """Measure what a second thread brings, by wall clock; the best of several runs counts."""
    sampler = NeighborSampler(graph, FANOUTS)
    two_in_a_batch = NeighborSampler(graph, FANOUTS, num_threads=2)
    batches = [seeds_of(graph, batch) for batch in range(4 * arguments.rounds)]

    def run(used: NeighborSampler, num_threads: int) -> float:
        with ThreadPoolExecutor(num_threads) as pool:
            started = time.perf_counter()
            for future in [
                pool.submit(used.sample, seeds, epoch=0, batch=batch)
                for batch, seeds in enumerate(batches)
            ]:
                future.result()
            return time.perf_counter() - started

    times = [(run(sampler, 1), run(sampler, 2), run(two_in_a_batch, 1)) for _ in range(5)]
    one, two, within = (min(column) for column in zip(*times, strict=True))
    return {"two_batches_at_once": one / two, "two_threads_in_a_batch": one / within}


def physical_limit(graph: ShardedGraph) -> dict[str, float]:
    """Count the cache lines that a batch visits, and measure what a random visit costs."""
    found = NeighborSampler(graph, FANOUTS).sample(seeds_of(graph, 0), epoch=0, batch=0)
    edges, nodes = found.edges[EDGES], found.nodes[NODES]
    rows = len(edges.indptr) - 1
    row = np.repeat(np.arange(rows), np.diff(edges.indptr))
    # Eight ids of 8 bytes share a line. Picks of one node often share lines; the table of local
    # ids is visited for every edge, its lines are fetched once.
    lines = {
        "sources": len(np.unique(row * (1 << 40) + edges.position // 8)),
        "bounds_and_index": 2 * rows,
        "local_ids": len(np.unique(nodes // 8)),
    }
    visits = sum(lines.values())
    visit_ns = random_access_ns(8 * graph.num_edges(EDGES))
    limit = len(edges.indices) / (visits * visit_ns * 1e-9)
    return {
        **lines,
        "lines_per_batch": visits,
        "visit_ns": visit_ns,
        "limit_edges_per_cpu_s": limit,
    }


def child(arguments: Arguments, folder: Path) -> dict[str, Any]:
    """Make the measurement that the parent asked for."""
    torch.set_num_threads(1)
    graph = open_graph(generated_graph(arguments, folder, "range", 1))
    match arguments.child:
        case "default" | "tuned":
            if arguments.child == "tuned":
                tune_malloc()
            return against_peer(arguments, graph)
        case "variants":
            eight = open_graph(generated_graph(arguments, folder, "hash", 8))
            return variants(arguments, {"one part": graph, "8 parts by hash": eight})
        case "threads":
            return threads(arguments, graph)
        case _:
            return physical_limit(graph)


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    console = Console(width=100)
    console.print(figures["machine"])
    table = Table("malloc", "distgnn, M edges/CPU s", "torch-sparse", "ratio", "edges a batch")
    for malloc in MALLOCS:
        found = figures[malloc]
        table.add_row(
            malloc,
            f"{found['ours_edges_per_cpu_s'] / 1e6:.1f}",
            f"{found['peer_edges_per_cpu_s'] / 1e6:.2f}",
            f"{found['ratio']:.1f}",
            f"{found['edges_per_batch']:,.0f}",
        )
    console.print(table)
    table = Table("ours, in turns with one another", "M edges/CPU s")
    for name, rate in figures["variants"].items():
        table.add_row(name, f"{rate / 1e6:.1f}")
    console.print(table)
    two, limit = figures["threads"], figures["limit"]
    console.print(
        f"two threads / one, by wall clock: {two['two_batches_at_once']:.2f} with a batch each, "
        f"{two['two_threads_in_a_batch']:.2f} within a batch\n"
        f"physical limit: {limit['lines_per_batch']:,} cache lines a batch x "
        f"{limit['visit_ns']:.1f} ns = {limit['limit_edges_per_cpu_s'] / 1e6:.0f} M edges/CPU s"
    )


def results(figures: dict[str, Any]) -> list[Figure]:
    """Return what the tables say, with the targets."""
    return [
        *(
            Figure(
                name=f"sampled edges per CPU second, {malloc} malloc",
                value=figures[malloc]["ratio"],
                unit="x torch-sparse",
                peer=figures[malloc]["peer_edges_per_cpu_s"],
                target=35,
            )
            for malloc in MALLOCS
        ),
        Figure(
            name="two threads, a batch each",
            value=figures["threads"]["two_batches_at_once"],
            unit="x one thread, wall clock",
            target=1.7,
        ),
    ]


def main() -> None:
    """Measure all and print the tables."""
    arguments = tyro.cli(Arguments, description=__doc__).sized()
    with graph_folder(arguments) as folder:
        if arguments.child is not None:
            print(json.dumps(child(arguments, folder)))
            return
        figures = {"machine": machine()}
        for malloc in MALLOCS:
            figures[malloc] = run_child(__file__, arguments, malloc, folder)
        for name in ("variants", "threads", "limit"):
            figures[name] = run_child(__file__, arguments, name, folder)
        figures["machine"]["load_after"] = os.getloadavg()[0]
    show(figures)
    write_json(arguments.json, results(figures), figures)


if __name__ == "__main__":
    main()
