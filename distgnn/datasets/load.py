"""Real graphs by name: two that ship with the package, the others from a folder of the user's."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from distgnn.datasets import forms
from distgnn.exceptions import ArgumentError, TableError, nearest
from distgnn.tables import read_npz

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.tables import RawGraph

SHIPPED = Path(__file__).parent / "files"
"""Folder of the datasets that are part of the package."""

READERS: dict[str, Callable[[Path], RawGraph]] = {
    "acm_hetero": forms.acm,
    "amazon_computers": read_npz,
    "aminer_hetero": forms.aminer,
    "bitcoin_alpha": forms.bitcoin_alpha,
    "citeseer": read_npz,
    "coauthor_physics": read_npz,
    "cora": read_npz,
    "ego_twitter": read_npz,
    "facebook100_cornell5": forms.facebook100,
    "fb15k_237": forms.fb15k_237,
    "flickr_social": read_npz,
    "gowalla": forms.gowalla,
    "icews14_tkg": forms.icews14,
    "jodie_wikipedia_events": forms.jodie,
    "nell_0.001": forms.nell,
    "pubmed_graph_only": read_npz,
    "wordnet31": forms.wordnet31,
}

NAMES = tuple(READERS)
"""Names of the datasets that `load` knows."""


def load(name: str, root: Path | None = None) -> RawGraph:
    """Return a real graph.

    Args:
        name: One of `NAMES`.
        root: Folder with the file ``<name>/data.npz``; needed for all but amazon_computers and
            cora, and looked at first for those.

    Raises:
        ArgumentError: there is no dataset of that name.
        TableError: its file is not there, or is damaged.
    """
    if name not in READERS:
        msg = f"there is no dataset {name!r}{nearest(name, NAMES)}"
        raise ArgumentError(msg)
    folders = [SHIPPED] if root is None else [Path(root), SHIPPED]
    candidates = [folder / name / "data.npz" for folder in folders]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        looked = " or ".join(map(str, candidates))
        msg = (
            f"dataset {name!r} does not ship with distgnn, and there is no {looked}; give the "
            "folder that holds it: load(name, root=...), on the command line --data FOLDER"
        )
        raise TableError(msg)
    graph = READERS[name](path)
    return replace(graph, name=name)
