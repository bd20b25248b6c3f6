"""Published weights of models trained on QM9, read from local files. Nothing is fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import torch

from distgnn.exceptions import ArgumentError, CheckpointError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

NUM_MOLECULES = 130831
"""Of QM9, without those that its authors found inconsistent."""


class Qm9(Protocol):
    """What is asked of a dataset: torch-geometric's QM9 has it."""

    def __getitem__(self, index: Tensor) -> Any:
        """Return a subset."""

    def atomref(self, target: int) -> Tensor | None:
        """Return the property of single atoms [100, 1] that belongs to a target."""


Subsets = tuple[Any, Any, Any]
"""Training, validation and test subset of the dataset that was given."""


def target_name(model: str, target: int, names: Mapping[int, str]) -> str:
    """Return the name under which the weights for a target of QM9 were published.

    Raises:
        ArgumentError: There are none for this target.
    """
    if target not in names:
        known = ", ".join(f"{number} ({name})" for number, name in sorted(names.items()))
        msg = f"target={target}: no weights of {model} were published for it; there are {known}"
        raise ArgumentError(msg)
    return names[target]


def require(path: Path, what: str, source: str) -> Path:
    """Return `path` if it exists.

    Raises:
        CheckpointError: It does not; the message says what to fetch, and where to put it.
    """
    if not path.exists():
        msg = f"{what} is not at {path}: fetch it from {source} (nothing is downloaded here)"
        raise CheckpointError(msg)
    return path


def load_named(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Copy `tensors`, named as in the model's state_dict, into its parameters.

    Raises:
        CheckpointError: A parameter is missing or of another shape.
    """
    state = model.state_dict()
    for name, _ in model.named_parameters():
        if name not in tensors or tensors[name].shape != state[name].shape:
            found = list(tensors[name].shape) if name in tensors else "nothing"
            msg = (
                f"{path} holds {found} for {name}, expected {list(state[name].shape)}: these are "
                f"weights of another model or configuration"
            )
            raise CheckpointError(msg)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(tensors[name])


def dimenet_split(dataset: Qm9) -> Subsets:
    """Return the subsets of 110,000, 10,000 and 10,831 molecules that DimeNet was published with.

    The molecules are permuted by numpy's first generator, as then, with seed 42.
    """
    order = np.random.RandomState(seed=42).permutation(NUM_MOLECULES)
    index = torch.from_numpy(order)
    return dataset[index[:110000]], dataset[index[110000:120000]], dataset[index[120000:]]
