"""Energies and forces of 64 molecules, one step of training: distgnn against torch-geometric.

    python benchmarks/geometry.py                       # half an hour
    python benchmarks/geometry.py --quick
    python benchmarks/geometry.py --json geometry.json

Each model has its published size and the same weights on both sides, which take turns in one
process per model: energies, forces as their gradient, a loss on both, its backward pass, Adam;
GNNFF predicts forces directly. Molecules are packed at random, 9 to 21 atoms each, as dense as
ethanol. Every model runs with glibc's default malloc and with freed memory kept
(`distgnn.loader.tune_malloc`), on one thread. Expected: not slower.

What bounds the step is in the last column: products (of dense matrices), edges (our kernels over
edges and triplets) or passes (elementwise, over memory).
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - tyro reads it
from typing import TYPE_CHECKING, Any

import torch
import tyro
from _common import (
    MALLOCS,
    Figure,
    Timed,
    in_turns,
    machine,
    median,
    timed,
    write_json,
)
from rich.console import Console
from rich.table import Table

import distgnn.nn as ours
from distgnn.loader import tune_malloc

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor, nn

CUBIC_ANGSTROM_PER_ATOM = 12.0
CLOSEST = 1.0
TOLERANCE = 1e-3

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "SchNet": ("SchNet", {}),
    "DimeNet++": (
        "DimeNetPlusPlus",
        {
            "hidden_channels": 128,
            "out_channels": 1,
            "num_blocks": 4,
            "int_emb_size": 64,
            "basis_emb_size": 8,
            "out_emb_channels": 256,
            "num_spherical": 7,
            "num_radial": 6,
            "output_initializer": "glorot_orthogonal",
        },
    ),
    "ViSNet": ("ViSNet", {}),
    "ViSNet, lmax 2, vertex": (
        "ViSNet",
        {"lmax": 2, "vertex": True, "vecnorm_type": "max_min"},
    ),
    "GNNFF": (
        "GNNFF",
        {"hidden_node_channels": 64, "hidden_edge_channels": 64, "num_layers": 3},
    ),
}


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """What to measure."""

    molecules: int = 64
    rounds: int = 8
    """Steps measured on each side, in turns; the median counts."""
    threads: int = 1
    quick: bool = False
    """Few molecules and rounds: shows that it works, not how fast."""
    json: Path | None = None
    """Also write the figures to this file."""
    child: str | None = None
    """Used by the benchmark itself: the measurement to make in a fresh process."""


def molecules(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return atomic numbers, positions and molecules of a batch of random molecules."""
    generator = torch.Generator().manual_seed(0)
    sizes = torch.randint(9, 22, (count,), generator=generator)
    positions = [packed(int(size), generator) for size in sizes]
    elements = torch.tensor([1, 6, 7, 8])
    z = elements[torch.randint(0, 4, (int(sizes.sum()),), generator=generator)]
    return z, torch.cat(positions), torch.arange(count).repeat_interleave(sizes)


def packed(num_atoms: int, generator: torch.Generator) -> Tensor:
    """Return positions in a ball, none closer than `CLOSEST`, [num_atoms, 3]."""
    radius = (num_atoms * CUBIC_ANGSTROM_PER_ATOM * 3 / (4 * torch.pi)) ** (1 / 3)
    found = torch.zeros(1, 3)
    while found.size(0) < num_atoms:
        new = (2 * torch.rand(1, 3, generator=generator) - 1) * radius
        if new.norm() < radius and torch.cdist(new, found).min() > CLOSEST:
            found = torch.cat([found, new])
    return found


def build(name: str) -> tuple[nn.Module, nn.Module]:
    """Return our model and the peer's, with the same weights."""
    import torch_geometric.nn.models as theirs

    cls, arguments = MODELS[name]
    torch.manual_seed(0)
    model, peer = getattr(ours, cls)(**arguments), getattr(theirs, cls)(**arguments)
    model.load_state_dict(peer.state_dict())
    return model, peer


def step(model: nn.Module, batch: tuple[Tensor, Tensor, Tensor]) -> Callable[[], float]:
    """Return a step of training on energies and forces; it returns the loss."""
    z, pos, molecule = batch
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-5)
    direct = type(model).__name__ == "GNNFF"

    def run() -> float:
        at = pos.clone().requires_grad_(not direct)
        out = model(z, at, molecule)
        energy = out[0] if isinstance(out, tuple) else out
        loss = energy.square().mean()
        if not direct:
            (forces,) = torch.autograd.grad(energy.sum(), at, create_graph=True)
            loss = loss + forces.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return run


def shares(run: Callable[[], float]) -> dict[str, float]:
    """Return how the time of a step divides among products, kernels over edges, and passes."""
    found = {"products": 0.0, "edges": 0.0, "passes": 0.0}
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        run()
    products = ("aten::mm", "aten::addmm", "aten::bmm")
    edges = ("_Filtered", "_Outer", "_LowRank", "index", "scatter", "torch_cluster", "sort")
    for event in profile.key_averages():
        kind = "products" if event.key in products else "passes"
        kind = "edges" if any(word in event.key for word in edges) else kind
        found[kind] += event.self_cpu_time_total
    total = sum(found.values())
    return {kind: time / total for kind, time in found.items()}


def measure(arguments: Arguments, name: str) -> dict[str, Any]:
    """Measure a model against the peer's."""
    batch = molecules(arguments.molecules)
    runs = [step(model, batch) for model in build(name)]
    losses = [run() for run in runs]
    if abs(losses[0] - losses[1]) > TOLERANCE * abs(losses[1]):
        msg = f"{name}: losses {losses[0]} and {losses[1]} differ"
        raise AssertionError(msg)

    def side_of(run: Callable[[], float]) -> Callable[[int], Timed]:
        return lambda _: timed(run, lambda _: 1.0)

    sides = {"ours": side_of(runs[0]), "peer": side_of(runs[1])}
    found = in_turns(sides, arguments.rounds, warm_up=0)
    pairs = list(zip(found["ours"], found["peer"], strict=True))
    return {
        "ours_ms": 1e3 * median([a.cpu_s for a, _ in pairs]),
        "peer_ms": 1e3 * median([b.cpu_s for _, b in pairs]),
        "ratio": median([b.cpu_s / a.cpu_s for a, b in pairs]),
        "wall_ratio": median([b.wall_s / a.wall_s for a, b in pairs]),
        "shares": shares(runs[0]),
    }


def run_child(arguments: Arguments, key: str) -> dict[str, Any]:
    """Make one measurement in a fresh process and return its figures."""
    words = [sys.executable, __file__, "--child", key]
    for option in ("molecules", "rounds", "threads"):
        words += [f"--{option}", str(getattr(arguments, option))]
    threads = {"OMP_NUM_THREADS": str(arguments.threads)}
    done = subprocess.run(
        words, stdout=subprocess.PIPE, text=True, check=True, env=os.environ | threads
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def child(arguments: Arguments, key: str) -> None:
    """Make one measurement and print it."""
    name, malloc = key.split(":")
    torch.set_num_threads(arguments.threads)
    if malloc == "tuned":
        tune_malloc()
    print(json.dumps(measure(arguments, name)))


def show(results: dict[str, dict[str, Any]]) -> None:
    """Print the figures as a table."""
    table = Table(
        "model", "ours, CPU ms", "peer, CPU ms", "ratio", "ratio, tuned malloc", "our time goes to"
    )
    for name in MODELS:
        figures, tuned = results[f"{name}:default"], results[f"{name}:tuned"]
        parts = sorted(figures["shares"].items(), key=lambda part: -part[1])
        table.add_row(
            name,
            f"{figures['ours_ms']:.0f}",
            f"{figures['peer_ms']:.0f}",
            f"{figures['ratio']:.2f}",
            f"{tuned['ratio']:.2f}",
            ", ".join(f"{kind} {100 * share:.0f} %" for kind, share in parts),
        )
    Console(width=130).print(table)


def main() -> None:
    """Measure all models in turns and print the table."""
    arguments = tyro.cli(Arguments, description=__doc__)
    if arguments.child is not None:
        child(arguments, arguments.child)
        return
    if arguments.quick:
        arguments = dataclasses.replace(arguments, molecules=4, rounds=2)
    keys = [f"{name}:{malloc}" for name in MODELS for malloc in MALLOCS]
    results = {key: run_child(arguments, key) for key in keys}
    show(results)
    figures = [
        Figure(
            name=f"energy and force step, {key.replace(':', ', ')} malloc",
            value=found["ratio"],
            unit="x torch-geometric",
            target=1.0,
        )
        for key, found in results.items()
    ]
    write_json(arguments.json, figures, {"machine": machine(), **results})


if __name__ == "__main__":
    main()
