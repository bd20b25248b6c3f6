"""Molecules for the models on atoms, and the properties that all these models share."""

import copy
import pickle
from itertools import product

import pytest
import torch

from tests.nn.parity import assert_parity

ELEMENTS = torch.tensor([1, 6, 7, 8])


def molecule(num_atoms, seed=0, spread=1.3, closest=0.8):
    """Return atomic numbers and positions of a compact molecule, no two atoms closer than that."""
    generator = torch.Generator().manual_seed(seed)
    pos = torch.zeros(1, 3, dtype=torch.float64)
    while pos.size(0) < num_atoms:
        new = torch.randn(3, generator=generator, dtype=torch.float64) * spread
        if (pos - new).norm(dim=1).min() > closest:
            pos = torch.cat([pos, new.unsqueeze(0)])
    pos = pos + torch.randn(3, generator=generator, dtype=torch.float64)
    return ELEMENTS[torch.randint(0, 4, (num_atoms,), generator=generator)], pos


def batch_of(sizes, seed=0):
    """Return atomic numbers, positions and molecules of a batch."""
    parts = [molecule(size, seed + n) for n, size in enumerate(sizes)]
    batch = torch.arange(len(sizes)).repeat_interleave(torch.tensor(sizes))
    return torch.cat([z for z, _ in parts]), torch.cat([pos for _, pos in parts]), batch


def rotation(seed=0):
    """Return a proper rotation of space."""
    generator = torch.Generator().manual_seed(seed)
    q, r = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    q = q * r.diagonal().sign()
    return q * q.det()


def energies(model, z, pos, batch):
    """Return the energies of the molecules, [B]."""
    out = model(z, pos, batch)
    out = out[0] if isinstance(out, tuple) else out
    return out[:, 0]


def energies_and_forces(model, z, pos, batch):
    """Return energies, and forces that can be differentiated."""
    if not pos.requires_grad:
        pos = pos.clone().requires_grad_()
    energy = energies(model, z, pos, batch)
    (slope,) = torch.autograd.grad(energy.sum(), pos, create_graph=True)
    return energy, -slope


def randomize(model):
    """Move all parameters a little: some start at 0."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter) / parameter.size(-1) ** 0.5)
    return model


def assert_energy_parity(ours, theirs, sizes=(7, 1, 5, 9)):
    """Same energies, forces, and gradients through both, on torch-geometric's weights."""
    randomize(theirs)
    assert_parity(ours, theirs, *batch_of(sizes), call=energies_and_forces)


def assert_moves_with_space(model, sizes=(7, 5)):
    """Energies stay under rotation and translation, and forces rotate along."""
    randomize(model.double())
    z, pos, batch = batch_of(sizes)
    turn = rotation()
    shift = torch.tensor([3.0, -1.0, 2.0], dtype=torch.float64)
    energy, forces = energies_and_forces(model, z, pos, batch)
    energy_, forces_ = energies_and_forces(model, z, pos @ turn.T + shift, batch)
    assert forces.abs().max() > 1e-3
    torch.testing.assert_close(energy_, energy, rtol=1e-8, atol=1e-10)
    scale = forces.abs().max().item()
    torch.testing.assert_close(forces_, forces @ turn.T, rtol=1e-8, atol=1e-8 * scale)


def assert_forces_are_slopes(model, num_atoms=6, step=2e-5):
    """Forces equal central differences of the energy, of fourth order."""
    randomize(model.double())
    z, pos = molecule(num_atoms, seed=3)
    batch = torch.zeros_like(z)
    _, forces = energies_and_forces(model, z, pos, batch)
    scale = forces.abs().max().item()
    for atom, axis in product((0, num_atoms - 1), range(3)):
        moves = torch.zeros(4, *pos.shape, dtype=torch.float64)
        moves[:, atom, axis] = torch.tensor([-2, -1, 1, 2]) * step
        with torch.no_grad():
            e = [energies(model, z, pos + move, batch).item() for move in moves]
        slope = (e[0] - 8 * e[1] + 8 * e[2] - e[3]) / (12 * step)
        assert forces[atom, axis].item() == pytest.approx(-slope, rel=1e-6, abs=1e-7 * scale)


def assert_molecules_are_separate(model):
    """A batch gives what its molecules give alone; order of atoms does not matter."""
    randomize(model.double())
    z, pos, batch = batch_of((6, 1, 4))
    energy, forces = energies_and_forces(model, z, pos, batch)
    for number in range(3):
        mine = batch == number
        order = torch.randperm(int(mine.sum()))
        alone = energies_and_forces(model, z[mine][order], pos[mine][order], 0 * batch[mine])
        torch.testing.assert_close(alone[0][0], energy[number])
        torch.testing.assert_close(alone[1], forces[mine][order])


def assert_usual_module(model, call):
    """It can be copied and pickled, resets to a fresh draw, and shows what it is."""
    model.eval()
    expected = call(model)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        torch.testing.assert_close(call(other), expected, rtol=0, atol=0)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    torch.manual_seed(1)
    model.reset_parameters()
    first = {name: value.clone() for name, value in model.state_dict().items()}
    assert any(not torch.equal(value, before[name]) for name, value in first.items())
    randomize(model)
    torch.manual_seed(1)
    model.reset_parameters()
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, first[name], rtol=0, atol=0, msg=name)
    assert type(model).__name__ in repr(model)


def assert_runs_in_bfloat16(model, sizes=(7, 5)):
    """Under autocast, forces are close and a step on energies and forces is finite."""
    randomize(model.float())
    z, pos, batch = batch_of(sizes)
    _, expected = energies_and_forces(model, z, pos.float(), batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        energy, forces = energies_and_forces(model, z, pos.float(), batch)
    (energy.float().square().sum() + forces.float().square().sum()).backward()
    assert torch.cosine_similarity(forces.flatten(), expected.flatten(), dim=0) > 0.99
    for parameter in model.parameters():
        assert parameter.grad is None or parameter.grad.isfinite().all()


def bad_inputs():
    """Return what no model on atoms takes, and words of the error."""
    z, pos, batch = batch_of((3, 3))
    twice = pos.clone()
    twice[4] = twice[3]
    nan = pos.clone()
    nan[1, 2] = torch.nan
    return {
        "unknown element": ((z.clone().fill_(118), pos, batch), "atomic number 118"),
        "negative element": ((-z, pos, batch), "the model knows 0 to"),
        "atoms at one place": ((z, twice, batch), "atoms 3 and 4 are at the same place"),
        "nan": ((z, nan, batch), "coordinates must be finite"),
        "one-hot elements": ((torch.eye(6), pos, batch), "expected atomic numbers"),
        "two dimensions": ((z, pos[:, :2], batch), r"expected floats \[6, 3\]"),
        "integer positions": ((z, pos.long(), batch), "pos is torch.int64"),
        "missing position": ((z, pos[:5], batch), "a position for each atom"),
        "unsorted batch": ((z, pos, batch.flip(0)), "must start at 0 or above and ascend"),
        "short batch": ((z, pos, batch[:4]), r"expected int64 \[6\]"),
    }
