"""SchNet on atomisation energies of small organic molecules (QM7), 5,000 for training.

    python examples/schnet_qm7.py --data ../shared/data

Published mean absolute errors for QM7, on other splits: about 10 kcal/mol (Coulomb matrix, Rupp et
al. 2012, https://arxiv.org/abs/1109.2618) and 3 kcal/mol (best method of Hansen et al. 2013,
https://doi.org/10.1021/ct400195d). Energies are predicted on top of a linear regression on the
counts of the elements, which alone is also shown.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from support import SPLITS, arguments, compare, spread
from torch import Tensor

from distgnn.loader import tune_malloc
from distgnn.nn import SchNet

if TYPE_CHECKING:
    from pathlib import Path

BATCH_SIZE = 32
NUM_ELEMENTS = 20
LR = 1e-3
SHOWN_EPOCHS = 10


@dataclass(frozen=True, kw_only=True)
class Molecules:
    """All molecules of QM7, one after another."""

    z: Tensor
    """Atomic numbers, int64 [N]."""
    pos: Tensor
    """Positions in Angstrom, float32 [N, 3]."""
    num_atoms: Tensor
    """int64 [M]."""
    energy: Tensor
    """kcal/mol, float64 [M]."""
    split: Tensor
    """int8 [M]: 0 train, 1 val, 2 test."""

    def ids(self, part: str) -> Tensor:
        """Return the molecules of a part."""
        return (self.split == SPLITS[part]).nonzero().view(-1)

    def batch(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return atomic numbers, positions and molecules of a batch."""
        first = (self.num_atoms.cumsum(0) - self.num_atoms)[ids]
        atoms = torch.cat(
            [
                torch.arange(int(a), int(a + n))
                for a, n in zip(first, self.num_atoms[ids], strict=True)
            ]
        )
        batch = torch.arange(ids.numel()).repeat_interleave(self.num_atoms[ids])
        return self.z[atoms], self.pos[atoms], batch

    def composition(self) -> Tensor:
        """Return how many atoms of each element a molecule has, float64 [M, NUM_ELEMENTS]."""
        owner = torch.arange(self.num_atoms.numel()).repeat_interleave(self.num_atoms)
        counts = torch.zeros(self.num_atoms.numel(), NUM_ELEMENTS, dtype=torch.float64)
        return counts.index_put_((owner, self.z), torch.ones(1).double(), accumulate=True)


def qm7(data: Path) -> Molecules:
    """Read ``data/qm7/data.npz``."""
    path = data / "qm7" / "data.npz"
    if not path.is_file():
        msg = f"there is no {path}: give the folder of the datasets by --data"
        raise SystemExit(msg)
    with np.load(path, allow_pickle=False) as arrays:
        return Molecules(
            z=torch.from_numpy(arrays["z"]).long(),
            pos=torch.from_numpy(arrays["pos"]).float(),
            num_atoms=torch.from_numpy(arrays["num_atoms"]).long(),
            energy=torch.from_numpy(arrays["energy"]).double(),
            split=torch.from_numpy(arrays["split"]),
        )


def regression(molecules: Molecules) -> Tensor:
    """Return the energy that each element contributes, from the training molecules."""
    train = molecules.ids("train")
    counts, energy = molecules.composition()[train], molecules.energy[train]
    solution: Tensor = torch.linalg.lstsq(counts, energy, driver="gelsd").solution
    return solution


def mean_error(model: SchNet, molecules: Molecules, part: str) -> float:
    """Return the mean absolute error in kcal/mol."""
    model.eval()
    found = []
    with torch.no_grad():
        for ids in molecules.ids(part).split(200):
            energy = model(*molecules.batch(ids)).view(-1)
            found.append((energy - molecules.energy[ids]).abs())
    return float(torch.cat(found).mean())


def run(molecules: Molecules, seed: int, epochs: int) -> float:
    """Train, printing validation errors; return the test error of the last epoch."""
    torch.manual_seed(seed)
    elements = regression(molecules)
    train = molecules.ids("train")
    rest = molecules.energy - molecules.composition() @ elements
    std = float(rest[train].std()) / float(molecules.num_atoms.double().mean())
    model = SchNet(num_interactions=4, cutoff=6.0, mean=0.0, std=std, atomref=elements.float())
    model.get_submodule("atomref").requires_grad_(False)  # fitted already
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=LR)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    print("  epoch  seconds  MAE   (validation)")
    started = time.perf_counter()
    for epoch in range(1, epochs + 1):
        model.train()
        for ids in train[torch.randperm(train.numel())].split(BATCH_SIZE):
            optimizer.zero_grad()
            energy = model(*molecules.batch(ids)).view(-1)
            ((energy - molecules.energy[ids]).abs().mean() / std).backward()
            optimizer.step()
        schedule.step()
        if epoch % max(1, epochs // SHOWN_EPOCHS) == 0:
            seconds = time.perf_counter() - started
            print(
                f"  {epoch:5d}  {seconds:7.0f}  {mean_error(model, molecules, 'val'):.2f}",
                flush=True,
            )
    return mean_error(model, molecules, "test")


def main() -> None:
    """Run one or several seeds."""
    args = arguments(__doc__, runs=1, epochs=60)
    tune_malloc()
    molecules = qm7(args.data)
    found = [run(molecules, seed, args.epochs) for seed in range(args.runs)]
    test = molecules.ids("test")
    linear = molecules.composition()[test] @ regression(molecules) - molecules.energy[test]
    rows = [
        ("SchNet", spread(found, digits=2), "about 10 (2012), 3 (2013), other splits"),
        ("counts of elements", f"{float(linear.abs().mean()):.2f}", "-"),
    ]
    compare("QM7, test MAE in kcal/mol", rows)


if __name__ == "__main__":
    main()
