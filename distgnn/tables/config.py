"""The TOML file that names the tables of a graph, as typed dataclasses.

name = "papers"

[nodes.paper]
path = "papers"                      # a file, a folder of files, a pattern, or a list of them
id = "paper_id"
features = "embedding"
label = "venue"
split = { train = "is_train", val = "is_val", test = "is_test" }

[nodes.author]
path = "authors.csv"
id = "author_id"
features = ["h_index", "num_papers"]

[edges.author__writes__paper]
path = "writes/*.parquet"
src = "author"
dst = "paper"
reverse = "written_by"               # also adds paper__written_by__author

[edges.paper__cites__paper]
path = "cites.npz"
src = "edge_index[0]"                # row 0 of the array edge_index, in a .npz file
dst = "edge_index[1]"
undirected = true
duplicates = "drop"
"""

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError, with_config

from distgnn.exceptions import ArgumentError, ConfigError, nearest
from distgnn.schema import EdgeType, FeatureDtype, LabelKind, NodeType, edge_key, parse_edge_key
from distgnn.tables.edges import Dangling, Duplicates, SelfLoops
from distgnn.tables.ids import IdType

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Format = Literal["parquet", "csv", "arrow", "npz"]

STRICT = ConfigDict(extra="forbid", strict=True)


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class SparseColumns:
    """Sparse features: which columns hold the indices and values of a row."""

    indices: str
    """Column of lists of integers; with `indptr` one array of all rows' indices."""
    values: str | None = None
    """Column of lists of numbers; none: all are 1. With `indptr` one array of all values, or of one
    number that stands for all."""
    indptr: str | None = None
    """In a .npz file: array [N + 1], row r has the entries ``indptr[r]:indptr[r + 1]`` (CSR)."""
    dim: int | None = None
    """Number of features."""
    shape: str | None = None
    """In a .npz file, instead of `dim`: the array that holds (rows, features)."""

    def __post_init__(self) -> None:
        if (self.dim is None) == (self.shape is None):
            msg = "sparse features need either dim (the number of features) or shape"
            raise ValueError(msg)


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class MaskColumns:
    """A split as boolean columns."""

    train: str | None = None
    """Column that is true for training rows."""
    val: str | None = None
    """Column that is true for validation rows."""
    test: str | None = None
    """Column that is true for test rows."""


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class TableConfig:
    """What node tables and edge tables have in common."""

    path: str | list[str] | None = None
    """File, folder of files, pattern of file names such as ``part-*.parquet``, or a list of them;
    relative to the TOML file."""
    format: Format | None = None
    """None: by the ending of the files."""
    features: str | list[str] | SparseColumns | None = None
    """A column of lists or numbers, several columns of numbers, or sparse columns."""
    feature_dtype: FeatureDtype | None = None
    """Type of the features in storage; none: as in the files, and float32 for CSV."""
    label: str | None = None
    """Column of classes (integers), values (floats), or lists of either."""
    label_kind: LabelKind | None = None
    """None: by the type of the column."""
    num_classes: int | None = None
    """None: one more than the largest class."""
    time: str | None = None
    """Column of integers, timestamps or dates (which become microseconds)."""
    columns: list[str] | None = None
    """Further columns to keep; none: all that have no role (in a .npz file: no others)."""


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig(TableConfig):
    """A node table."""

    id: str | None = None
    """Column of ids, integers or text; none: row numbers."""
    id_type: IdType | None = None
    """Read ids, also those in edge tables, as this type; none: as in the file."""
    split: str | MaskColumns | None = None
    """A column of train/val/test (or 0/1/2), or boolean columns."""
    num_nodes: int | None = None
    """Instead of a table: nodes 0 to num_nodes - 1 without columns."""

    def __post_init__(self) -> None:
        if (self.path is None) == (self.num_nodes is None):
            msg = "a node table needs either path or num_nodes"
            raise ValueError(msg)


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConfig(TableConfig):
    """An edge table."""

    path: str | list[str]
    src: str
    """Column of the ids of the sources."""
    dst: str
    """Column of the ids of the destinations."""
    weight: str | None = None
    """Column of weights, finite and not negative."""
    undirected: bool = False
    """Append the reverse of every edge that is no loop."""
    reverse: str | None = None
    """Also add an edge type of this relation name, with the reverse of every edge."""
    duplicates: Duplicates = "keep"
    """Edges with the same ends (and time): keep, drop, count or error."""
    self_loops: SelfLoops = "keep"
    """Edges from a node to itself: keep, drop or error."""
    dangling: Dangling = "error"
    """Edges that end at an id which no node has: drop or error."""


@with_config(STRICT)
@dataclass(frozen=True, slots=True, kw_only=True)
class GraphConfig:
    """A whole TOML file."""

    name: str | None = None
    """For messages and reports; none: the file's name."""
    nodes: dict[NodeType, NodeConfig]
    """Node tables by node type."""
    edges: dict[str, EdgeConfig]
    """Edge tables by edge type, written ``source__relation__target``."""

    def edge_types(self) -> dict[EdgeType, EdgeConfig]:
        """Return the edge tables by parsed edge type."""
        return {parse_edge_key(key): config for key, config in self.edges.items()}


FORMS: Mapping[str, str] = {
    "features": "a column name, a list of column names, or { indices, values, dim }",
    "split": "a column name, or { train, val, test } with a boolean column each",
    "path": "a path or a list of paths",
}
"""What the keys whose value may have several forms take."""

_ADAPTER = TypeAdapter(GraphConfig)


def read_config(path: Path) -> GraphConfig:
    """Return the checked content of a graph's TOML file.

    Raises:
        ConfigError: the file cannot be read, has an unknown or missing key or a value of the wrong
            type, or an edge type names an unknown node type.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"cannot read the graph file {str(path)!r}: {error.strerror}; check the path"
        raise ConfigError(msg) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path} is not a TOML file: {error}; see https://toml.io for the format"
        raise ConfigError(msg) from error
    try:
        # Strict checking takes tables for dataclasses in JSON mode only.
        config = _ADAPTER.validate_json(json.dumps(data, default=str))
    except ValidationError as error:
        raise ConfigError(f"{path}: " + "; ".join(_describe(error.errors()))) from None
    _check_types(config, path)
    return config


def _check_types(config: GraphConfig, path: Path) -> None:
    if not config.nodes:
        msg = f"{path} names no node table; add [nodes.NAME] with a path"
        raise ConfigError(msg)
    taken: set[EdgeType] = set()
    for key, edge in config.edges.items():
        try:
            source, relation, target = parse_edge_key(key)
        except ArgumentError as error:
            msg = f"{path}: [edges.{key}]: {error}"
            raise ConfigError(msg) from None
        for node_type in (source, target):
            if node_type not in config.nodes:
                msg = (
                    f"{path}: [edges.{key}] ends at node type {node_type!r}, which has no table"
                    f"{nearest(node_type, config.nodes)}"
                )
                raise ConfigError(msg)
        added = [(source, relation, target)]
        added += [] if edge.reverse is None else [(target, edge.reverse, source)]
        for edge_type in added:
            if edge_type in taken:
                msg = f"{path} defines the edge type {edge_key(edge_type)!r} twice"
                raise ConfigError(msg)
            taken.add(edge_type)


_UNKNOWN = ("unexpected_keyword_argument", "extra_forbidden")

_SECTIONS: Mapping[str, Any] = {
    "nodes": NodeConfig,
    "edges": EdgeConfig,
    "features": SparseColumns,
    "split": MaskColumns,
}
"""What the tables of a file are, by the key above them."""


def _describe(errors: "Sequence[ErrorDetails]") -> list[str]:
    """Say what is wrong, once a key: the branches of a union report the same value repeatedly."""
    telling = [error for error in errors if error["type"] in (*_UNKNOWN, "value_error")]
    messages: dict[str, str] = {}
    for error in telling or errors:
        location = _location(error["loc"])
        messages.setdefault(".".join(location), _message(location, error))
    return list(messages.values())


def _location(loc: tuple[int | str, ...]) -> list[str]:
    """Return the keys of an error's place, without what names the branch of a union."""
    keys = [str(part) for part in loc[:3]]  # nodes.TYPE.KEY
    if len(loc) > 3 and loc[2] in _SECTIONS and loc[-1] not in ("SparseColumns", "MaskColumns"):
        section = _SECTIONS[str(loc[2])]
        keys += [str(part) for part in loc[4:] if loc[3] == section.__name__]
    return keys


def _message(location: list[str], error: "ErrorDetails") -> str:
    key = ".".join(location)
    if error["type"] in _UNKNOWN:
        section = (
            _SECTIONS[location[-2 if len(location) > 3 else 0]] if location[1:] else GraphConfig
        )
        return f"unknown key {key!r}{nearest(location[-1], [f.name for f in fields(section)])}"
    if error["type"] in ("missing", "missing_keyword_only_argument"):
        return f"the key {key!r} is missing"
    if error["type"] == "value_error":
        return f"[{key}]: {error['msg'].removeprefix('Value error, ')}"
    wanted = FORMS.get(location[-1], error["msg"].removeprefix("Input should be "))
    return f"{key} = {error['input']!r}: it must be {wanted}"
