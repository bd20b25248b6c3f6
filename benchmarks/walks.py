"""Random walks and negatives a second: distgnn against torch-cluster, in one run.

    python benchmarks/walks.py                            # 1M nodes, 20M edges: two minutes
    python benchmarks/walks.py --quick
    python benchmarks/walks.py --cache /tmp/graphs --json walks.json

Walks of 20 steps from 4096 random nodes on a generated power-law graph, one thread, both sides in
turns on the same graph: uniform (p = q = 1), and biased as in node2vec. The peer is
`torch.ops.torch_cluster.random_walk`, one thread as well. Then negatives of 8192 random edges, 8
each, by kind, with known positives excluded; beside them what reading as many random cache lines
costs: for each negative one that says where the in-edges of its destination lie, and those that are
looked through for its source. Expected: uniform walks no slower than the peer's, biased ones at
least twice as fast; negatives at least at half the speed of reading the lines.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import tyro
from _common import (
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
    timed,
    write_json,
)
from rich.console import Console
from rich.table import Table

from distgnn.samplers import NegativeSampler, RandomWalks
from distgnn.schema import DEFAULT_EDGE_TYPE as EDGES
from distgnn.schema import DEFAULT_NODE_TYPE as NODES

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from distgnn.samplers.negative import NegativeKind
    from distgnn.shards import ShardedGraph

    Int64s = npt.NDArray[np.int64]

LENGTH = 20
NUM_STARTS = 4096
NUM_POSITIVES = 8192
NUM_NEGATIVES = 8
BIASES = {"uniform": (1.0, 1.0), "p=0.5 q=2": (0.5, 2.0), "p=4 q=0.25": (4.0, 0.25)}
TARGETS = {"uniform": 1.0, "p=0.5 q=2": 2.0, "p=4 q=0.25": 2.0}
KINDS: tuple[NegativeKind, ...] = ("uniform", "per_source", "degree", "in_batch")
BYTES_A_LINE = 64
BYTES_AN_EDGE = 4
SCANNED = 128  # longer lists are halved first, at two lines a step (samplers/csrc/adjacency.cpp)


def starts(graph: ShardedGraph, batch: int) -> Int64s:
    """Return the nodes from which the walks of a batch start, the same on both sides."""
    return np.random.default_rng(batch).integers(graph.num_nodes(NODES), size=NUM_STARTS)


def our_walks(graph: ShardedGraph, p: float, q: float) -> Callable[[int], Timed]:
    """Return what walks a batch with distgnn."""
    walks = RandomWalks(graph, EDGES, length=LENGTH, p=p, q=q)

    def measure(batch: int) -> Timed:
        nodes = starts(graph, batch)
        return timed(lambda: walks.sample(nodes, epoch=batch), lambda _: NUM_STARTS * LENGTH)

    return measure


def out_edges(graph: ShardedGraph) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the out-edges as CSR: limits int64 [N + 1], destinations int64 [E] in rising order."""
    shard = graph.edges(EDGES, 0)
    targets = np.repeat(np.arange(shard.num_dst), np.diff(shard.indptr))
    order = np.argsort(shard.src, kind="stable")
    limits = np.zeros(graph.num_nodes(NODES) + 1, np.int64)
    np.cumsum(np.bincount(shard.src, minlength=len(limits) - 1), out=limits[1:])
    return torch.from_numpy(limits), torch.from_numpy(targets[order])


def peer_walks(
    graph: ShardedGraph, edges: tuple[torch.Tensor, torch.Tensor], p: float, q: float
) -> Callable[[int], Timed]:
    """Return what walks a batch with torch-cluster."""

    def measure(batch: int) -> Timed:
        nodes = torch.from_numpy(starts(graph, batch))
        return timed(
            lambda: torch.ops.torch_cluster.random_walk(*edges, nodes, LENGTH, p, q),
            lambda _: NUM_STARTS * LENGTH,
        )

    return measure


def walk_rates(graph: ShardedGraph, rounds: int) -> dict[str, dict[str, float]]:
    """Return steps per CPU second of both sides for each bias."""
    import torch_cluster  # noqa: F401 - defines the operator

    edges = out_edges(graph)
    found = {}
    for name, (p, q) in BIASES.items():
        sides = {"ours": our_walks(graph, p, q), "peer": peer_walks(graph, edges, p, q)}
        results = in_turns(sides, rounds)
        found[name] = {
            "ours_per_s": median(rates(results["ours"])),
            "peer_per_s": median(rates(results["peer"])),
            "ratio": median_ratio(results["ours"], results["peer"]),
        }
    return found


def negative_rates(graph: ShardedGraph, rounds: int) -> dict[str, dict[str, float]]:
    """Return negatives per CPU second of each kind, and the cache lines that each visits."""
    shard = graph.edges(EDGES, 0)
    samplers = {
        kind: NegativeSampler(graph, EDGES, kind=kind, num_negatives=NUM_NEGATIVES)
        for kind in KINDS
    }
    sides: dict[str, Callable[[int], Timed]] = {
        kind: _negatives(sampler, shard.src, shard.indptr) for kind, sampler in samplers.items()
    }
    found = in_turns(sides, rounds)
    return {
        kind: {
            "per_s": median(rates(found[kind])),
            "lines": _lines_a_negative(samplers[kind], shard.src, shard.indptr),
        }
        for kind in KINDS
    }


def _negatives(sampler: NegativeSampler, src: Int64s, indptr: Int64s) -> Callable[[int], Timed]:
    def measure(batch: int) -> Timed:
        edges, dst = _positives(indptr, batch)
        return timed(
            lambda: sampler.sample(src[edges], dst, epoch=batch, numbers=edges),
            lambda found: found[0].size,
        )

    return measure


def _positives(indptr: Int64s, batch: int) -> tuple[Int64s, Int64s]:
    edges = np.random.default_rng(batch).integers(indptr[-1], size=NUM_POSITIVES)
    return edges, np.searchsorted(indptr, edges, side="right") - 1


def _lines_a_negative(sampler: NegativeSampler, src: Int64s, indptr: Int64s) -> float:
    edges, dst = _positives(indptr, 0)
    _, drawn = sampler.sample(src[edges], dst, epoch=0, numbers=edges)
    degrees = (indptr[drawn + 1] - indptr[drawn]).ravel()
    scanned = BYTES_AN_EDGE * np.minimum(degrees, SCANNED) / BYTES_A_LINE
    halved = 2 * np.log2(np.maximum(degrees, SCANNED) / SCANNED)
    # A list begins anywhere in a line.
    return float(np.mean(1 + scanned + (degrees > 0) + halved))


def report(
    walks: dict[str, dict[str, float]], negatives: dict[str, dict[str, float]], line_ns: float
) -> list[Figure]:
    """Print what was measured; return the figures."""
    console = Console()
    table = Table(title="steps of walks per CPU second")
    for column in ("", "ours", "torch-cluster", "ratio", "expected"):
        table.add_column(column, justify="right" if column else "left")
    for name, found in walks.items():
        numbers = (f"{found[f'{side}_per_s']:,.0f}" for side in ("ours", "peer"))
        table.add_row(name, *numbers, f"{found['ratio']:.2f}", f"{TARGETS[name]:.1f}")
    console.print(table)
    table = Table(title="negatives per CPU second, known positives excluded")
    for column in ("", "ours", "lines each", "GB/s of lines", "share of a plain random read"):
        table.add_column(column, justify="right" if column else "left")
    shares = {}
    for kind, found in negatives.items():
        lines = found["per_s"] * found["lines"]
        shares[kind] = lines * line_ns / 1e9
        speed = f"{found['per_s']:,.0f}"
        each = f"{found['lines']:.1f}"
        table.add_row(kind, speed, each, f"{lines * BYTES_A_LINE / 1e9:.2f}", f"{shares[kind]:.0%}")
    console.print(table)
    console.print(f"a plain random read: {BYTES_A_LINE / line_ns:.2f} GB/s of cache lines")
    figures = [
        Figure(name=f"walks {name} against torch-cluster", value=found["ratio"], unit="times",
               peer=found["peer_per_s"], target=TARGETS[name])
        for name, found in walks.items()
    ]  # fmt: skip
    return figures + [
        Figure(name=f"negatives {kind}, share of a plain random read", value=share, unit="share",
               target=0.5)
        for kind, share in shares.items()
    ]  # fmt: skip


def main() -> None:
    """Measure and print."""
    arguments = tyro.cli(Arguments, description=__doc__).sized()
    torch.set_num_threads(1)
    details: dict[str, Any] = {"machine": machine()}
    with graph_folder(arguments) as folder:
        graph = open_graph(generated_graph(arguments, folder, "range", 1))
        walks = walk_rates(graph, arguments.rounds)
        negatives = negative_rates(graph, arguments.rounds)
    # As many bytes as the copied in-edges take: 16 a node and 4 an edge.
    line_ns = random_access_ns(16 * arguments.nodes + 4 * arguments.edges)
    figures = report(walks, negatives, line_ns)
    details |= {"walks": walks, "negatives": negatives, "line_ns": line_ns}
    write_json(arguments.json, figures, details)


if __name__ == "__main__":
    main()
