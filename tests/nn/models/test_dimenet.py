import itertools

import numpy as np
import pytest
import torch
import torch_geometric.nn.models as theirs
from scipy.special import eval_legendre, spherical_jn
from torch_geometric.nn.models import dimenet as their_dimenet

from distgnn.exceptions import ArgumentError
from distgnn.nn import DimeNet, DimeNetPlusPlus
from distgnn.nn.models.dimenet import BesselBasisLayer, Envelope, SphericalBasisLayer
from distgnn.nn.models.dimenet_utils import legendre, spherical_bessel, spherical_bessel_zeros
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
)

COMMON = {
    "hidden_channels": 8,
    "out_channels": 1,
    "num_blocks": 2,
    "num_spherical": 4,
    "num_radial": 3,
    "output_initializer": "glorot_orthogonal",
}
SIZES = {
    "DimeNet": {"num_bilinear": 3},
    "DimeNetPlusPlus": {"int_emb_size": 4, "basis_emb_size": 3, "out_emb_channels": 5},
}
OURS = {"DimeNet": DimeNet, "DimeNetPlusPlus": DimeNetPlusPlus}
BOTH = pytest.mark.parametrize("name", ["DimeNet", "DimeNetPlusPlus"])


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def build(name, **kwargs):
    return OURS[name](**{**COMMON, **SIZES[name], **kwargs})


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_blocks": 1, "num_spherical": 2, "num_radial": 1, "cutoff": 2.0},
        {"max_num_neighbors": 3, "envelope_exponent": 3, "act": "relu"},
        {"num_before_skip": 2, "num_after_skip": 0, "num_output_layers": 0, "act": "silu"},
    ],
    ids=str,
)
@BOTH
def test_parity(name, options):
    arguments = {**COMMON, **SIZES[name], **options}
    assert_energy_parity(OURS[name](**arguments), getattr(theirs, name)(**arguments))


@BOTH
def test_parity_of_one_molecule_without_batch(name):
    arguments = {**COMMON, **SIZES[name], "out_channels": 3}
    model, other = OURS[name](**arguments).double(), getattr(theirs, name)(**arguments).double()
    model.load_state_dict(other.state_dict())
    z, pos, _ = batch_of((6,))
    torch.testing.assert_close(model(z, pos), other(z, pos), rtol=1e-9, atol=1e-9)
    assert model(z, pos).shape == (3,)


@BOTH
def test_initial_values_have_the_same_distribution(name):
    arguments = {**COMMON, **SIZES[name], "hidden_channels": 64, "num_spherical": 2}
    arguments["output_initializer"] = "zeros"
    other = dict(getattr(theirs, name)(**arguments).named_parameters())
    for key, value in OURS[name](**arguments).named_parameters():
        if value.numel() > 100:
            spread = other[key].std().item()
            assert value.std().item() == pytest.approx(spread, rel=0.2, abs=1e-3)
            assert value.mean().item() == pytest.approx(other[key].mean().item(), abs=0.5 * spread)
        else:
            assert (value == 0).all() == (other[key] == 0).all()


@BOTH
def test_moves_with_space(name):
    assert_moves_with_space(build(name))


@BOTH
def test_forces_are_slopes(name):
    assert_forces_are_slopes(build(name))


@BOTH
def test_molecules_are_separate(name):
    assert_molecules_are_separate(build(name))


@BOTH
def test_usual_module(name):
    z, pos, batch = batch_of((5, 4))
    assert_usual_module(build(name).double(), lambda model: energies(model, z, pos, batch))


@BOTH
def test_bfloat16(name):
    assert_runs_in_bfloat16(build(name))


@BOTH
def test_bases_are_computed_once(name):
    model = build(name, num_blocks=3)
    calls = []
    model.rbf.register_forward_hook(lambda *_: calls.append("rbf"))
    radial = model.sbf.radial
    model.sbf.radial = lambda dist: (calls.append("sbf"), radial(dist))[1]
    z, pos, batch = batch_of((5, 4))
    model.double()(z, pos, batch)
    assert sorted(calls) == ["rbf", "sbf"]


@BOTH
def test_atoms_in_line_have_finite_forces_and_gradients(name):
    # Torch-geometric takes the angle from a cross product, whose length has no slope at 0.
    model = randomize(build(name).double())
    z = torch.tensor([8, 6, 8])
    pos = torch.tensor([[-1.2, 0, 0], [0, 0, 0], [1.2, 0, 0]], dtype=torch.float64)
    pos.requires_grad_()
    _, forces = energies_and_forces(model, z, pos, torch.zeros_like(z))
    forces.square().sum().backward()
    assert forces.isfinite().all()
    assert pos.grad.isfinite().all()
    torch.testing.assert_close(forces[:, 1:], torch.zeros(3, 2, dtype=torch.float64))


@BOTH
def test_energy_is_smooth_at_the_cutoff(name):
    model = randomize(build(name, cutoff=3.0).double())
    z = torch.tensor([6, 1, 8])
    gaps = []
    for distance in (3.0 - 1e-6, 3.0 + 1e-6):
        pos = torch.tensor([[0, 0, 0], [0, 1.1, 0], [distance, 0, 0]], dtype=torch.float64)
        gaps.append(energies_and_forces(model, z, pos, torch.zeros_like(z)))
    for inside, outside in zip(*gaps, strict=True):
        torch.testing.assert_close(inside, outside, rtol=0, atol=1e-9)


@BOTH
def test_atoms_without_neighbours_contribute_the_same_constant(name):
    z = torch.tensor([6, 1])
    apart = torch.tensor([[0.0, 0, 0], [9.0, 0, 0]], dtype=torch.float64)
    model = build(name).double()
    assert energies(model, z, apart, torch.zeros_like(z)).tolist() == [0.0]
    assert model(z[:1], apart[:1]).tolist() == [0.0]
    carbon, hydrogen = energies(randomize(model), z, apart, torch.tensor([0, 1])).tolist()
    assert carbon == hydrogen != 0.0


@pytest.mark.parametrize("case", bad_inputs())
@BOTH
def test_bad_input(name, case):
    arguments, words = bad_inputs()[case]
    with pytest.raises(ArgumentError, match=words):
        build(name).double()(*arguments)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"num_spherical": 1}, "num_spherical=1, expected at least 2"),
        ({"output_initializer": "zero"}, "did you mean 'zeros'"),
        ({"act": "swich"}, "did you mean 'swish'"),
    ],
    ids=str,
)
@BOTH
def test_bad_arguments(name, options, words):
    with pytest.raises(ArgumentError, match=words):
        build(name, **options)


@pytest.mark.parametrize("num_orders", [1, 2, 8, 20])
def test_bessel_functions_equal_scipys(num_orders):
    x = np.concatenate([[0.0, 1e-12, 1e-4], np.linspace(0.01, 60, 3000)])
    points = torch.from_numpy(x).view(-1, 1, 1).expand(-1, num_orders, 1)
    orders = np.arange(num_orders)
    ours = spherical_bessel(points)[..., 0].numpy()
    np.testing.assert_allclose(ours, spherical_jn(orders, x[:, None]), rtol=1e-11, atol=1e-15)
    slopes = spherical_bessel(points, 1)[..., 0].numpy()
    expected = spherical_jn(orders, x[:, None], derivative=True)
    np.testing.assert_allclose(slopes, expected, rtol=1e-9, atol=1e-14)


def test_bessel_functions_near_zero_keep_their_leading_digits():
    # j_l(x) -> x^l / (2l + 1)!!, where the textbook recurrence is all rounding error.
    x = torch.full((1, 8, 1), 1e-3, dtype=torch.float64)
    double_factorials = np.cumprod(np.arange(1, 17, 2))
    expected = 1e-3 ** np.arange(8) / double_factorials
    np.testing.assert_allclose(spherical_bessel(x)[0, :, 0].numpy(), expected, rtol=1e-6)
    ours32 = spherical_bessel(x.float())[0, :, 0].numpy()
    np.testing.assert_allclose(ours32, expected, rtol=1e-5)


def test_bessel_functions_have_exact_derivatives_of_any_order():
    points = (torch.rand(4, 5, 2, dtype=torch.float64) * 8).requires_grad_()
    assert torch.autograd.gradcheck(spherical_bessel, points)
    assert torch.autograd.gradgradcheck(spherical_bessel, points)


def test_bessel_functions_in_bfloat16():
    points = (torch.rand(4, 3, 2) * 8).bfloat16()
    expected = spherical_bessel(points.double())
    assert spherical_bessel(points).dtype == torch.bfloat16
    torch.testing.assert_close(spherical_bessel(points).double(), expected, rtol=1e-2, atol=1e-3)


def test_bessel_functions_want_an_order_each():
    with pytest.raises(ArgumentError, match=r"expected \[E, L, R\]"):
        spherical_bessel(torch.rand(3))


def test_zeros_of_bessel_functions():
    zeros = spherical_bessel_zeros(9, 7)
    for order in range(9):
        np.testing.assert_allclose(spherical_jn(order, zeros[order]), 0, atol=1e-15)
        # Between two neighbouring zeros the function has one sign: none is left out.
        edges = np.concatenate([[1e-9], zeros[order]])
        for low, high in itertools.pairwise(edges):
            inside = spherical_jn(order, np.linspace(low, high, 50)[1:-1])
            assert (inside > 0).all() or (inside < 0).all()
    np.testing.assert_allclose(zeros[0], np.arange(1, 8) * np.pi)
    assert zeros[1, 0] == pytest.approx(4.493409457909064)  # DLMF table, tan x = x


def test_legendre_polynomials_equal_scipys():
    x = torch.linspace(-1, 1, 101, dtype=torch.float64)
    for num_orders in (1, 2, 9):
        expected = eval_legendre(np.arange(num_orders), x.numpy()[:, None])
        np.testing.assert_allclose(legendre(x, num_orders).numpy(), expected, atol=1e-14)


@pytest.mark.parametrize(
    ("num_spherical", "num_radial"),
    [(2, 1), (4, 3), pytest.param(7, 6, marks=pytest.mark.slow)],  # sympy
)
def test_spherical_basis_equals_theirs(num_spherical, num_radial):
    generator = torch.Generator().manual_seed(0)
    dist = 0.7 + 4.5 * torch.rand(40, generator=generator, dtype=torch.float64)
    angle = 3.1 * torch.rand(90, generator=generator, dtype=torch.float64)
    idx_kj = torch.randint(0, 40, (90,), generator=generator)
    ours = SphericalBasisLayer(num_spherical, num_radial, envelope_exponent=4).double()
    other = their_dimenet.SphericalBasisLayer(num_spherical, num_radial, envelope_exponent=4)
    expected = other.double()(dist, angle, idx_kj)
    torch.testing.assert_close(ours(dist, angle, idx_kj), expected, rtol=1e-9, atol=1e-10)
    assert ours(dist, angle, idx_kj).shape == (90, num_spherical * num_radial)
    assert ours.state_dict() == {}


def test_spherical_basis_is_orthonormal():
    # Without the envelope, in the ball that the cutoff bounds, in units of the cutoff.
    basis = SphericalBasisLayer(3, 2, cutoff=2.0).double()
    basis.envelope = torch.nn.Identity()  # gives a factor d / c, divided out below
    nodes, weights = (torch.from_numpy(a) for a in np.polynomial.legendre.leggauss(40))
    x = (nodes + 1) / 2
    radial = basis.radial(2.0 * x) / x.view(-1, 1, 1)
    functions = torch.einsum("xln,al->xaln", radial, legendre(nodes, 3)).flatten(2)
    volume = torch.outer(weights / 2 * x**2, weights) * (2 * torch.pi)
    gram = torch.einsum("xa,xap,xaq->pq", volume, functions, functions)
    torch.testing.assert_close(gram, torch.eye(6, dtype=torch.float64), rtol=0, atol=1e-6)


@pytest.mark.parametrize("exponent", [2, 5])
def test_envelope(exponent):
    envelope = Envelope(exponent)
    x = torch.linspace(0.05, 1.3, 60, dtype=torch.float64)
    theirs_ = their_dimenet.Envelope(exponent)
    torch.testing.assert_close(envelope(x), theirs_(x))
    assert envelope(x[x >= 1]).eq(0).all()
    edge = torch.tensor(1.0 - 1e-9, dtype=torch.float64, requires_grad=True)
    value = envelope(edge)
    (slope,) = torch.autograd.grad(value, edge, create_graph=True)
    (curve,) = torch.autograd.grad(slope, edge)
    assert abs(value.item()) < 1e-9
    assert abs(slope.item()) < 1e-6
    assert abs(curve.item()) < 1e-4


def test_bessel_basis_equals_theirs():
    ours, other = BesselBasisLayer(5, 4.0).double(), their_dimenet.BesselBasisLayer(5, 4.0).double()
    ours.load_state_dict(other.state_dict())
    dist = torch.linspace(0.3, 4.5, 20, dtype=torch.float64)
    torch.testing.assert_close(ours(dist), other(dist))
