"""Partitioning: a graph from Parquet files within a memory limit, in memory, and by pymetis.

    python benchmarks/partition.py [--quick] [--json out.json]
    python benchmarks/partition.py --large       # 10M nodes, 200M edges within 4 GiB

Each side is a process of its own. The limit is enforced by a memory cgroup where one may be made,
else by RLIMIT_DATA. pymetis stands for torch-geometric's ClusterData, whose METIS comes with
pyg-lib or a torch-sparse built with it (neither is on PyPI for this torch): it gets the adjacency
in memory and returns parts, without reading tables or writing shards.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tyro

from distgnn.datasets.generate import generate
from distgnn.partition.adjacency import build_adjacency
from distgnn.partition.estimate import parse_bytes
from distgnn.partition.out_of_core.run import partition_tables
from distgnn.partition.pipeline import partition_graph
from distgnn.partition.registry import PARTITIONERS
from distgnn.schema import DEFAULT_EDGE_TYPE
from distgnn.tables import load_graph

if TYPE_CHECKING:
    from collections.abc import Iterator

    from _common import Figure

CUT_METHODS = ("hash", "ldg", "fennel", "restream", "multilevel", "kahip", "metis")
CGROUPS = Path("/sys/fs/cgroup/memory")


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What the benchmark can be told."""

    nodes: int = 1_000_000
    edges: int = 20_000_000
    features: int = 128
    limit: str = "1GiB"
    parts: int = 8
    method: str = "fennel"
    cut_nodes: int = 200_000
    """Size of the graph of the table of cuts; 20 edges a node."""
    quick: bool = False
    """A fiftieth of the size: shows that it works, not how fast."""
    large: bool = False
    """10M nodes, 200M edges, 32 float16 features within 4 GiB, out of core alone."""
    json: Path | None = None
    """Also write the figures to this file."""
    cache: Path | None = None
    """Folder in which the generated tables are kept; by default they are deleted."""
    child: str | None = None
    """Used by the benchmark itself: the measurement to make in a fresh process."""

    def sized(self) -> Arguments:
        """Return these arguments with what `quick` and `large` imply."""
        if self.large:
            return replace(self, nodes=10_000_000, edges=200_000_000, features=32, limit="4GiB")
        if self.quick:
            return replace(self, nodes=20_000, edges=400_000, limit="400MiB", cut_nodes=5_000)
        return self


@contextmanager
def peak_memory() -> Iterator[dict[str, float]]:
    """Fill in, at the end, the peaks of resident memory: anonymous alone, and all."""
    found, ended = {"anonymous_mib": 0.0}, threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            lines = Path("/proc/self/status").read_text().splitlines()
            anonymous = next((x for x in lines if x.startswith("RssAnon")), "RssAnon: 0")
            found["anonymous_mib"] = max(found["anonymous_mib"], int(anonymous.split()[1]) / 1024)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
        found["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def enforce(limit: int) -> str:
    """Limit the memory of this process; return by what."""
    group = CGROUPS / f"distgnn-{os.getpid()}"
    try:
        group.mkdir()
        (group / "memory.limit_in_bytes").write_text(str(limit))
        (group / "cgroup.procs").write_text(str(os.getpid()))
    except OSError:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
        return "RLIMIT_DATA"
    return "cgroup"


def measure(arguments: Arguments, folder: Path) -> dict[str, Any]:
    """Make the measurement that this process was started for."""
    graph, out = folder / "graph.toml", folder / f"out-{arguments.child}"
    options = {"num_parts": arguments.parts, "method": arguments.method, "progress": False}
    limit = parse_bytes(arguments.limit)
    enforced = enforce(limit) if arguments.child == "out_of_core" else "none"
    wall, cpu = time.perf_counter(), time.process_time()
    details: dict[str, Any] = {}
    with peak_memory() as memory:
        if arguments.child == "out_of_core":
            report = partition_tables(graph, out, memory_limit=limit, **options)  # type: ignore[arg-type]
            details = {
                "stages": report.seconds,
                "edge_cut": report.quality.edge_cut,
                "expected_mib": report.estimate.peak_bytes / 2**20,
                "expected_s": report.estimate.seconds,
            }
        elif arguments.child == "memory":
            raw = load_graph(graph)
            details = {"stages": partition_graph(raw, out, **options).seconds}  # type: ignore[arg-type]
        else:
            raw = load_graph(graph)
            adjacency = build_adjacency(raw)
            weights = np.ones((adjacency.num_nodes, 1), np.int64)
            wall, cpu = time.perf_counter(), time.process_time()
            PARTITIONERS["metis"].assign(adjacency, arguments.parts, weights, 0)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {"wall_s": wall, "cpu_s": cpu, "enforced": enforced, **memory, **details}


def run_child(arguments: Arguments, name: str, folder: Path) -> dict[str, Any]:
    """Make one measurement in a fresh process and return its figures."""
    words = [sys.executable, __file__, "--child", name, "--cache", str(folder)]
    for option in ("nodes", "edges", "features", "limit", "parts", "method"):
        words += [f"--{option}", str(getattr(arguments, option))]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def edge_cuts(num_nodes: int, num_parts: int) -> dict[str, dict[str, float]]:
    """Return cut and CPU time of every method on the generated community graph."""
    raw = generate(num_nodes, 20 * num_nodes, num_features=0)
    adjacency = build_adjacency(raw)
    table = raw.edges[DEFAULT_EDGE_TYPE]
    src, dst = (table.column(name).to_numpy() for name in ("src", "dst"))
    weights, found = np.ones((num_nodes, 1), np.int64), {}
    for method in CUT_METHODS:
        cpu = time.process_time()
        parts = PARTITIONERS[method].assign(adjacency, num_parts, weights, 0)
        cpu = time.process_time() - cpu
        found[method] = {"edge_cut": float((parts[src] != parts[dst]).mean()), "cpu_s": cpu}
    return found


def show(arguments: Arguments, sides: dict[str, dict[str, Any]]) -> None:
    """Print what each side took."""
    print(f"{arguments.nodes:,} nodes, {arguments.edges:,} edges, {arguments.features} features")
    for name, side in sides.items():
        print(
            f"  {name:12} {side['wall_s']:8.1f} s wall {side['cpu_s']:8.1f} s CPU "
            f"{side['anonymous_mib']:8.0f} MiB anonymous {side['peak_mib']:8.0f} MiB resident "
            f"(limit: {arguments.limit if side['enforced'] != 'none' else 'none'}, "
            f"{side['enforced']})"
        )
        if "expected_mib" in side:
            print(
                f"  {'':12} expected {side['expected_mib']:.0f} MiB, {side['expected_s']:.0f} s; "
                + ", ".join(f"{stage} {s:.1f} s" for stage, s in side["stages"].items())
            )


def figures_of(
    arguments: Arguments, sides: dict[str, dict[str, Any]], cuts: dict[str, dict[str, float]]
) -> list[Figure]:
    """Return the figures, with the targets of the project."""
    from _common import Figure  # imports torch, which the measured processes do without

    size = f"{arguments.nodes}-{arguments.edges}"
    disk = sides["out_of_core"]
    found = [
        Figure(
            name=f"out of core, edges a CPU second ({size})",
            value=arguments.edges / disk["cpu_s"],
            unit="edges/s",
        ),
        Figure(
            name=f"out of core, peak of anonymous memory by the limit ({size})",
            value=disk["anonymous_mib"] * 2**20 / parse_bytes(arguments.limit),
            unit="x",
            target=1.0,
            at_most=True,
        ),
        Figure(
            name=f"peak by the estimate ({size})",
            value=disk["peak_mib"] / disk["expected_mib"],
            unit="x",
            target=1.25,
            at_most=True,
        ),
    ]
    if "memory" in sides:
        ratio = disk["cpu_s"] / sides["memory"]["cpu_s"]
        found.append(Figure(name=f"CPU out of core by in memory ({size})", value=ratio, unit="x"))
    for method, most in {"multilevel": 1.10, "metis": 1.03}.items():
        if cuts:
            ratio = cuts[method]["edge_cut"] / cuts["metis"]["edge_cut"]
            found.append(
                Figure(
                    name=f"edge cut of {method} by METIS",
                    value=ratio,
                    unit="x",
                    target=most,
                    at_most=True,
                )
            )
    return found


def main(arguments: Arguments) -> None:
    """Measure, print and write."""
    sized = arguments.sized()
    if arguments.child is not None and arguments.cache is not None:
        print(json.dumps(measure(arguments, arguments.cache)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (arguments.cache or Path(temporary)) / f"{sized.nodes}-{sized.edges}"
        dtype = "float16" if arguments.large else "float32"
        subprocess.run(
            [sys.executable, "-c", _GENERATE, str(folder), dtype]
            + [str(n) for n in (sized.nodes, sized.edges, sized.features)],
            check=True,
            cwd=Path(__file__).parent,
        )
        names = ["out_of_core"] if arguments.large else ["out_of_core", "memory", "pymetis"]
        sides = {name: run_child(sized, name, folder) for name in names}
        show(sized, sides)
        cuts = {} if arguments.large else edge_cuts(sized.cut_nodes, sized.parts)
    for method, cut in cuts.items():
        print(f"  {method:12} edge cut {cut['edge_cut']:.4f} {cut['cpu_s']:8.2f} s CPU")
    from _common import machine, write_json

    details = {"machine": machine(), "sides": sides, "edge_cuts": cuts}
    write_json(arguments.json, figures_of(sized, sides, cuts), details)


_GENERATE = """
import sys
from pathlib import Path
from _tables import write_tables
folder, dtype, nodes, edges, features = sys.argv[1:]
write_tables(Path(folder), int(nodes), int(edges), int(features), dtype)
"""

if __name__ == "__main__":
    main(tyro.cli(Arguments))
