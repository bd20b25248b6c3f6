"""What the benchmarks of sampling and loading share: graph, machine, fresh processes, turns."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import psutil
import torch

from distgnn.datasets.generate import generate
from distgnn.partition.pipeline import partition_graph
from distgnn.shards import ShardedGraph

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Malloc = Literal["default", "tuned"]
Result = TypeVar("Result")

NUM_FEATURES = 128
MALLOCS: tuple[Malloc, ...] = ("default", "tuned")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What every benchmark can be told."""

    nodes: int = 1_000_000
    edges: int = 20_000_000
    rounds: int = 20
    """Batches measured on each side, in turns; the median counts."""
    quick: bool = False
    """A graph of a fiftieth of the size and a few rounds: shows that it works, not how fast."""
    json: Path | None = None
    """Also write the figures to this file."""
    cache: Path | None = None
    """Folder in which generated graphs are kept for the next time; by default they are deleted."""
    child: str | None = None
    """Used by the benchmark itself: the measurement to make in a fresh process."""

    def sized(self) -> Arguments:
        """Return these arguments with what `quick` implies."""
        if not self.quick:
            return self
        return dataclasses.replace(self, nodes=20_000, edges=400_000, rounds=5)


@contextmanager
def graph_folder(arguments: Arguments) -> Iterator[Path]:
    """Give the folder of generated graphs, which goes away at the end unless one was named."""
    if arguments.cache is not None:
        arguments.cache.mkdir(parents=True, exist_ok=True)
        yield arguments.cache
        return
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def generated_graph(arguments: Arguments, folder: Path, method: str, num_parts: int) -> Path:
    """Return the shards of the generated graph, making them where they are not there yet."""
    out = folder / f"{arguments.nodes}-{arguments.edges}-{method}-{num_parts}"
    if not out.exists():
        raw = generate(arguments.nodes, arguments.edges, num_features=NUM_FEATURES)
        partition_graph(raw, out, num_parts=num_parts, method=method, progress=False)
    return out


def run_child(script: str, arguments: Arguments, name: str, folder: Path) -> dict[str, Any]:
    """Make one measurement of `script` in a fresh process and return its figures."""
    words = [sys.executable, script, "--child", name, "--cache", str(folder)]
    for option in ("nodes", "edges", "rounds"):
        words += [f"--{option}", str(getattr(arguments, option))]
    threads = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
    done = subprocess.run(
        words, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | threads
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@dataclass(frozen=True)
class Timed:
    """What a call took."""

    cpu_s: float
    wall_s: float
    amount: float
    """What was made, in whatever unit is counted."""


def timed(make: Callable[[], Result], amount: Callable[[Result], float]) -> Timed:
    """Time a call; what it returns is freed after the time is taken."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = make()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Timed(cpu, wall, amount(result))


def in_turns(
    sides: dict[str, Callable[[int], Timed]], rounds: int, warm_up: int = 3
) -> dict[str, list[Timed]]:
    """Measure every side once a round, in alternating order; the first rounds do not count."""
    found: dict[str, list[Timed]] = {name: [] for name in sides}
    for turn in range(warm_up + rounds):
        names = list(sides) if turn % 2 else list(sides)[::-1]
        for name in names:
            result = sides[name](turn)
            if turn >= warm_up:
                found[name].append(result)
    return found


def rates(results: list[Timed]) -> list[float]:
    """Return the amount made in a CPU second, for each measurement."""
    return [result.amount / result.cpu_s for result in results]


def median(values: list[float]) -> float:
    """Return the median."""
    return float(np.median(values))


def median_ratio(ours: list[Timed], peer: list[Timed]) -> float:
    """Return the median over rounds of how many times more we make in a CPU second."""
    pairs = zip(rates(ours), rates(peer), strict=True)
    return median([a / b for a, b in pairs])


def random_access_ns(num_bytes: int) -> float:
    """Return what a visit of a random cache line among `num_bytes` costs, prefetched, in ns.

    Measured by gathering rows of 64 bytes with the kernel that gathers features, so the time to
    write the line out is in it.
    """
    from distgnn.samplers._kernels import BufferPool, DenseRows

    rows = np.ones((num_bytes // 64, 16), np.float32)
    ids = np.random.default_rng(0).integers(len(rows), size=500_000)
    kernel = DenseRows(BufferPool(), np.array([0, len(rows)]), [rows], stored_as="float32")
    times = [timed(lambda: kernel.gather(ids), len).cpu_s for _ in range(12)]
    return 1e9 * median(times[2:]) / len(ids)


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    cpu = next(
        (line.split(":")[1].strip() for line in _lines("/proc/cpuinfo") if "model name" in line),
        platform.processor(),
    )
    return {
        "cpu": cpu,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "huge_pages": " ".join(_lines("/sys/kernel/mm/transparent_hugepage/enabled")),
        "load_before": os.getloadavg()[0],
    }


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def open_graph(path: Path) -> ShardedGraph:
    """Open a graph and read its files once, so that no measurement waits for the disk."""
    for file in path.rglob("*.arrow"):
        with file.open("rb") as stream:
            while stream.read(1 << 24):
                pass
    return ShardedGraph.open(path)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One result, as programs read it."""

    name: str
    value: float
    unit: str
    peer: float | None = None
    """What the peer reached, in the unit of its own rate."""
    target: float | None = None
    at_most: bool = False
    """Whether the target is an upper bound."""

    def as_dict(self) -> dict[str, Any]:
        """Return the fields, and whether the target holds (None without one)."""
        holds = None
        if self.target is not None:
            holds = self.value <= self.target if self.at_most else self.value >= self.target
        fields = dataclasses.asdict(self)
        del fields["at_most"]
        return {**fields, "holds": holds}


def write_json(path: Path | None, figures: list[Figure], details: dict[str, Any]) -> None:
    """Write machine, figures and all that was measured to the file that was named, if one was."""
    if path is None:
        return
    found = {
        "machine": details.get("machine", machine()),
        "figures": [figure.as_dict() for figure in figures],
        "details": {name: value for name, value in details.items() if name != "machine"},
    }
    path.write_text(json.dumps(found, indent=1) + "\n")
