"""What the examples of force fields share: MD17 frames, training on energies and forces, a curve.

Not an example itself. Models are trained to forces and energies together, both divided by the root
mean square of the forces, by Adam with a warm-up and a cosine to 0. Errors are those of an
exponential average of the weights.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from support import DATA, compare
from torch import Tensor, nn

from distgnn.loader import tune_malloc

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

WARM_UP = 0.05
KEEP = 0.999
EVALUATIONS = 10
BATCH_SIZE = 10
EVALUATION_BATCH_SIZE = 100


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames of one molecule's trajectory, in kcal/mol and Angstrom."""

    z: Tensor
    """Atomic numbers, int64 [A]."""
    pos: Tensor
    """float32 [n, A, 3]."""
    energy: Tensor
    """float32 [n], less the mean of the training frames."""
    forces: Tensor
    """float32 [n, A, 3]."""

    def __len__(self) -> int:
        return self.energy.numel()

    def batch(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return atomic numbers, positions and molecules of some frames as one batch."""
        molecules = torch.arange(ids.numel()).repeat_interleave(self.z.numel())
        return self.z.repeat(ids.numel()), self.pos[ids].flatten(0, 1), molecules


@dataclass(frozen=True, kw_only=True)
class Setting:
    """How long and how fast to train."""

    steps: int
    """Batches of ten frames."""
    lr: float
    """Highest learning rate."""
    published: tuple[str, str]
    """Mean absolute errors of energies (kcal/mol) and of forces (kcal/mol/Angstrom)."""


def md17(name: str, data: Path) -> dict[str, Frames]:
    """Read ``data/name/data.npz``: the frames of the splits train, val and test."""
    path = data / name / "data.npz"
    if not path.is_file():
        msg = f"there is no {path}: give the folder of the datasets by --data"
        raise SystemExit(msg)
    with np.load(path, allow_pickle=False) as arrays:
        z = torch.from_numpy(arrays["z"].reshape(-1)).long()
        split = torch.from_numpy(arrays["split"])
        pos, energy, forces = (
            torch.from_numpy(arrays[key]).double() for key in ("pos", "energy", "forces")
        )
    energy = energy.view(-1) - energy.view(-1)[split == 0].mean()
    return {
        part: Frames(
            z=z,
            pos=pos[split == number].float(),
            energy=energy[split == number].float(),
            forces=forces[split == number].float(),
        )
        for number, part in enumerate(("train", "val", "test"))
    }


def energies_and_forces(
    model: nn.Module, z: Tensor, pos: Tensor, batch: Tensor
) -> tuple[Tensor, Tensor]:
    """Return energies [B] and forces [N, 3]; differentiable while the model trains."""
    if getattr(model, "derivative", False):
        energy, forces = model(z, pos, batch)
        return energy.view(-1), forces
    pos.requires_grad_()
    energy = model(z, pos, batch).view(-1)
    (slope,) = torch.autograd.grad(energy.sum(), pos, create_graph=model.training)
    return energy, -slope


def errors(model: nn.Module, frames: Frames, scale: float) -> tuple[float, float]:
    """Return the mean absolute errors of energies and of force components."""
    model.eval()
    energy_errors, force_errors = [], []
    for ids in torch.arange(len(frames)).split(EVALUATION_BATCH_SIZE):
        energy, forces = energies_and_forces(model, *frames.batch(ids))
        energy_errors.append((energy.detach() * scale - frames.energy[ids]).abs())
        force_errors.append((forces.detach() * scale - frames.forces[ids].flatten(0, 1)).abs())
    return float(torch.cat(energy_errors).mean()), float(torch.cat(force_errors).mean())


def average(kept: Tensor, new: Tensor, num_steps: Tensor | int) -> Tensor:
    """Return the new average of a weight: over fewer steps at the beginning."""
    return torch.lerp(kept, new, max(1 - KEEP, 9 / (10 + int(num_steps))))


def fit(model: nn.Module, frames: dict[str, Frames], setting: Setting) -> tuple[float, float]:
    """Train, printing validation errors; return the test errors of the averaged weights."""
    train = frames["train"]
    scale = float(train.forces.square().mean().sqrt())
    optimizer = torch.optim.Adam(model.parameters(), lr=setting.lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, setting.lr, total_steps=setting.steps, pct_start=WARM_UP, cycle_momentum=False
    )
    averaged = torch.optim.swa_utils.AveragedModel(model, avg_fn=average)
    print("     step  seconds  energy  forces   (validation, mean absolute error)")
    started = time.perf_counter()
    order = torch.empty(0, dtype=torch.int64)
    for step in range(1, setting.steps + 1):
        if order.numel() < BATCH_SIZE:
            order = torch.randperm(len(train))
        ids, order = order[:BATCH_SIZE], order[BATCH_SIZE:]
        model.train()
        energy, forces = energies_and_forces(model, *train.batch(ids))
        loss = (energy - train.energy[ids] / scale).square().mean()
        loss = loss + (forces - train.forces[ids].flatten(0, 1) / scale).square().mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 10.0)
        optimizer.step()
        schedule.step()
        averaged.update_parameters(model)
        if step % max(1, setting.steps // EVALUATIONS) == 0:
            found = errors(averaged.module, frames["val"], scale)
            seconds = time.perf_counter() - started
            print(f"  {step:7d}  {seconds:7.0f}  {found[0]:6.3f}  {found[1]:6.3f}", flush=True)
    return errors(averaged.module, frames["test"], scale)


def run(
    description: str | None, models: Sequence[tuple[str, Callable[[], nn.Module], Setting]]
) -> None:
    """Parse the command line, train each of the models on ethanol, and compare."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--data", type=type(DATA), default=DATA, help="folder of the datasets")
    parser.add_argument("--steps", type=int, help="batches of ten frames; the more, the better")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    tune_malloc()
    frames = md17("md17_ethanol", args.data)
    rows = []
    for name, build, setting in models:
        torch.manual_seed(args.seed)
        model = build()
        size = sum(parameter.numel() for parameter in model.parameters())
        steps = args.steps or setting.steps
        print(f"{name}: {size:,} parameters, {steps:,} steps of {BATCH_SIZE} frames")
        shortened = Setting(steps=steps, lr=setting.lr, published=setting.published)
        energy, forces = fit(model, frames, shortened)
        rows.append((f"{name}, energy", f"{energy:.3f}", setting.published[0]))
        rows.append((f"{name}, forces", f"{forces:.3f}", setting.published[1]))
    compare("Ethanol, test MAE (kcal/mol; kcal/mol/Angstrom), 950 training frames", rows)
