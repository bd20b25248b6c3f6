import pytest
import torch
import torch_geometric.nn.models as theirs
from torch_geometric.nn.models import visnet as their_visnet

from distgnn.exceptions import ArgumentError
from distgnn.nn import ViSNet
from distgnn.nn.models import visnet
from distgnn.nn.models.visnet_layers import Views
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
    randomize,
    rotation,
)
from tests.nn.parity import assert_parity

SMALL = {"hidden_channels": 8, "num_heads": 2, "num_layers": 3, "num_rbf": 6}
OPTIONS = [
    {},
    {"lmax": 2},
    {"vertex": True, "vecnorm_type": "max_min"},
    {"lmax": 2, "vertex": True, "vecnorm_type": "max_min"},
]


@pytest.fixture(autouse=True)
def _float64():
    # In torch-geometric lengths of edges are made in the default type.
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(
    "options",
    [
        *OPTIONS,
        {"num_layers": 1, "cutoff": 3.0, "reduce_op": "mean", "max_z": 20},
        {"max_num_neighbors": 4, "mean": 1.5, "std": 0.5, "atomref": torch.rand(100, 1)},
        {"lmax": 2, "vecnorm_type": "max_min", "trainable_vecnorm": True, "trainable_rbf": True},
    ],
    ids=lambda options: " ".join(f"{k}" for k in options) or "plain",
)
def test_parity(options):
    arguments = {**SMALL, **options}
    # Without isolated atoms, where gradients of torch-geometric's forces are nan.
    assert_energy_parity(ViSNet(**arguments), theirs.ViSNet(**arguments), sizes=(7, 5, 9))


@pytest.mark.parametrize("options", OPTIONS[::3], ids=["plain", "all"])
def test_parity_with_forces_of_its_own(options):
    arguments = {**SMALL, **options, "derivative": True}
    ours, other = ViSNet(**arguments), randomize(theirs.ViSNet(**arguments))
    assert_parity(ours, other, *batch_of((6, 8)))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_moves_with_space(options):
    if options == {"vertex": True, "vecnorm_type": "max_min"}:
        options = {"vertex": True}
    assert_moves_with_space(ViSNet(**SMALL, **options))


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_forces_are_slopes(options):
    assert_forces_are_slopes(ViSNet(**SMALL, **options))


@pytest.mark.parametrize("options", OPTIONS[::3], ids=["plain", "all"])
def test_molecules_are_separate(options):
    assert_molecules_are_separate(ViSNet(**SMALL, **options))


def test_forces_of_its_own():
    z, pos, batch = batch_of((5, 4))
    model = randomize(ViSNet(**SMALL, derivative=True))
    energy, forces = model(z, pos.clone(), batch)
    expected = energies_and_forces(without_forces(model), z, pos, batch)
    torch.testing.assert_close(energy[:, 0], expected[0])
    torch.testing.assert_close(forces, expected[1])
    assert forces.requires_grad
    with torch.no_grad():
        plain = model(z, pos.clone(), batch)
    assert not any(value.requires_grad for value in plain)
    torch.testing.assert_close(plain, (energy, forces))


def without_forces(model):
    other = ViSNet(**SMALL)
    other.load_state_dict(model.state_dict())
    assert other(*batch_of((3,)))[1] is None
    return other


def test_usual_module():
    z, pos, batch = batch_of((5, 4))
    arguments = {**SMALL, "trainable_rbf": True, "trainable_vecnorm": True, "vertex": True}
    model = ViSNet(**arguments, atomref=torch.rand(100))
    assert_usual_module(model, lambda model: energies(model, z, pos, batch))


def test_bfloat16():
    torch.set_default_dtype(torch.float32)
    assert_runs_in_bfloat16(ViSNet(**SMALL, lmax=2, vertex=True))


def test_every_parameter_gets_a_gradient():
    # DistributedDataParallel waits for all of them.
    model = ViSNet(**SMALL, vertex=True)
    energies(model, *batch_of((5, 4))).sum().backward()
    used = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
    assert used == {name for name, _ in model.named_parameters()}


def test_bases_are_computed_once():
    model = ViSNet(**SMALL)
    calls = []
    for part in ("distance", "sphere", "distance_expansion"):
        getattr(model.representation_model, part).register_forward_hook(
            lambda *_, part=part: calls.append(part)
        )
    model(*batch_of((5, 4)))
    assert sorted(calls) == ["distance", "distance_expansion", "sphere"]


@pytest.mark.parametrize("vecnorm_type", [None, "max_min"])
def test_atoms_without_neighbours_have_an_energy_and_no_force(vecnorm_type):
    model = randomize(ViSNet(**SMALL, vecnorm_type=vecnorm_type, derivative=True))
    z = torch.tensor([6, 1])
    pos = torch.tensor([[0.0, 0, 0], [9.0, 0, 0]])
    energy, forces = model(z, pos, torch.tensor([0, 1]))
    assert energy[0] != energy[1]
    assert forces.abs().tolist() == [[0.0] * 3] * 2
    torch.testing.assert_close(model(z[:1], pos[:1].detach(), torch.tensor([0]))[0], energy[:1])
    # In torch-geometric these gradients are nan.
    (energy.sum() + forces.square().sum()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


def test_energy_is_smooth_at_the_cutoff_while_biases_are_0():
    model = ViSNet(**SMALL, cutoff=3.0)
    z = torch.tensor([6, 1, 8])
    gaps = []
    for distance in (3.0 - 1e-6, 3.0 + 1e-6):
        pos = torch.tensor([[0, 0, 0], [0, 1.1, 0], [distance, 0, 0]])
        gaps.append(energies_and_forces(model, z, pos, torch.zeros_like(z)))
    for inside, outside in zip(*gaps, strict=True):
        torch.testing.assert_close(inside, outside, rtol=0, atol=1e-5)


@pytest.mark.parametrize("case", bad_inputs())
def test_bad_input(case):
    arguments, words = bad_inputs()[case]
    with pytest.raises(ArgumentError, match=words):
        ViSNet(**SMALL)(*arguments)


def test_atomic_number_beyond_the_given_atomref():
    model = ViSNet(**SMALL, atomref=torch.zeros(5))
    with pytest.raises(ArgumentError, match="the model knows 0 to 4"):
        model(torch.tensor([6]), torch.zeros(1, 3), torch.tensor([0]))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"lmax": 3}, "lmax=3, expected 1 or 2"),
        ({"vecnorm_type": "maxmin"}, "did you mean 'max_min'"),
        ({"reduce_op": "average"}, "reduce_op='average' is unknown"),
        ({"num_heads": 3}, "hidden_channels=8 is not a multiple of num_heads=3"),
        ({"num_layers": 0}, "num_layers=0, expected at least 1"),
    ],
    ids=str,
)
def test_bad_arguments(options, words):
    with pytest.raises(ArgumentError, match=words):
        ViSNet(**{**SMALL, **options})


def test_wrong_number_of_components():
    with pytest.raises(ArgumentError, match=r"shape \[4, 5, 8\], expected \[N, 3 or 8, H\]"):
        visnet.VecLayerNorm(8, trainable=False)(torch.rand(4, 5, 8))


@pytest.mark.parametrize("lmax", [1, 2])
def test_sphere(lmax):
    vectors = torch.nn.functional.normalize(torch.randn(20, 3), dim=1)
    harmonics = visnet.Sphere(lmax)(vectors)
    torch.testing.assert_close(harmonics, their_visnet.Sphere(lmax)(vectors))
    parts = [harmonics[:, :3], harmonics[:, 3:]][:lmax]
    for part in parts:
        torch.testing.assert_close(part.norm(dim=1), torch.ones(20))
    # Inner products of each order do not change when both directions are rotated.
    rotated = visnet.Sphere(lmax)(vectors @ rotation().T)
    for part, other in zip(parts, [rotated[:, :3], rotated[:, 3:]], strict=False):
        torch.testing.assert_close(part @ part.T, other @ other.T)


@pytest.mark.parametrize("lmax", [1, 2])
def test_edge_update_equals_the_definition(lmax):
    layer = visnet.ViS_MP_Vertex(2, 4, 5.0, None, trainable_vecnorm=False)
    i, j = torch.tensor([[0, 1, 2, 2, 1], [1, 0, 0, 2, 2]])  # 2 -> 2 is a loop
    directions = torch.nn.functional.normalize(torch.randn(5, 3), dim=1)
    directions[3] = 0
    d = visnet.Sphere(lmax)(directions)
    vec, f_ij = torch.randn(3, 3 if lmax == 1 else 8, 4), torch.randn(5, 4)

    def rejection(vec, d):
        return vec - (vec * d.unsqueeze(2)).sum(dim=1, keepdim=True) * d.unsqueeze(2)

    w1 = rejection(layer.w_trg_proj(vec)[i], d)
    w2 = rejection(layer.w_src_proj(vec)[j], -d)
    t1 = rejection(layer.t_trg_proj(vec)[i], d)
    t2 = rejection(layer.t_src_proj(vec)[i], -d)
    f1, f2 = torch.nn.functional.silu(layer.f_proj(f_ij)).chunk(2, dim=1)
    expected = f1 * (w1 * w2).sum(dim=1) + f2 * (t1 * t2).sum(dim=1)
    views = Views.of(torch.stack([j, i]), 3)
    torch.testing.assert_close(layer.edge_update(vec, views, f_ij, d), expected)


@pytest.mark.parametrize("num_components", [3, 8])
def test_vec_layer_norm(num_components):
    ours, other = visnet.VecLayerNorm(5, True), their_visnet.VecLayerNorm(5, True)
    with torch.no_grad():
        ours.weight.uniform_()
    other.load_state_dict(ours.state_dict())
    vec = torch.randn(6, num_components, 5)
    vec[2] = 0
    torch.testing.assert_close(ours(vec), other(vec))
    lengths = ours(vec)[0, :3].norm(dim=0) / ours.weight
    assert lengths.min().item() == pytest.approx(0, abs=1e-12)
    assert lengths.max().item() == pytest.approx(1)
    assert not ours(torch.zeros(2, num_components, 5)).any()


def test_radial_basis():
    ours, other = visnet.ExpNormalSmearing(4.0, 7), their_visnet.ExpNormalSmearing(4.0, 7)
    dist = torch.linspace(0, 4.5, 30)
    torch.testing.assert_close(ours(dist), other(dist), rtol=1e-6, atol=1e-9)
    assert not ours(dist[dist >= 4]).any()
    other.load_state_dict(ours.state_dict())
    torch.testing.assert_close(ours(dist), other(dist))
