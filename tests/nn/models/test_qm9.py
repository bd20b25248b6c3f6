"""Published weights, in the published formats, written here with random numbers."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch
import torch_geometric.nn.models as theirs
from torch import nn

from distgnn.exceptions import ArgumentError, CheckpointError
from distgnn.nn import DimeNet, DimeNetPlusPlus, SchNet
from distgnn.nn.models.tensor_bundle import read_bundle, read_index
from tests.nn.models.bundles import dimenet_shapes, write_bundle
from tests.nn.models.molecules import batch_of

pytestmark = pytest.mark.filterwarnings("ignore:Couldn't retrieve source code:UserWarning")

DIMENETS = {
    "DimeNet": (DimeNet, theirs.dimenet.DimeNet, "pretrained_dimenet"),
    "DimeNetPlusPlus": (
        DimeNetPlusPlus,
        theirs.dimenet.DimeNetPlusPlus,
        "pretrained_dimenet_pp",
    ),
}


class Rows:
    """A dataset whose subsets are their indices, of molecules with these raw numbers."""

    def __init__(self, numbers, atomref=None):
        self.data = self._data = SimpleNamespace(idx=torch.tensor(numbers))
        self.reference = atomref

    def __getitem__(self, index):
        return index

    def atomref(self, target):
        return self.reference


def write_dimenet(root, name, target="U0"):
    generator = np.random.default_rng(0)
    shapes = dimenet_shapes(plus_plus=name == "DimeNetPlusPlus")
    tensors = {key: generator.normal(size=shape) / 10 for key, shape in shapes.items()}
    tensors = {key: value.astype(np.float32) for key, value in tensors.items()}
    tensors["save_counter/.ATTRIBUTES/VARIABLE_VALUE"] = np.array(3)
    write_bundle(root / DIMENETS[name][2] / target / "ckpt", tensors)


@pytest.mark.slow  # torch-geometric forms its bases with sympy
@pytest.mark.parametrize("name", DIMENETS)
def test_dimenet_is_the_model_that_torch_geometric_loads(name, tmp_path, monkeypatch):
    ours, other, _ = DIMENETS[name]
    write_dimenet(tmp_path, name)
    tensorflow = ModuleType("tensorflow")

    def reader(path):
        tensors = read_bundle(Path(path))
        return SimpleNamespace(get_tensor=lambda name: tensors[name].copy())

    tensorflow.train = SimpleNamespace(load_checkpoint=reader)
    monkeypatch.setitem(sys.modules, "tensorflow", tensorflow)
    monkeypatch.setattr(sys.modules[other.__module__], "download_url", lambda *_: None)
    model, subsets = ours.from_qm9_pretrained(str(tmp_path), Rows([0]), target=7)
    model_, subsets_ = other.from_qm9_pretrained(str(tmp_path), Rows([0]), target=7)
    torch.testing.assert_close(dict(model.state_dict()), dict(model_.state_dict()))
    for subset, subset_ in zip(subsets, subsets_, strict=True):
        assert torch.equal(subset, subset_)


@pytest.mark.parametrize("name", DIMENETS)
def test_dimenet_from_its_published_format(name, tmp_path):
    write_dimenet(tmp_path, name, target="homo")
    model, (train, val, test) = DIMENETS[name][0].from_qm9_pretrained(
        str(tmp_path), Rows([0]), target=2
    )
    assert [subset.numel() for subset in (train, val, test)] == [110000, 10000, 10831]
    assert torch.cat([train, val, test]).unique().numel() == 130831
    # What numpy's generator with seed 42 has given since its first version.
    assert train[:3].tolist() == np.random.RandomState(42).permutation(130831)[:3].tolist()
    tensors = read_bundle(tmp_path / DIMENETS[name][2] / "homo" / "ckpt")
    kernel = tensors["int_blocks/1/dense_kj/kernel/.ATTRIBUTES/VARIABLE_VALUE"]
    np.testing.assert_array_equal(
        model.interaction_blocks[1].lin_kj.weight.detach().numpy(), kernel.T
    )
    z, pos, batch = batch_of((5, 4))
    assert model(z, pos.float(), batch).isfinite().all()


@pytest.mark.parametrize("name", DIMENETS)
def test_absent_weights_say_what_to_fetch(name, tmp_path):
    folder = DIMENETS[name][2]
    with pytest.raises(CheckpointError, match=rf"{folder}/Cv/ckpt.index: fetch it from https://"):
        DIMENETS[name][0].from_qm9_pretrained(str(tmp_path), Rows([0]), target=11)
    with pytest.raises(ArgumentError, match=r"target=4: no weights .* there are 0 \(mu\)"):
        DIMENETS[name][0].from_qm9_pretrained(str(tmp_path), Rows([0]), target=4)


def test_weights_of_another_model(tmp_path):
    write_dimenet(tmp_path, "DimeNetPlusPlus")
    (tmp_path / "pretrained_dimenet_pp").rename(tmp_path / "pretrained_dimenet")
    with pytest.raises(CheckpointError, match="weights of another model"):
        DimeNet.from_qm9_pretrained(str(tmp_path), Rows([0]), target=7)


def test_bundle_round_trip(tmp_path):
    tensors = {
        f"name/{n:03d}": np.arange(n, dtype=dtype).reshape(1, -1)
        for n, dtype in enumerate([np.float32, np.float64, np.int64] * 30)
    }
    write_bundle(tmp_path / "ckpt", tensors)
    found = read_bundle(tmp_path / "ckpt")
    assert found.keys() == tensors.keys()
    for name, value in tensors.items():
        np.testing.assert_array_equal(found[name], value)
        assert found[name].dtype == value.dtype


@pytest.mark.parametrize("keep", [0, 5, 60, -1])
def test_cut_off_index(tmp_path, keep):
    write_bundle(tmp_path / "ckpt", {"a": np.ones(3), "b": np.ones(2)})
    path = tmp_path / "ckpt.index"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"ckpt.index cannot be read"):
        read_index(path)


def test_cut_off_data(tmp_path):
    write_bundle(tmp_path / "ckpt", {"a": np.ones(3), "b": np.ones(2)})
    path = tmp_path / "ckpt.data-00001-of-00002"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CheckpointError, match=r"b of shape \[2\] is not in it whole"):
        read_bundle(tmp_path / "ckpt")
    path.unlink()
    with pytest.raises(CheckpointError, match="is missing"):
        read_bundle(tmp_path / "ckpt")


def stored_classes(head="Atomwise"):
    """Return the classes of schnetpack whose modules were published."""
    names = ["AtomisticModel", "SchNet", "SchNetInteraction", "CFConv", "Dense", "MLP", "GetItem"]
    names += ["ScaleShift", "Aggregate", head]
    module = ModuleType("schnetpack")
    for name in names:
        cls = type(name, (nn.Module,), {"__module__": "schnetpack"})
        setattr(module, name, cls)
    return module


def dense(package, size_in, size_out, *, bias=True):
    """Return a linear layer, as schnetpack's subclass of it has its parameters."""
    layer = package.Dense()
    layer.weight = nn.Parameter(torch.randn(size_out, size_in) / size_in**0.5)
    layer.bias = nn.Parameter(torch.randn(size_out)) if bias else None
    return layer


def published_schnet(package, head="Atomwise", *, average=False, atomref=True):
    """Return a model as schnetpack pickled it."""
    model = package.AtomisticModel()
    model.representation = package.SchNet()
    model.representation.embedding = nn.Embedding(100, 128, padding_idx=0)
    blocks = []
    for _ in range(6):
        block = package.SchNetInteraction()
        block.filter_network = nn.Sequential(dense(package, 50, 128), dense(package, 128, 128))
        block.cfconv = package.CFConv()
        block.cfconv.in2f = dense(package, 128, 128, bias=False)
        block.cfconv.f2out = dense(package, 128, 128)
        block.cfconv.filter_network = block.filter_network
        block.dense = dense(package, 128, 128)
        blocks.append(block)
    model.representation.interactions = nn.ModuleList(blocks)
    output = getattr(package, head)()
    mlp = package.MLP()
    mlp.out_net = nn.Sequential(dense(package, 128, 64), dense(package, 64, 1))
    output.out_net = nn.Sequential(package.GetItem(), mlp)
    output.standardize = package.ScaleShift()
    output.standardize.register_buffer("mean", torch.tensor([1.5]))
    output.standardize.register_buffer("stddev", torch.tensor([2.5]))
    output.atom_pool = package.Aggregate()
    output.atom_pool.average = average
    output.atomref = nn.Embedding(100, 1) if atomref else None
    model.output_modules = nn.ModuleList([output])
    return model


def write_schnet(root, target, model, package, *, zipped=False):
    folder = root / "trained_schnet_models" / f"qm9_{target}"
    folder.mkdir(parents=True)
    sys.modules["schnetpack"] = package
    try:
        torch.save(model, folder / "best_model", _use_new_zipfile_serialization=zipped)
    finally:
        del sys.modules["schnetpack"]
    subsets = {"train_idx": [1, 5, 9], "val_idx": [2, 3], "test_idx": [7, 100]}
    np.savez(folder / "split.npz", **subsets)


@pytest.mark.parametrize("zipped", [False, True], ids=["legacy", "zip"])
@pytest.mark.parametrize(
    ("target", "name", "options"),
    [
        (7, "energy_U0", {}),
        (2, "homo", {"average": True, "atomref": False}),
        (0, "dipole_moment", {"head": "DipoleMoment", "atomref": False}),
    ],
    ids=["energy", "mean", "dipole"],
)
def test_schnet_is_the_model_that_torch_geometric_loads(
    target, name, options, zipped, tmp_path, monkeypatch
):
    package = stored_classes(options.get("head", "Atomwise"))
    write_schnet(tmp_path, name, published_schnet(package, **options), package, zipped=zipped)
    numbers = [1, 2, 3, 5, 7, 9]
    reference = torch.rand(100, 1) if options.get("atomref", True) else None
    dataset = Rows(numbers, reference)
    model, (train, val, test) = SchNet.from_qm9_pretrained(str(tmp_path), dataset, target)
    # 100 is no molecule of this dataset.
    assert [s.tolist() for s in (train, val, test)] == [[0, 3, 5], [1, 2], [4]]

    from distgnn.nn.models.atomic_mass import ATOMIC_MASSES

    ase, ase.data = ModuleType("ase"), ModuleType("ase.data")
    ase.data.atomic_masses = np.array(ATOMIC_MASSES)
    ase.units = SimpleNamespace(Debye=0.20819433270935603, Bohr=0.529177210903)
    for key, module in {"ase": ase, "ase.data": ase.data, "schnetpack": package}.items():
        monkeypatch.setitem(sys.modules, key, module)
    load = torch.load
    monkeypatch.setattr(torch, "load", lambda *a, **kw: load(*a, **{**kw, "weights_only": False}))
    model_, subsets_ = theirs.SchNet.from_qm9_pretrained(str(tmp_path), dataset, target)
    assert [s.tolist() for s in subsets_] == [[0, 3, 5], [1, 2], [4]]
    z, pos, batch = batch_of((5, 4))
    with torch.no_grad():
        expected = model_(z, pos.float(), batch)
        torch.testing.assert_close(model(z, pos.float(), batch), expected, rtol=1e-5, atol=1e-5)


def test_schnet_absent(tmp_path):
    with pytest.raises(CheckpointError, match=r"http://www.quantum-machine.org.*unpack it in"):
        SchNet.from_qm9_pretrained(str(tmp_path), Rows([0]), target=3)
    with pytest.raises(ArgumentError, match="target=12: no weights of SchNet"):
        SchNet.from_qm9_pretrained(str(tmp_path), Rows([0]), target=12)


class Intruder:
    def __reduce__(self):
        return eval, ("print('gotcha')",)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (Intruder(), "cannot be read as a pickled model of schnetpack: .*builtin.*eval"),
        ([1, 2], "holds a list"),
        (nn.Linear(2, 3), "holds no output_modules"),
    ],
    ids=["code", "list", "module"],
)
def test_schnet_file_with_something_else(content, words, tmp_path, capsys):
    write_schnet(tmp_path, "lumo", content, ModuleType("schnetpack"))
    with pytest.raises(CheckpointError, match=words):
        SchNet.from_qm9_pretrained(str(tmp_path), Rows([0]), target=3)
    assert "gotcha" not in capsys.readouterr().out


def test_schnet_file_cut_off(tmp_path):
    package = stored_classes()
    write_schnet(tmp_path, "lumo", published_schnet(package), package)
    path = tmp_path / "trained_schnet_models" / "qm9_lumo" / "best_model"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        SchNet.from_qm9_pretrained(str(tmp_path), Rows([0]), target=3)
