"""The published weights of DimeNet and DimeNet++ for QM9, TensorFlow checkpoints."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from distgnn.nn.models.qm9 import dimenet_split, load_named, require, target_name
from distgnn.nn.models.tensor_bundle import read_bundle

if TYPE_CHECKING:
    import numpy.typing as npt
    from torch import Tensor

    from distgnn.nn.models.dimenet import DimeNet
    from distgnn.nn.models.qm9 import Qm9, Subsets

TARGETS = {
    0: "mu", 1: "alpha", 2: "homo", 3: "lumo", 5: "r2", 6: "zpve",
    7: "U0", 8: "U", 9: "H", 10: "G", 11: "Cv",
}  # fmt: skip
_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
_UNTRANSPOSED = ("freq", "emb.emb.weight", ".W")

# From names in the checkpoint to names in the state_dict, in this order.
_RENAMED = (
    (r"^rbf_layer/frequencies$", "rbf.freq"),
    (r"^emb_block/embeddings$", "emb.emb.weight"),
    (r"^emb_block/", "emb/"),
    (r"^int_blocks/", "interaction_blocks/"),
    (r"/bilinear$", "/W"),
    (r"/final_before_skip/", "/lin/"),
    (r"/dense_layers/", "/lins/"),
    (r"/dense_final/", "/lin/"),
    (r"/dense_(\d)/", r"/lin\1/"),
    (r"/dense_(\w+)/", r"/lin_\1/"),
    (r"/dense/", "/lin/"),
    (r"/(up|down)_projection/", r"/lin_\1/"),
    (r"/kernel$", "/weight"),
    (r"/", "."),
)


def load_dimenet(
    model: DimeNet, folder: str, url: str, root: str, dataset: Qm9, target: int
) -> tuple[DimeNet, Subsets]:
    """Fill `model` with published weights.

    Args:
        model: A model of the published size.
        folder: Name of the folder below `root` that holds a folder for each target.
        url: Where the weights can be fetched.
        root: Folder of weights.
        dataset: QM9.
        target: Number of the target.

    Returns:
        The model, and the subsets that it was trained, validated and tested on.

    Raises:
        ArgumentError: No weights were published for `target`.
        CheckpointError: The weights are not there, damaged, or of another model.
    """
    name = target_name(type(model).__name__, target, TARGETS)
    prefix = Path(root) / folder / name / "ckpt"
    index = prefix.with_name("ckpt.index")
    what = f"the weights of {type(model).__name__} for {name}"
    parts = "ckpt.index, ckpt.data-00000-of-00002 and ckpt.data-00001-of-00002"
    require(index, what, f"{url}/{name}: {parts}")
    load_named(model, _translate(read_bundle(prefix)), index)
    return model, dimenet_split(dataset)


def _translate(tensors: dict[str, npt.NDArray[np.generic]]) -> dict[str, Tensor]:
    translated = {}
    for published, array in tensors.items():
        name = published.removesuffix(_SUFFIX)
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        value = torch.from_numpy(np.array(array))
        translated[name] = value if name.endswith(_UNTRANSPOSED) else value.t()
    return translated
