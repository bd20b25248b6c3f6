"""Layer-wise inference over shards: memory, time and equality with the whole graph in memory.

    python benchmarks/layerwise.py                         # 1M nodes, 20M edges: minutes
    python benchmarks/layerwise.py --quick
    python benchmarks/layerwise.py --cache /tmp/graphs --json layerwise.json

A 3-layer GraphSAGE (128 features, hidden 256, 16 classes) in evaluation mode on a generated graph,
each side in a process of its own. Memory is the peak of anonymous memory (RssAnon) above what the
process had before: mapped shards and mapped files between layers are the system's page cache and
given back when it needs room. Expected: at most 1 GiB, and outputs equal to 1e-6 of their size.
"""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import tyro
from _common import (
    NUM_FEATURES,
    Arguments,
    Figure,
    generated_graph,
    graph_folder,
    machine,
    open_graph,
    run_child,
    write_json,
)
from rich.console import Console
from rich.table import Table

from distgnn.csc import CSC
from distgnn.nn import GraphSAGE
from distgnn.predict.layerwise import layerwise_outputs

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from distgnn.shards import ShardedGraph

NUM_PARTS = 8
MEMORY_BYTES = (64 << 20, 256 << 20)


def anonymous_bytes() -> int:
    """Return the anonymous memory of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return 1024 * int(line.split()[1])
    return 0


@contextmanager
def peak_memory() -> Iterator[dict[str, int]]:
    """Watch anonymous memory; afterwards ``bytes`` is its peak above the start."""
    start, found, stop = anonymous_bytes(), {"bytes": 0}, threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            found["bytes"] = max(found["bytes"], anonymous_bytes() - start)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield found
    finally:
        stop.set()
        thread.join()


def network() -> GraphSAGE:
    """Return the same network in every process."""
    torch.manual_seed(0)
    return GraphSAGE(NUM_FEATURES, 256, 3, 16).eval()


def whole(graph: ShardedGraph) -> npt.NDArray[np.float32]:
    """Return the output of one pass over the whole graph."""
    name, edges = graph.schema.node_types[0], graph.schema.edge_types[0]
    parts = [graph.edges(edges, part) for part in range(graph.num_parts)]
    counts = np.concatenate([np.diff(part.indptr) for part in parts])
    indptr = torch.from_numpy(np.r_[0, np.cumsum(counts)])
    indices = torch.from_numpy(np.concatenate([part.src for part in parts]))
    x = torch.from_numpy(graph.column(name, "x"))
    with torch.inference_mode():
        out: npt.NDArray[np.float32] = network()(x, CSC(indptr, indices, len(x))).numpy()
    return out


def child(name: str, folder: Path, arguments: Arguments) -> None:
    """Make one measurement and print it."""
    graph = open_graph(generated_graph(arguments, folder, "hash", NUM_PARTS))
    kept = folder / "whole.npy"
    started = time.perf_counter()
    with peak_memory() as memory:
        if name == "whole":
            output = whole(graph)
        else:
            with layerwise_outputs(
                network(), graph, memory_bytes=int(name), folder=folder
            ) as outputs:
                output = np.array(outputs)
    seconds = time.perf_counter() - started
    found = {"seconds": seconds, "bytes": memory["bytes"], "error": 0.0}
    if name == "whole":
        np.save(kept, output)
    else:
        expected = np.load(kept)
        found["error"] = float(np.abs(output - expected).max() / np.abs(expected).max())
    print(json.dumps(found))


def main(arguments: Arguments) -> None:
    """Measure both sides and print a table."""
    table = Table("side", "peak memory, MiB", "seconds", "largest relative error")
    figures, details = [], {"machine": machine()}
    with graph_folder(arguments) as folder:
        generated_graph(arguments, folder, "hash", NUM_PARTS)
        for name in ("whole", *map(str, MEMORY_BYTES)):
            found: dict[str, Any] = run_child(__file__, arguments, name, folder)
            details[name] = found
            mebibytes = found["bytes"] / 2**20
            label = "whole graph" if name == "whole" else f"layer-wise, {int(name) >> 20} MiB"
            table.add_row(
                label, f"{mebibytes:,.0f}", f"{found['seconds']:.1f}", f"{found['error']:.1e}"
            )
            if name != "whole":
                figures += [
                    Figure(name=f"{label}: memory", value=mebibytes, unit="MiB", target=1024,
                           at_most=True),
                    Figure(name=f"{label}: error", value=found["error"], unit="", target=1e-6,
                           at_most=True),
                ]  # fmt: skip
        (folder / "whole.npy").unlink()
    Console().print(table)
    print(f"{arguments.nodes:,} nodes, {arguments.edges:,} edges; {details['machine']}")
    write_json(arguments.json, figures, details)


if __name__ == "__main__":
    chosen = tyro.cli(Arguments, description=__doc__).sized()
    if chosen.child is None:
        main(chosen)
    else:
        assert chosen.cache is not None
        child(chosen.child, chosen.cache, chosen)
