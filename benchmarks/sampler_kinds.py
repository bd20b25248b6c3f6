"""What each kind of neighbour sampling costs an edge, beside uniform draws in the same run.

    python benchmarks/sampler_kinds.py                            # 1M nodes, 20M edges
    python benchmarks/sampler_kinds.py --quick
    python benchmarks/sampler_kinds.py --cache /tmp/graphs --json kinds.json

Neighbours [15, 10, 5] of 1024 seeds, one thread, on a generated power-law graph whose edges carry
weights and times; every kind takes its turn in one process, and the median ratio of CPU time per
sampled edge counts. Temporal draws make disjoint trees, so uniform draws in disjoint trees stand
beside them. The heterogeneous graph has the same edges in three edge types. Then uniform draws
[10, 10] against `torch.ops.torch_sparse.neighbor_sample`, and the cost of an edge on random graphs
of 200k to 20M nodes. Expected: at most 1.5 times uniform draws, at least 50 times the peer, and a
curve within 1.3 once the graph is larger than the caches.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch
import tyro
from _common import (
    Arguments,
    Figure,
    Timed,
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

from distgnn.datasets.generate import generate
from distgnn.partition.pipeline import partition_graph
from distgnn.samplers import LaborSampler, NeighborSampler, TemporalSampler, WeightedSampler
from distgnn.samplers._kernels import NeighborSampler as Kernel
from distgnn.samplers._kernels import Rule, Topology
from distgnn.schema import DEFAULT_EDGE_TYPE as EDGES
from distgnn.schema import DEFAULT_NODE_TYPE as NODES
from distgnn.schema import EdgeSchema, GraphSchema, NodeSchema
from distgnn.tables.raw_graph import RawGraph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy.typing as npt

    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]

FANOUTS = [15, 10, 5]
NUM_SEEDS = 1024
NUM_TYPES = 3
CURVE_NODES = (200_000, 2_000_000, 20_000_000)
CURVE_DEGREE = 10
CURVE_FANOUTS = [5, 5, 5]


def graphs(arguments: Arguments, folder: Path) -> tuple[Path, Path]:
    """Return the shards of the graph with weights and times, and of the one of several types."""
    names = [f"{arguments.nodes}-{arguments.edges}-{kind}" for kind in ("columns", "types")]
    one, several = (folder / name for name in names)
    if not several.exists():
        raw = generate(
            arguments.nodes, arguments.edges, num_features=1, weighted=True, timed=True
        )  # fmt: skip
        partition_graph(raw, one, num_parts=1, method="range", progress=False)
        partition_graph(_split(raw), several, num_parts=1, method="range", progress=False)
    return one, several


def _split(raw: RawGraph) -> RawGraph:
    """Return the graph with its edges dealt out to several edge types."""
    table = raw.edges[EDGES].select(["src", "dst"])
    kind = np.arange(table.num_rows) % NUM_TYPES
    types = [(NODES, f"to{number}", NODES) for number in range(NUM_TYPES)]
    return RawGraph(
        schema=GraphSchema(
            nodes=(NodeSchema(type=NODES),), edges=tuple(EdgeSchema(type=name) for name in types)
        ),
        nodes={NODES: raw.nodes[NODES].select(["id"])},
        edges={name: table.filter(pa.array(kind == i)) for i, name in enumerate(types)},
        name="types",
    )


def seeds_of(num_nodes: int, batch: int, count: int = NUM_SEEDS) -> Int64s:
    """Return the seeds of a batch, the same for all kinds."""
    return np.random.default_rng(batch).choice(num_nodes, count, replace=False)


def side(sampler: Any, times: Int64s | None = None) -> Callable[[int], Timed]:
    """Return what samples a batch and counts its edges."""
    num_nodes = sampler.graph.num_nodes(NODES)

    def measure(batch: int) -> Timed:
        seeds = seeds_of(num_nodes, batch)
        return timed(
            lambda: sampler.sample(seeds, epoch=0, batch=batch, times=times),
            lambda found: sum(len(edges.indices) for edges in found.edges.values()),
        )

    return measure


def kinds(arguments: Arguments, one: ShardedGraph, several: ShardedGraph) -> dict[str, Any]:
    """Measure every kind in turns."""
    now = np.full(NUM_SEEDS, 800_000)
    sides = {
        "uniform": side(NeighborSampler(one, FANOUTS)),
        "weighted": side(WeightedSampler(one, FANOUTS)),
        "heterogeneous": side(NeighborSampler(several, [5, 4, 2])),
        "labor": side(LaborSampler(one, FANOUTS)),
        "disjoint": side(NeighborSampler(one, FANOUTS, disjoint=True)),
        "temporal": side(TemporalSampler(one, FANOUTS, times="edges"), now),
        "temporal, latest": side(TemporalSampler(one, FANOUTS, times="edges", pick="latest"), now),
    }
    found = in_turns(sides, arguments.rounds)
    return {
        name: {
            "edges_per_cpu_s": median(rates(results)),
            "times_uniform": median_ratio(found["uniform"], results),
            "edges": median([result.amount for result in results]),
        }
        for name, results in found.items()
    }


def two_hops(arguments: Arguments, graph: ShardedGraph) -> dict[str, float]:
    """Measure [10, 10] against torch-sparse, in turns."""
    import torch_sparse  # noqa: F401 (registers the operator)

    edges = graph.edges(EDGES, 0)
    colptr, row = (torch.utils.dlpack.from_dlpack(array) for array in (edges.indptr, edges.src))

    def peer(batch: int) -> Timed:
        seeds = torch.from_numpy(seeds_of(graph.num_nodes(NODES), batch))
        return timed(
            lambda: torch.ops.torch_sparse.neighbor_sample(
                colptr, row, seeds, [10, 10], False, True
            ),
            lambda found: found[1].numel(),
        )

    sides = {"ours": side(NeighborSampler(graph, [10, 10])), "peer": peer}
    found = in_turns(sides, arguments.rounds)
    return {
        "ours_edges_per_cpu_s": median(rates(found["ours"])),
        "peer_edges_per_cpu_s": median(rates(found["peer"])),
        "ratio": median_ratio(found["ours"], found["peer"]),
    }


def curve(arguments: Arguments) -> dict[str, float]:
    """Measure the cost of an edge, ns of CPU time, on random graphs of growing size."""
    rule = Rule(pick="uniform", replace=False, up_to=False, weights=None, times=None)
    sizes = CURVE_NODES if arguments.nodes >= 1_000_000 else CURVE_NODES[:2]
    costs = {}
    for num_nodes in sizes:
        rng = np.random.default_rng(0)
        src = rng.integers(num_nodes, size=num_nodes * CURVE_DEGREE)
        indptr = np.arange(num_nodes + 1) * CURVE_DEGREE
        index = np.arange(num_nodes)
        topology = Topology(
            [(np.array([0, num_nodes]), [index])], [(0, 0, 1, [(indptr, src)])],
            in_memory=True, num_threads=2,
        )  # fmt: skip
        kernel = Kernel(
            topology, fanouts=[CURVE_FANOUTS], rule=rule, disjoint=False, max_table_bytes=1 << 29
        )
        results = [
            _timed_batch(kernel, num_nodes, batch) for batch in range(arguments.rounds + 3)
        ]  # fmt: skip
        costs[f"{num_nodes:,}"] = 1e9 / median(rates(results[3:]))
    return costs


def _timed_batch(kernel: Kernel, num_nodes: int, batch: int) -> Timed:
    seeds = seeds_of(num_nodes, batch, 4 * NUM_SEEDS)
    return timed(
        lambda: kernel.sample([seeds], None, seed=0, epoch=0, batch=batch, num_threads=1),
        lambda found: len(found[1][0][1]),
    )


def child(arguments: Arguments, folder: Path) -> dict[str, Any]:
    """Make the measurement that the parent asked for."""
    torch.set_num_threads(1)
    if arguments.child == "curve":
        return curve(arguments)
    one, several = graphs(arguments, folder)
    if arguments.child == "kinds":
        return kinds(arguments, open_graph(one), open_graph(several))
    return two_hops(arguments, open_graph(one))


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    console = Console(width=100)
    console.print(figures["machine"])
    table = Table("kind", "M edges/CPU s", "cost of an edge, x uniform", "edges a batch")
    for name, found in figures["kinds"].items():
        table.add_row(
            name,
            f"{found['edges_per_cpu_s'] / 1e6:.1f}",
            f"{found['times_uniform']:.2f}",
            f"{found['edges']:,.0f}",
        )
    console.print(table)
    two = figures["two_hops"]
    console.print(
        f"[10, 10]: {two['ours_edges_per_cpu_s'] / 1e6:.1f} M edges/CPU s, torch-sparse "
        f"{two['peer_edges_per_cpu_s'] / 1e6:.2f}: {two['ratio']:.1f} times"
    )
    table = Table("nodes", "ns an edge")
    for name, cost in figures["curve"].items():
        table.add_row(name, f"{cost:.1f}")
    console.print(table)


def results(figures: dict[str, Any]) -> list[Figure]:
    """Return what the tables say, with the targets."""
    bounded = ("weighted", "heterogeneous", "temporal", "temporal, latest")
    costs = list(figures["curve"].values())
    return [
        *(
            Figure(
                name=f"cost of a sampled edge, {name}",
                value=figures["kinds"][name]["times_uniform"],
                unit="x uniform",
                target=1.5,
                at_most=True,
            )
            for name in bounded
        ),
        Figure(
            name="sampled edges per CPU second, [10, 10]",
            value=figures["two_hops"]["ratio"],
            unit="x torch-sparse",
            peer=figures["two_hops"]["peer_edges_per_cpu_s"],
            target=50,
        ),
        Figure(
            name="cost of an edge, largest graph to the next",
            value=costs[-1] / costs[-2],
            unit="x",
            target=1.3,
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
        for name in ("kinds", "two_hops", "curve"):
            figures[name] = run_child(__file__, arguments, name, folder)
    show(figures)
    write_json(arguments.json, results(figures), figures)


if __name__ == "__main__":
    main()
