"""The published weights of SchNet for QM9: modules of schnetpack, pickled whole.

They are read without schnetpack, and without running code from the file: classes that are not
torch's own become empty modules that only hold what was stored in them.
"""

from __future__ import annotations

import pickle
import warnings
from collections import OrderedDict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from distgnn.exceptions import CheckpointError
from distgnn.nn.aggr.basic import MeanAggregation, SumAggregation
from distgnn.nn.models.qm9 import load_named, require, target_name

if TYPE_CHECKING:
    from distgnn.nn.models.qm9 import Qm9, Subsets
    from distgnn.nn.models.schnet import SchNet

TARGETS = {
    0: "dipole_moment", 1: "isotropic_polarizability", 2: "homo", 3: "lumo", 4: "gap",
    5: "electronic_spatial_extent", 6: "zpve", 7: "energy_U0", 8: "energy_U", 9: "enthalpy_H",
    10: "free_energy", 11: "heat_capacity",
}  # fmt: skip
FOLDER = "trained_schnet_models"

_BOHR = 0.529177210903
"""Bohr radius in Angstrom, https://physics.nist.gov/cgi-bin/cuu/Value?bohrrada0."""
_DEBYE = 0.20819433270935603
"""One Debye in elementary charge times Angstrom."""
_UNITS = {0: _DEBYE, 1: _BOHR**3, 5: _BOHR**2}
"""What the model's output is divided by to have the unit of the dataset; others by 1."""

_HARMLESS = {
    ("collections", "OrderedDict"): OrderedDict,
    ("builtins", "set"): set,
    ("__builtin__", "set"): set,
}
_RENAMED = {
    "representation.embedding.": "embedding.",
    "output_modules.0.out_net.1.out_net.0.": "lin1.",
    "output_modules.0.out_net.1.out_net.1.": "lin2.",
    "output_modules.0.atomref.": "atomref.",
}
_RENAMED_IN_BLOCKS = {
    "filter_network.0.": "mlp.0.",
    "filter_network.1.": "mlp.2.",
    "cfconv.in2f.": "conv.lin1.",
    "cfconv.f2out.": "conv.lin2.",
    "dense.": "lin.",
}


def load_schnet(
    build: type[SchNet], root: str, dataset: Qm9, target: int
) -> tuple[SchNet, Subsets]:
    """Build a model from published weights.

    Args:
        build: The class.
        root: Folder that holds the folder of the published archive.
        dataset: QM9.
        target: Number of the target.

    Returns:
        The model, and the subsets that it was trained, validated and tested on.

    Raises:
        ArgumentError: No weights were published for `target`.
        CheckpointError: The weights are not there, damaged, or of another model.
    """
    name = target_name("SchNet", target, TARGETS)
    folder = Path(root) / FOLDER / f"qm9_{name}"
    source = f"{build.url}, and unpack it in {root}"
    weights = require(folder / "best_model", f"the weights of SchNet for {name}", source)
    split = require(folder / "split.npz", f"the split of QM9 for {name}", source)
    published = _unpickle(weights)
    head = _part(published, weights, "output_modules", "0")
    tensors = _translate(published.state_dict())
    atomref = tensors.get("atomref.weight")
    model = build(dipole=type(head).__name__ == "DipoleMoment", atomref=atomref)
    tensors.update(
        {
            f"interactions.{n}.conv.nn.{key}": tensors[f"interactions.{n}.mlp.{key}"]
            for n in range(model.num_interactions)
            for key in ("0.weight", "0.bias", "2.weight", "2.bias")
            if f"interactions.{n}.mlp.{key}" in tensors
        }
    )
    load_named(model, tensors, weights)
    standardize = _part(published, weights, "output_modules", "0", "standardize").state_dict()
    model.mean = float(standardize["mean"])
    model.std = float(standardize["stddev"])
    pool = _part(published, weights, "output_modules", "0", "atom_pool")
    averages = bool(getattr(pool, "average", False))
    model.readout = MeanAggregation() if averages else SumAggregation()
    model.scale = 1.0 / _UNITS.get(target, 1.0)
    return model, _subsets(dataset, split)


class _Stored(nn.Module):
    """Stands for a module whose class is not here; holds what was pickled."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in _HARMLESS:
            return _HARMLESS[module, name]
        if module == "torch._utils" and name.startswith("_rebuild_"):
            return getattr(torch._utils, name)  # noqa: SLF001 -- how tensors are pickled
        if module.split(".")[0] == "torch":
            found = getattr(torch, name, None) or getattr(nn, name, None)
            if isinstance(found, type) and issubclass(found, nn.Module | Tensor):
                return found
        if module.split(".")[0] in ("schnetpack", "torch"):
            return type(name, (_Stored,), {"__module__": module})
        msg = f"{module}.{name}"
        raise pickle.UnpicklingError(msg)


class _SafePickle:
    """The module `pickle`, as `torch.load` wants it, with an unpickler that runs nothing."""

    Unpickler = _Unpickler

    @staticmethod
    def load(file: Any, **kwargs: Any) -> Any:
        """Unpickle the next object of `file`."""
        return _Unpickler(file, **kwargs).load()


def _unpickle(path: Path) -> nn.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sources of classes, and old formats
            stored = torch.load(
                path, map_location="cpu", pickle_module=_SafePickle, weights_only=False
            )
    except (pickle.UnpicklingError, RuntimeError, EOFError, AttributeError, ValueError) as error:
        msg = f"{path} cannot be read as a pickled model of schnetpack: {error}"
        raise CheckpointError(msg) from error
    if not isinstance(stored, nn.Module):
        msg = f"{path} holds a {type(stored).__name__}, expected a pickled model of schnetpack"
        raise CheckpointError(msg)
    return stored


def _part(model: nn.Module, path: Path, *names: str) -> nn.Module:
    for name in names:
        if name not in dict(model.named_children()):
            msg = f"{path} holds no {'.'.join(names)}: it is no model of schnetpack 0.2 or 0.3"
            raise CheckpointError(msg)
        model = model.get_submodule(name)
    return model


def _translate(state: dict[str, Tensor]) -> dict[str, Tensor]:
    translated = {}
    for name, value in state.items():
        for old, new in _RENAMED.items():
            if name.startswith(old):
                translated[new + name.removeprefix(old)] = value
        parts = name.split(".", 3)
        if parts[:2] == ["representation", "interactions"] and len(parts) == 4:
            for old, new in _RENAMED_IN_BLOCKS.items():
                if parts[3].startswith(old):
                    rest = parts[3].removeprefix(old)
                    translated[f"interactions.{parts[2]}.{new}{rest}"] = value
    return translated


def _subsets(dataset: Any, path: Path) -> Subsets:
    """Return the subsets; the file names molecules by their number in the raw data."""
    data = getattr(dataset, "_data", None) or dataset.data
    numbers = data.idx
    position = numbers.new_full((int(numbers.max()) + 1,), -1)
    position[numbers] = torch.arange(numbers.numel())
    with np.load(path) as split:
        found = [torch.from_numpy(split[f"{part}_idx"]).long() for part in ("train", "val", "test")]
    train, val, test = (dataset[position[index[torch.isin(index, numbers)]]] for index in found)
    return train, val, test
