"""Which columns of a table the TOML file names, and in which role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np

from distgnn.exceptions import TableError
from distgnn.schema import SPLITS, FeatureDtype, LabelKind
from distgnn.tables.build import EdgeRoles, NodeRoles
from distgnn.tables.config import EdgeConfig, MaskColumns, NodeConfig, SparseColumns, TableConfig
from distgnn.tables.convert import without_views
from distgnn.tables.features import join_columns
from distgnn.tables.ids import id_column
from distgnn.tables.labels import split_of_column, split_of_masks
from distgnn.tables.npz import Archive
from distgnn.tables.readers import is_csv
from distgnn.tables.sparse import CSRFeatures, csr_of_lists

if TYPE_CHECKING:
    from distgnn.tables.source import SourceTable

CSV_DTYPE: FeatureDtype = "float32"
"""CSV files have no types: features in them become this unless `feature_dtype` says otherwise."""


def node_columns(config: NodeConfig) -> dict[str, str]:
    """Return the columns that a node table must have, each with its role for messages."""
    named = {"id": config.id}
    if isinstance(config.split, MaskColumns):
        named |= {f"{split} mask": getattr(config.split, split) for split in SPLITS}
    else:
        named["split"] = config.split
    return _columns(config, named)


def edge_columns(config: EdgeConfig) -> dict[str, str]:
    """Return the columns that an edge table must have, each with its role for messages."""
    return _columns(config, {"src": config.src, "dst": config.dst, "weight": config.weight})


def node_roles(config: NodeConfig, source: SourceTable) -> NodeRoles:
    """Return the columns of a node table by role.

    Raises:
        GraphDataError: null ids, or splits that overlap.
        TableError: a column is missing or of the wrong type.
    """
    ids = _column(source, config.id, "id")
    return NodeRoles(
        ids=None if ids is None else id_column(ids, source, config.id or "", config.id_type),
        id_name=config.id or "",
        split=_split(config, source),
        **_common(config, source, node_columns(config)),
    )


def edge_roles(config: EdgeConfig, source: SourceTable, src: Any, dst: Any) -> EdgeRoles:
    """Return the columns of an edge table by role, with its ends as rows `src` and `dst`.

    Raises:
        TableError: a column is missing or of the wrong type.
    """
    return EdgeRoles(
        src=src,
        dst=dst,
        weight=_column(source, config.weight, "weight"),
        weight_name=config.weight or "",
        **_common(config, source, edge_columns(config)),
    )


class _Common(TypedDict):
    """The arguments of `Roles` that node and edge tables share."""

    features: Any
    feature_dtype: FeatureDtype | None
    feature_name: str
    label: Any
    label_kind: LabelKind | None
    num_classes: int | None
    label_name: str
    time: Any
    time_name: str
    columns: dict[str, Any]


def _columns(config: TableConfig, named: dict[str, str | None]) -> dict[str, str]:
    features = config.features
    if isinstance(features, SparseColumns):
        if features.indptr is None:
            named |= {"feature indices": features.indices, "feature values": features.values}
    elif features is not None:
        names = [features] if isinstance(features, str) else features
        named |= {f"feature {i}": name for i, name in enumerate(names)}
    named |= {"label": config.label, "time": config.time}
    columns = {name: role for role, name in named.items() if name is not None}
    return columns | {
        name: "further column" for name in config.columns or () if name not in columns
    }


def _common(config: TableConfig, source: SourceTable, named: dict[str, str]) -> _Common:
    kept = config.columns
    if kept is None:
        kept = [name for name in source.table.column_names if name not in named]
    name, features = _features(config.features, source)
    dtype = CSV_DTYPE if is_csv(source) else None
    return _Common(
        features=features,
        feature_dtype=config.feature_dtype or (None if features is None else dtype),
        feature_name=name,
        label=_column(source, config.label, "label"),
        label_kind=config.label_kind,
        num_classes=config.num_classes,
        label_name=config.label or "",
        time=_column(source, config.time, "time"),
        time_name=config.time or "",
        columns={name: without_views(source.table.column(name)) for name in kept},
    )


def _column(source: SourceTable, name: str | None, role: str) -> Any | None:
    return None if name is None else source.column(name, role)


def _split(config: NodeConfig, source: SourceTable) -> Any | None:
    if config.split is None:
        return None
    if isinstance(config.split, str):
        return split_of_column(source.column(config.split, "split"), source, config.split)
    masks = {split: getattr(config.split, split) for split in SPLITS}
    columns = {
        split: source.column(name, f"{split} mask")
        for split, name in masks.items()
        if name is not None
    }
    return split_of_masks(columns, source)


def _features(
    config: str | list[str] | SparseColumns | None, source: SourceTable
) -> tuple[str, Any | CSRFeatures | None]:
    """Return what messages call the features, and the features."""
    if config is None:
        return "", None
    if isinstance(config, str):
        return config, source.column(config, "features")
    if isinstance(config, SparseColumns):
        return config.indices, _sparse(config, source)
    columns = [source.column(name, "features") for name in config]
    return ", ".join(config), join_columns(columns, source, config)


def _sparse(config: SparseColumns, source: SourceTable) -> CSRFeatures:
    if config.indptr is not None:
        return _csr_arrays(config, config.indptr, source)
    if config.dim is None:
        msg = (
            f"the sparse features of {source.what} give `shape`, which goes with `indptr` (CSR "
            "arrays in a .npz file); give `dim`, the number of features"
        )
        raise TableError(msg)
    indices = source.column(config.indices, "feature indices")
    values = _column(source, config.values, "feature values")
    return csr_of_lists(indices, values, config.dim, source, (config.indices, config.values))


def _csr_arrays(config: SparseColumns, indptr: str, source: SourceTable) -> CSRFeatures:
    """Return the features that the arrays of one .npz file hold."""
    if len(source.files) != 1 or source.files[0][0].suffix != ".npz":
        msg = (
            f"the sparse features of {source.what} name `indptr` (CSR arrays), which takes one "
            ".npz file as `path`; in other formats give columns of lists"
        )
        raise TableError(msg)
    with Archive(source.files[0][0]) as archive:
        dim = config.dim if config.shape is None else int(archive[config.shape][1])
        return CSRFeatures(
            indptr=archive[indptr],
            indices=archive[config.indices],
            values=np.ones(1, np.float32) if config.values is None else archive[config.values],
            dim=dim or 0,
        )
