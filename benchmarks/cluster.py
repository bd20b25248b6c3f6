"""Sampling actors under Ray: what they cost, how they scale over parts, how soon they come back.

    python benchmarks/cluster.py                       # 1M nodes, 20M edges: a quarter of an hour
    python benchmarks/cluster.py --quick
    python benchmarks/cluster.py --cache /tmp/graphs --json cluster.json

1. Overhead: a training step of 3-layer GraphSAGE (hidden 256, neighbours [15, 10, 5], 1024 seeds,
   128 features) fed by one sampling actor, against the same step fed by the local loader, in turns.
2. Cross-partition sampling: batches of 2 and 4 actors with a METIS part each, which ask one another
   for edges and features; edges for a CPU second of all actors, against one actor with one part.
3. Recovery: from killing a sampling actor to the first batch of the one that replaces it.

Beside them the limits: an actor call and its answer, and the rate of arrays through Ray's store.
Expected: 90% of the local batches a second, waiting under 5% of the time; recovery under 5 s; one
call to each other owner at each hop.
"""

from __future__ import annotations

import logging
import os
import signal
import statistics
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import ray
import torch
import torch.nn.functional as F
import tyro
from _common import (
    NUM_FEATURES,
    Arguments,
    Figure,
    generated_graph,
    graph_folder,
    machine,
    open_graph,
    write_json,
)
from rich.console import Console
from rich.table import Table

from distgnn.cluster.actor_loader import ActorLoader
from distgnn.cluster.messages import SamplingRule
from distgnn.cluster.sampler_group import GroupSettings, SamplerGroup, Samplers
from distgnn.loader import NodeLoader, tune_malloc
from distgnn.nn import GraphSAGE
from distgnn.samplers import NeighborSampler
from distgnn.schema import DEFAULT_NODE_TYPE as NODES
from distgnn.tasks.forward import seed_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distgnn.loader import MiniBatch
    from distgnn.shards import ShardedGraph

FANOUTS = [15, 10, 5]
BATCH_SIZE = 1024
HIDDEN = 256
NUM_CLASSES = 16
RULE = SamplingRule(fanouts=FANOUTS)
STORE_BYTES = 2_000_000_000


class Side:
    """One way to get batches, and the step that they are trained on."""

    def __init__(self, batches: Iterator[MiniBatch]) -> None:
        self._batches = batches
        torch.manual_seed(0)
        self._model = GraphSAGE(NUM_FEATURES, HIDDEN, len(FANOUTS), NUM_CLASSES)
        self._optimizer = torch.optim.Adam(self._model.parameters())
        self.step_s: list[float] = []
        self.wait_s: list[float] = []
        self.cpu_s: list[float] = []
        """Of this process: on a busy machine it says more than the wall clock."""

    def step(self) -> None:
        """Take a batch and train on it."""
        started, cpu = time.perf_counter(), time.process_time()
        batch = next(self._batches)
        waited = time.perf_counter() - started
        assert batch.y is not None
        loss = F.cross_entropy(seed_rows(self._model, batch, None), batch.y)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self.step_s.append(time.perf_counter() - started)
        self.wait_s.append(waited)
        self.cpu_s.append(time.process_time() - cpu)

    def figures(self, warm_up: int) -> dict[str, float]:
        """Return the median step and the share of time spent waiting."""
        steps, waits = self.step_s[warm_up:], self.wait_s[warm_up:]
        return {
            "step_ms": 1e3 * statistics.median(steps),
            "wait_share": sum(waits) / sum(steps),
            "cpu_ms": 1e3 * statistics.median(self.cpu_s[warm_up:]),
        }


def actor_loader(
    group: SamplerGroup, graph: ShardedGraph, *, actors: int | None = None, prefetch: int = 2
) -> ActorLoader:
    """Return a loader of all nodes, fed by some of the actors."""
    samplers = Samplers(group.samplers.actors[:actors], group.samplers.parts)
    return ActorLoader(
        samplers,
        graph,
        RULE,
        np.arange(graph.num_nodes(NODES)),
        node_type=NODES,
        batch_size=BATCH_SIZE,
        shuffle=True,
        prefetch=prefetch,
    )


def endless(loader: ActorLoader | NodeLoader) -> Iterator[MiniBatch]:
    """Yield the batches of epoch after epoch."""
    epoch = 0
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def overhead(arguments: Arguments, path: Path) -> dict[str, Any]:
    """Train on batches of the local loader and of an actor, in turns of a few steps."""
    graph = open_graph(path)
    sampler = NeighborSampler(graph, FANOUTS)
    seeds = np.arange(graph.num_nodes(NODES))
    local = NodeLoader(graph, sampler, seeds, batch_size=BATCH_SIZE, shuffle=True, prefetch=2)
    turn = 4
    with SamplerGroup.start(path, GroupSettings(num_cpus=0, num_threads=1)) as group:
        loader = actor_loader(group, graph)
        found: dict[str, list[dict[str, float]]] = {"local": [], "actor": []}
        for number in range(max(arguments.rounds // turn, 2)):
            names = ["local", "actor"] if number % 2 else ["actor", "local"]
            for name in names:
                batches = endless(local if name == "local" else loader)
                side = Side(batches)
                for _ in range(turn + 2):
                    side.step()
                batches.close()  # type: ignore[attr-defined]
                found[name].append(side.figures(warm_up=2))
        bytes_per_batch = loader.stats.num_batch_bytes / loader.stats.traffic.num_batches
    ratios = [
        ours["step_ms"] / theirs["step_ms"]
        for ours, theirs in zip(found["local"], found["actor"], strict=True)
    ]
    return {
        "relative_rate": statistics.median(ratios),
        "wait_share": statistics.median(side["wait_share"] for side in found["actor"]),
        "local_wait_share": statistics.median(side["wait_share"] for side in found["local"]),
        "local_step_ms": statistics.median(side["step_ms"] for side in found["local"]),
        "actor_step_ms": statistics.median(side["step_ms"] for side in found["actor"]),
        "local_cpu_ms": statistics.median(side["cpu_ms"] for side in found["local"]),
        "actor_cpu_ms": statistics.median(side["cpu_ms"] for side in found["actor"]),
        "bytes_per_batch": bytes_per_batch,
    }


def across_parts(arguments: Arguments, path: Path, num_actors: int) -> dict[str, float]:
    """Take batches of actors that each own some of the parts; nothing is trained."""
    graph = open_graph(path)
    settings = GroupSettings(num_samplers=num_actors, num_cpus=0, num_threads=2)
    with SamplerGroup.start(path, settings) as group:
        processes = [psutil.Process(actor.call("ping").result()) for actor in group.samplers.actors]
        loader = actor_loader(group, graph)
        batches = loader.epoch(0)
        for _ in range(2 * num_actors):
            next(batches)
        before, started = _cpu_s(processes), time.perf_counter()
        num_batches = min(arguments.rounds, len(loader) - 4 * num_actors)
        num_edges = sum(next(batches).adj.num_edges for _ in range(num_batches))
        wall_s, cpu_s = time.perf_counter() - started, _cpu_s(processes) - before
        batches.close()  # type: ignore[attr-defined]
        traffic, made = loader.stats.traffic, loader.stats.traffic.num_batches
    return {
        "medges_per_cpu_s": 1e-6 * num_edges / cpu_s,
        "medges_per_s": 1e-6 * num_edges / wall_s,
        "calls_per_batch": traffic.num_calls / made,
        "mb_per_batch": 1e-6 * traffic.num_bytes / made,
        "ms_per_hop": 1e3 * sum(traffic.hop_s[:-1]) / made / len(FANOUTS),
        "ms_per_gather": 1e3 * traffic.hop_s[-1] / made if traffic.hop_s else 0.0,
    }


def recovery(arguments: Arguments, path: Path) -> dict[str, float]:
    """Kill an actor with SIGKILL and wait for the next batch, a few times."""
    graph = open_graph(path)
    times = []
    with SamplerGroup.start(path, GroupSettings(num_cpus=0)) as group:
        for _ in range(3 if arguments.quick else 5):
            loader = actor_loader(group, graph, prefetch=1)
            batches = loader.epoch(0)
            next(batches)
            pid = group.samplers.actors[0].call("ping").result()
            os.kill(pid, signal.SIGKILL)
            killed = time.perf_counter()
            while loader.stats.num_restarts == 0:
                next(batches)
            times.append(time.perf_counter() - killed)
            batches.close()  # type: ignore[attr-defined]
    return {"seconds": statistics.median(times), "worst": max(times)}


def limits() -> dict[str, float]:
    """Measure a call of an actor, and arrays of 100 MB through the object store."""

    class Echo:
        def ping(self) -> int:
            return 0

        def array(self, num_bytes: int) -> Any:
            return np.ones(num_bytes, np.uint8)

    remote: Any = ray.remote(Echo)
    actor = remote.options(num_cpus=0).remote()
    ray.get(actor.ping.remote())
    calls = []
    for _ in range(300):
        started = time.perf_counter()
        ray.get(actor.ping.remote())
        calls.append(time.perf_counter() - started)
    large = []
    for _ in range(6):
        started = time.perf_counter()
        ray.get(actor.array.remote(100_000_000))
        large.append(time.perf_counter() - started)
    ray.kill(actor)
    return {
        "call_ms": 1e3 * statistics.median(calls),
        "store_gb_per_s": 0.1 / statistics.median(large[1:]),
    }


def _cpu_s(processes: list[psutil.Process]) -> float:
    times = [process.cpu_times() for process in processes]
    return float(sum(found.user + found.system for found in times))


def main(arguments: Arguments) -> None:
    """Measure and print."""
    arguments = arguments.sized()
    tune_malloc()
    details: dict[str, Any] = {"machine": machine()}
    ray.init(
        address="local", include_dashboard=False, object_store_memory=STORE_BYTES,
        logging_level=logging.ERROR,
        log_to_driver=False,
    )  # fmt: skip
    try:
        with graph_folder(arguments) as folder:
            whole = generated_graph(arguments, folder, "metis", 1)
            details["limits"] = limits()
            details["overhead"] = overhead(arguments, whole)
            details["recovery"] = recovery(arguments, whole)
            details["parts"] = {1: across_parts(arguments, whole, 1)}
            for num_parts in (2, 4):
                path = generated_graph(arguments, folder, "metis", num_parts)
                details["parts"][num_parts] = across_parts(arguments, path, num_parts)
    finally:
        ray.shutdown()
    report(arguments, details)


def report(arguments: Arguments, details: dict[str, Any]) -> None:
    """Print the figures, and write them where that was asked for."""
    console = Console()
    over, back, bounds = details["overhead"], details["recovery"], details["limits"]
    one = details["parts"][1]["medges_per_cpu_s"]
    figures = [
        Figure(name="batches/s of local mode", value=over["relative_rate"], unit="x", target=0.9),
        Figure(
            name="loader wait", value=over["wait_share"], unit="of a step", target=0.05,
            at_most=True,
        ),
        Figure(
            name="recovery of a sampler", value=back["seconds"], unit="s", target=5.0, at_most=True
        ),
    ]  # fmt: skip
    figures += [
        Figure(
            name=f"edges/s per core, {num_parts} parts",
            value=found["medges_per_cpu_s"],
            unit="M/s",
            peer=one,
        )
        for num_parts, found in details["parts"].items()
    ]
    table = Table("figure", "value", "target")
    for figure in figures:
        target = "" if figure.target is None else f"{figure.target:g}"
        table.add_row(figure.name, f"{figure.value:.3g} {figure.unit}", target)
    console.print(table)
    console.print(
        f"A step takes {over['local_step_ms']:.0f} ms with the local loader (waiting "
        f"{over['local_wait_share']:.1%}), {over['actor_step_ms']:.0f} ms with an actor, and "
        f"{over['local_cpu_ms']:.0f} and {over['actor_cpu_ms']:.0f} ms of the trainer's CPU; a "
        f"batch of an actor has {over['bytes_per_batch'] / 1e6:.1f} MB. Limits: a call of an "
        f"actor takes {bounds['call_ms']:.2f} ms, the store carries "
        f"{bounds['store_gb_per_s']:.1f} GB/s."
    )
    for num_parts, found in details["parts"].items():
        console.print(
            f"{num_parts} part(s): {found['medges_per_s']:.1f} M edges/s, "
            f"{found['medges_per_cpu_s']:.1f} for a CPU second "
            f"({found['medges_per_cpu_s'] / one:.2f} of one part), "
            f"{found['calls_per_batch']:.1f} calls and {found['mb_per_batch']:.1f} MB a batch "
            f"between actors, {found['ms_per_hop']:.1f} ms a hop, "
            f"{found['ms_per_gather']:.1f} ms a gather."
        )
    write_json(arguments.json, figures, details)


if __name__ == "__main__":
    main(tyro.cli(Arguments))
