import sys
from types import ModuleType

import numpy as np
import pytest
import torch
import torch_geometric.nn.models as theirs
from torch import nn

from distgnn.exceptions import ArgumentError
from distgnn.nn import CFConv, RadiusInteractionGraph, SchNet
from distgnn.nn.models.atomic_mass import ATOMIC_MASSES
from distgnn.nn.models.schnet import GaussianSmearing
from tests.nn.models.molecules import (
    assert_energy_parity,
    assert_forces_are_slopes,
    assert_molecules_are_separate,
    assert_moves_with_space,
    assert_runs_in_bfloat16,
    assert_usual_module,
    bad_inputs,
    batch_of,
    energies,
    energies_and_forces,
    molecule,
    randomize,
)

SMALL = {"hidden_channels": 8, "num_filters": 6, "num_interactions": 2, "num_gaussians": 7}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.fixture
def _masses(monkeypatch):
    """Torch-geometric takes masses from ase, which is not needed here."""
    ase, ase.data = ModuleType("ase"), ModuleType("ase.data")
    ase.data.atomic_masses = np.array(ATOMIC_MASSES)
    monkeypatch.setitem(sys.modules, "ase", ase)
    monkeypatch.setitem(sys.modules, "ase.data", ase.data)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"cutoff": 1.6, "readout": "mean"},
        {"max_num_neighbors": 3, "num_interactions": 1},
        {"mean": 1.5, "std": 2.5, "atomref": torch.linspace(-1, 1, 100).view(-1, 1)},
        {"mean": 1.5},
    ],
    ids=lambda options: " ".join(options),
)
def test_parity(options):
    arguments = {**SMALL, **options}
    assert_energy_parity(SchNet(**arguments), theirs.SchNet(**arguments))


@pytest.mark.usefixtures("_masses")
def test_parity_of_dipoles():
    ours, other = SchNet(**SMALL, dipole=True), theirs.SchNet(**SMALL, dipole=True)
    # A dipole of length 0, which a single atom has, is no smooth function: left out.
    assert_energy_parity(ours, other, sizes=(7, 5, 9))


def test_parity_with_a_graph_of_ones_own():
    def ring(pos, batch):
        edges = torch.tensor([[0, 1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 0]])
        # Lengths beyond the cutoff, where the cosine rises again.
        return edges, (pos[edges[0]] - pos[edges[1]]).norm(dim=-1) * 3

    arguments = {**SMALL, "cutoff": 4.0, "interaction_graph": ring}
    assert_energy_parity(SchNet(**arguments), theirs.SchNet(**arguments), sizes=(6,))


def test_moves_with_space():
    assert_moves_with_space(SchNet(**SMALL))


def test_forces_are_slopes():
    assert_forces_are_slopes(SchNet(**SMALL))


def test_molecules_are_separate():
    assert_molecules_are_separate(SchNet(**SMALL))


def test_usual_module():
    z, pos, batch = batch_of((5, 4))
    model = SchNet(**SMALL, mean=1.0, std=2.0, atomref=torch.rand(100, 1)).double()
    assert_usual_module(model, lambda model: energies(model, z, pos, batch))
    assert repr(SchNet()) == (
        "SchNet(hidden_channels=128, num_filters=128, num_interactions=6, num_gaussians=50, "
        "cutoff=10.0)"
    )


def test_bfloat16():
    assert_runs_in_bfloat16(SchNet(**SMALL))


def test_energy_is_smooth_at_the_cutoff():
    model = randomize(SchNet(**SMALL, cutoff=3.0).double())
    z = torch.tensor([6, 1, 8])
    gaps = []
    for distance in (3.0 - 1e-6, 3.0 + 1e-6):
        pos = torch.tensor([[0, 0, 0], [0, 1.1, 0], [distance, 0, 0]], dtype=torch.float64)
        gaps.append(energies_and_forces(model, z, pos, torch.zeros_like(z)))
    for inside, outside in zip(*gaps, strict=True):
        torch.testing.assert_close(inside, outside, rtol=0, atol=1e-5)


def test_dipole_of_a_slow_formula():
    model = randomize(SchNet(**SMALL, dipole=True).double())
    z, pos = molecule(5)
    charges = []
    model.lin2.register_forward_hook(lambda _, __, out: charges.append(out))
    length = model(z, pos).item()
    masses = np.array(ATOMIC_MASSES)[z.numpy()]
    centre = (masses[:, None] * pos.numpy()).sum(0) / masses.sum()
    moment = (charges[0].detach().numpy() * (pos.numpy() - centre)).sum(0)
    assert length == pytest.approx(np.linalg.norm(moment))


def test_masses():
    assert len(ATOMIC_MASSES) == 119
    known = {1: 1.008, 6: 12.011, 8: 15.999, 26: 55.845, 79: 196.966569, 92: 238.02891}
    assert {number: ATOMIC_MASSES[number] for number in known} == known
    # Heavier with each element, but for the known inversions.
    falls = [n for n in range(2, 93) if ATOMIC_MASSES[n] < ATOMIC_MASSES[n - 1]]
    assert falls == [19, 28, 53, 91]


def test_crystal_through_a_graph_of_ones_own():
    # A simple cubic lattice: moving an atom by a lattice vector changes nothing, and the energy
    # of a doubled cell is twice that of one.
    class Periodic(nn.Module):
        def __init__(self, cell):
            super().__init__()
            self.register_buffer("cell", torch.tensor(cell, dtype=torch.float64))

        def forward(self, pos, batch):
            shifts = torch.cartesian_prod(*[torch.arange(-2, 3)] * 3) * self.cell
            vectors = pos[:, None, None] - pos[None, :, None] + shifts
            lengths = vectors.norm(dim=-1)
            j, i, s = ((lengths > 1e-6) & (lengths < 3.5)).nonzero(as_tuple=True)
            return torch.stack([j, i]), lengths[j, i, s]

    z, pos = torch.tensor([11, 17]), torch.tensor([[0.0, 0, 0], [1.4, 1.3, 1.2]]).double()
    model = randomize(SchNet(**SMALL, cutoff=3.5, interaction_graph=Periodic([2.8] * 3)).double())
    one = model(z, pos)
    moved = pos + torch.tensor([[0, 0, 0], [2.8, 0, -2.8]])
    torch.testing.assert_close(model(z, moved), one)
    double_cell = torch.cat([pos, pos + torch.tensor([2.8, 0, 0])])
    model.interaction_graph.cell[0] = 5.6
    torch.testing.assert_close(model(z.repeat(2), double_cell), 2 * one)


def test_filters_and_basis_are_computed_once_for_both_directions():
    model = SchNet(**SMALL).double()
    rows = {"basis": [], "filters": []}
    expansion, filters = model.distance_expansion, model.interactions[1].mlp
    expansion.register_forward_hook(lambda _, __, out: rows["basis"].append(out.size(0)))
    filters.register_forward_hook(lambda _, __, out: rows["filters"].append(out.size(0)))
    z, pos, batch = batch_of((5, 4))
    model(z, pos, batch)
    edge_index, lengths = model.interaction_graph(pos, batch)
    assert edge_index.size(1) == lengths.numel() == 5 * 4 + 4 * 3
    assert rows == {"basis": [16], "filters": [16]}


def test_radius_interaction_graph():
    ours, other = RadiusInteractionGraph(1.5, 4), theirs.schnet.RadiusInteractionGraph(1.5, 4)
    _, pos, batch = batch_of((9, 8))
    for mine, expected in zip(ours(pos, batch), other(pos, batch), strict=True):
        torch.testing.assert_close(mine, expected)
    assert repr(ours) == "RadiusInteractionGraph(cutoff=1.5, max_num_neighbors=4)"


def test_atoms_without_neighbours_keep_their_own_energy():
    model = randomize(SchNet(**SMALL, cutoff=2.0).double())
    z = torch.tensor([6, 1])
    apart = torch.tensor([[0.0, 0, 0], [9.0, 0, 0]], dtype=torch.float64)
    together = energies(model, z, apart, torch.zeros_like(z))
    carbon, hydrogen = energies(model, z, apart, torch.tensor([0, 1])).tolist()
    assert carbon != hydrogen
    assert together.item() == pytest.approx(carbon + hydrogen)
    assert model(z[:1], apart[:1]).item() == pytest.approx(carbon)
    _, forces = energies_and_forces(model, z, apart, torch.zeros_like(z))
    assert forces.tolist() == [[0.0] * 3] * 2


def test_no_atoms():
    nothing = torch.zeros(0, dtype=torch.int64)
    assert SchNet(**SMALL)(nothing, torch.zeros(0, 3)).shape == (0, 1)


def test_atomref_may_be_short_and_flat():
    model = SchNet(**SMALL, atomref=torch.tensor([0.0, 5.0, 7.0]))
    assert model.atomref.weight[:3, 0].tolist() == [0.0, 5.0, 7.0]
    assert not model.atomref.weight[3:].any()
    assert model.initial_atomref.shape == (3, 1)


@pytest.mark.parametrize("case", bad_inputs())
def test_bad_input(case):
    arguments, words = bad_inputs()[case]
    with pytest.raises(ArgumentError, match=words):
        SchNet(**SMALL).double()(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"readout": "max"}, "readout='max' is unknown"),
        ({"num_gaussians": 1}, "num_gaussians=1, expected at least 2"),
        ({"atomref": torch.zeros(101)}, r"atomref has shape \[101\]"),
        ({"atomref": torch.zeros(10, 2)}, r"atomref has shape \[10, 2\]"),
    ],
    ids=["readout", "gaussians", "many", "columns"],
)
def test_bad_arguments(options, words):
    with pytest.raises(ArgumentError, match=words):
        SchNet(**{**SMALL, **options})


def test_bad_interaction_graph():
    model = SchNet(**SMALL, interaction_graph=lambda pos, _: (torch.zeros(2, 3).long(), pos))
    with pytest.raises(ArgumentError, match=r"shape \[2, 3\] and lengths of shape \[4, 3\]"):
        model(torch.ones(4).long(), torch.rand(4, 3))


def test_cf_conv_equals_theirs_and_a_loop():
    filters = nn.Sequential(nn.Linear(4, 3), nn.Tanh())
    ours = CFConv(5, 6, 3, filters, cutoff=2.0)
    other = theirs.schnet.CFConv(5, 6, 3, filters, cutoff=2.0)
    other.load_state_dict(ours.state_dict())
    x, weight, attr = torch.randn(4, 5), torch.rand(6) * 3, torch.randn(6, 4)
    edge_index = torch.tensor([[0, 1, 1, 3, 3, 0], [1, 0, 0, 3, 2, 2]])
    out = ours(x, edge_index, weight, attr)
    torch.testing.assert_close(out, other(x, edge_index, weight, attr))
    total = torch.zeros(4, 3)
    for e, (j, i) in enumerate(edge_index.T.tolist()):
        factor = 0.5 * (np.cos(np.pi * weight[e].item() / 2.0) + 1)
        total[i] += ours.lin1(x)[j] * filters(attr[e]) * factor
    torch.testing.assert_close(out, ours.lin2(total))


def test_cf_conv_shares_filters_of_both_directions():
    conv = CFConv(5, 6, 3, nn.Linear(4, 3), cutoff=2.0)
    x, weight, attr = torch.randn(4, 5), torch.rand(3), torch.randn(3, 4)
    half = torch.tensor([[0, 1, 1], [1, 2, 3]])
    edge_index = torch.cat([half, half.flip(0)], dim=1)
    expected = conv(x, edge_index, weight.repeat(2), attr.repeat(2, 1))
    torch.testing.assert_close(conv(x, edge_index, weight, attr), expected)
    with pytest.raises(ArgumentError, match="there are 4 filters for 6 edges"):
        conv(x, edge_index, torch.rand(4), torch.randn(4, 4))


def test_gaussians_have_no_subnormal_values():
    # These make a product with the basis up to 50 times slower, and change nothing.
    basis = GaussianSmearing(0.0, 10.0, 50)
    dist = torch.linspace(0, 10, 2001)
    values = basis(dist)
    assert values[values > 0].min() > 1e-31
    exact = torch.exp(basis.coeff * (dist.view(-1, 1) - basis.offset).double().square())
    torch.testing.assert_close(values.double(), exact, rtol=1e-4, atol=1e-30)
