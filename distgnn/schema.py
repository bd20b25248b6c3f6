"""The types of a graph: node types, edge types, and which columns play which role.

A homogeneous graph is a heterogeneous one with one node type and one edge type; no code treats it
as a special case except where it prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from distgnn.exceptions import ArgumentError, nearest

NodeType = str
EdgeType = tuple[str, str, str]
"""(source node type, relation, destination node type)."""

FeatureDtype = Literal[
    "bfloat16", "float16", "float32", "float64", "int8", "uint8", "int16", "int32", "int64", "bool"
]
LabelKind = Literal["class", "multilabel", "value"]

SPLITS = {"train": 0, "val": 1, "test": 2}
"""Code of each split in the `split` column (int8); -1 marks a row that belongs to none."""

UNLABELLED = -1
"""Class label of a row without a label."""

DEFAULT_NODE_TYPE: NodeType = "node"
DEFAULT_EDGE_TYPE: EdgeType = ("node", "to", "node")


def edge_key(edge_type: EdgeType) -> str:
    """Return the name of an edge type in files and configuration: ``source__relation__target``."""
    return "__".join(edge_type)


def parse_edge_key(key: str) -> EdgeType:
    """Return the edge type named by `key` (see `edge_key`).

    Raises:
        ArgumentError: `key` does not have three non-empty parts.
    """
    parts = tuple(key.split("__"))
    if len(parts) != 3 or not all(parts):
        msg = (
            f"{key!r} is no edge type: write it as 'source__relation__target', "
            "for example 'author__writes__paper'"
        )
        raise ArgumentError(msg)
    return (parts[0], parts[1], parts[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureSpec:
    """The feature column of a node or edge type (`x`, `edge_attr`)."""

    dim: int
    """Number of features of a row (columns of the dense matrix)."""
    dtype: FeatureDtype
    """Type in storage; float16 and bfloat16 become float32 in a gathered batch."""
    sparse: bool = False
    """True: rows are lists of (index, value) pairs and are made dense in a gathered batch only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelSpec:
    """The label column `y`."""

    kind: LabelKind
    """class: int64, -1 if unlabelled; multilabel: a list of 0/1; value: one float or a list."""
    dim: int
    """Number of classes (class), of labels (multilabel) or of values (value)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSchema:
    """What is known of the nodes of one type."""

    type: NodeType
    features: FeatureSpec | None = None
    label: LabelSpec | None = None
    has_split: bool = False
    has_time: bool = False
    columns: tuple[str, ...] = ()
    """Further columns that the user brought, kept as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSchema:
    """What is known of the edges of one type."""

    type: EdgeType
    features: FeatureSpec | None = None
    label: LabelSpec | None = None
    has_weight: bool = False
    has_time: bool = False
    columns: tuple[str, ...] = ()
    """Further columns that the user brought, kept as they are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSchema:
    """All node and edge types of a graph, in the order in which the user named them."""

    nodes: tuple[NodeSchema, ...]
    edges: tuple[EdgeSchema, ...]

    @property
    def node_types(self) -> tuple[NodeType, ...]:
        """Names of the node types."""
        return tuple(node.type for node in self.nodes)

    @property
    def edge_types(self) -> tuple[EdgeType, ...]:
        """Names of the edge types."""
        return tuple(edge.type for edge in self.edges)

    @property
    def is_homogeneous(self) -> bool:
        """Whether there is one node type and one edge type."""
        return len(self.nodes) == 1 and len(self.edges) == 1

    def node(self, node_type: NodeType) -> NodeSchema:
        """Return the schema of `node_type`.

        Raises:
            ArgumentError: there is no such node type.
        """
        for node in self.nodes:
            if node.type == node_type:
                return node
        msg = f"the graph has no node type {node_type!r}{nearest(node_type, self.node_types)}"
        raise ArgumentError(msg)

    def edge(self, edge_type: EdgeType) -> EdgeSchema:
        """Return the schema of `edge_type`.

        Raises:
            ArgumentError: there is no such edge type.
        """
        for edge in self.edges:
            if edge.type == edge_type:
                return edge
        key = edge_key(edge_type)
        msg = f"the graph has no edge type {key!r}{nearest(key, map(edge_key, self.edge_types))}"
        raise ArgumentError(msg)
