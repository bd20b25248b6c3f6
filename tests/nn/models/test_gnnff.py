import pytest
import torch
import torch_geometric.nn.models as theirs

from distgnn.exceptions import ArgumentError
from distgnn.nn import GNNFF
from tests.nn.models.molecules import (
    assert_usual_module,
    bad_inputs,
    batch_of,
    molecule,
    randomize,
    rotation,
)
from tests.nn.parity import assert_parity

SMALL = {"hidden_node_channels": 6, "hidden_edge_channels": 5, "num_layers": 2}


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


@pytest.mark.parametrize(
    "options",
    [{}, {"cutoff": 1.6}, {"max_num_neighbors": 3, "num_layers": 1}, {"num_layers": 0}],
    ids=str,
)
@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
def test_parity(options, training):
    arguments = {**SMALL, **options}
    ours, other = GNNFF(**arguments), randomize(theirs.GNNFF(**arguments))
    assert_parity(ours.train(training), other.train(training), *batch_of((7, 6, 9)))


def test_parity_of_one_molecule_without_batch():
    z, pos, _ = batch_of((6,))
    assert_parity(GNNFF(**SMALL), randomize(theirs.GNNFF(**SMALL)), z, pos)


def test_forces_move_with_space():
    model = randomize(GNNFF(**SMALL).double()).eval()
    z, pos, batch = batch_of((7, 5))
    turn, shift = rotation(), torch.tensor([3.0, -1.0, 2.0]).double()
    forces = model(z, pos, batch)
    assert forces.abs().max() > 1e-3
    moved = model(z, pos @ turn.T + shift, batch)
    torch.testing.assert_close(moved, forces @ turn.T, rtol=1e-8, atol=1e-9)


def test_molecules_are_separate():
    model = randomize(GNNFF(**SMALL).double()).eval()
    z, pos, batch = batch_of((6, 4))
    forces = model(z, pos, batch)
    for number in range(2):
        mine = batch == number
        order = torch.randperm(int(mine.sum()))
        alone = model(z[mine][order], pos[mine][order])
        torch.testing.assert_close(alone, forces[mine][order])


def test_usual_module():
    z, pos, batch = batch_of((5, 4))
    assert_usual_module(GNNFF(**SMALL).double(), lambda model: model(z, pos, batch))


def test_bfloat16():
    model = randomize(GNNFF(**SMALL)).eval()
    z, pos, batch = batch_of((7, 5))
    expected = model(z, pos.float(), batch)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        forces = model.train()(z, pos.float(), batch)
        forces.float().square().sum().backward()
        forces = model.eval()(z, pos.float(), batch)
    assert torch.cosine_similarity(forces.flatten(), expected.flatten(), dim=0) > 0.9
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_basis_and_directions_are_computed_once():
    model = GNNFF(**SMALL, cutoff=3.0).double()
    calls = []
    model.edge_emb.register_forward_hook(lambda _, __, out: calls.append(out.shape))
    z, pos, batch = batch_of((5, 4))
    model(z, pos, batch)
    assert len(calls) == 1


def test_isolated_atoms():
    model = randomize(GNNFF(**SMALL).double()).eval()
    z, pos = molecule(4)
    far = torch.tensor([[50.0, 0, 0]]).double()
    # First: its force is 0. Last: the result ends before it, as in torch-geometric.
    first = model(torch.cat([z[:1], z]), torch.cat([far, pos]))
    torch.testing.assert_close(first, torch.cat([torch.zeros(1, 3).double(), model(z, pos)]))
    last = model(torch.cat([z, z[:1]]), torch.cat([pos, far]))
    torch.testing.assert_close(last, model(z, pos))
    assert model(z[:1], pos[:1]).shape == (0, 3)


def test_two_atoms_pull_along_their_line():
    model = randomize(GNNFF(**SMALL).double()).eval()
    pos = torch.tensor([[0.0, 0, 0], [1.0, 0, 0]]).double()
    forces = model(torch.tensor([6, 6]), pos)
    assert forces[:, 1:].tolist() == [[0.0, 0.0]] * 2
    assert forces[0, 0].item() == pytest.approx(-forces[1, 0].item())


@pytest.mark.parametrize("num_atoms", [1, 2])
def test_too_few_angles_to_train_on(num_atoms):
    z, pos = molecule(num_atoms)
    with pytest.raises(ArgumentError, match=r"and 0 angles within the cutoff of 5\.0"):
        GNNFF(**SMALL).double()(z, pos)


@pytest.mark.parametrize("case", bad_inputs())
def test_bad_input(case):
    arguments, words = bad_inputs()[case]
    with pytest.raises(ArgumentError, match=words):
        GNNFF(**SMALL).double()(*arguments)


def test_bad_arguments():
    with pytest.raises(ArgumentError, match="num_gaussians=1, expected at least 2"):
        GNNFF(hidden_node_channels=4, hidden_edge_channels=1, num_layers=1)
