"""Two small graphs written out by hand, with the arrays that their two-part shards must hold.

Tests of shards, samplers, loaders and partitioners share them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.schema import EdgeSchema, EdgeType, FeatureSpec, GraphSchema, LabelSpec, NodeSchema
from distgnn.tables.raw_graph import RawGraph
from distgnn.testing.sharding import shard

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.schema import NodeType
    from distgnn.shards import ShardedGraph

CITES: EdgeType = ("paper", "cites", "paper")
WRITES: EdgeType = ("author", "writes", "paper")
BY: EdgeType = ("paper", "by", "author")


@dataclass(frozen=True, slots=True, kw_only=True)
class PartEdges:
    """The in-edges of the nodes that one part owns."""

    indptr: list[int]
    src: list[int]
    """Global ids."""
    eid: list[int]
    time: list[int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HandMade:
    """A raw graph, a partition of it, and what the shards must hold."""

    raw: RawGraph
    owners: dict[NodeType, list[int]]
    """The part of every raw row."""
    offsets: dict[NodeType, list[int]]
    index: dict[NodeType, list[int]]
    """The raw row of every global id."""
    edges: dict[EdgeType, list[PartEdges]]
    """For each edge type the edges of part 0 and of part 1."""

    def write(self, out: Path) -> ShardedGraph:
        """Write the two parts to `out` and open them."""
        return shard(self.raw, self.owners, out)


def papers() -> HandMade:
    """Return a homogeneous graph of 6 papers and 9 citations, two of them parallel, one a loop.

    Rows 0, 2, 5 are in part 0 (global ids 0, 1, 2), rows 1, 3, 4 in part 1 (3, 4, 5). Row 5 has no
    in-edge. Features are float32 [6, 2], labels one of 3 classes (row 4 has none).
    """
    return HandMade(
        raw=RawGraph(
            schema=_PAPERS, nodes={"paper": _papers()}, edges={CITES: _cites()}, name="papers"
        ),
        owners={"paper": [0, 1, 0, 1, 1, 0]},
        offsets={"paper": [0, 3, 6]},
        index={"paper": [0, 2, 5, 1, 3, 4]},
        edges={
            CITES: [
                PartEdges(indptr=[0, 1, 2, 2], src=[3, 1], eid=[2, 8]),
                PartEdges(
                    indptr=[0, 4, 6, 7],
                    src=[0, 0, 1, 4, 0, 5, 2],
                    eid=[0, 7, 1, 3, 5, 4, 6],
                ),
            ]
        },
    )


def scholars() -> HandMade:
    """Return a heterogeneous graph: 3 authors with string ids, 4 papers, three edge types.

    Papers have sparse float16 features of 5 columns, two 0/1 labels and a time; `cites` has a time,
    `writes` a float32 feature, `by` is the reverse of `writes`. Authors have nothing but the user's
    column `country`. Part 0 owns author row 1 and paper rows 0, 3; none of its papers is cited.
    """
    return HandMade(
        raw=RawGraph(
            schema=_SCHOLARS,
            nodes={"author": _authors(), "paper": _labelled_papers()},
            edges={WRITES: _writes(), CITES: _timed_cites(), BY: _by()},
            name="scholars",
        ),
        owners={"author": [1, 0, 1], "paper": [0, 1, 1, 0]},
        offsets={"author": [0, 1, 3], "paper": [0, 2, 4]},
        index={"author": [1, 0, 2], "paper": [0, 3, 1, 2]},
        edges={
            WRITES: [
                PartEdges(indptr=[0, 1, 3], src=[1, 0, 2], eid=[0, 4, 3]),
                PartEdges(indptr=[0, 3, 3], src=[1, 0, 2], eid=[1, 2, 5]),
            ],
            CITES: [
                PartEdges(indptr=[0, 0, 0], src=[], eid=[], time=[]),
                PartEdges(
                    indptr=[0, 3, 5],
                    src=[1, 0, 3, 2, 0],
                    eid=[1, 0, 2, 4, 3],
                    time=[2, 4, 4, 0, 1],
                ),
            ],
            BY: [
                PartEdges(indptr=[0, 2], src=[2, 1], eid=[2, 4]),
                PartEdges(indptr=[0, 2, 4], src=[0, 2, 2, 1], eid=[0, 1, 5, 3]),
            ],
        },
    )


_PAPERS = GraphSchema(
    nodes=(
        NodeSchema(
            type="paper",
            features=FeatureSpec(dim=2, dtype="float32"),
            label=LabelSpec(kind="class", dim=3),
            has_split=True,
            columns=("title",),
        ),
    ),
    edges=(EdgeSchema(type=CITES, has_weight=True),),
)

_SCHOLARS = GraphSchema(
    nodes=(
        NodeSchema(type="author", columns=("country",)),
        NodeSchema(
            type="paper",
            features=FeatureSpec(dim=5, dtype="float16", sparse=True),
            label=LabelSpec(kind="multilabel", dim=2),
            has_time=True,
        ),
    ),
    edges=(
        EdgeSchema(type=WRITES, features=FeatureSpec(dim=1, dtype="float32"), columns=("role",)),
        EdgeSchema(type=CITES, has_time=True),
        EdgeSchema(type=BY),
    ),
)


def _papers() -> Any:
    x = np.array([[0, 1], [10, 11], [20, 21], [30, 31], [40, 41], [50, 51]], np.float32)
    return pa.table(
        {
            "id": pa.array([100, 101, 102, 103, 104, 105], pa.int64()),
            "x": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 2),
            "y": pa.array([0, 1, 2, 0, -1, 1], pa.int64()),
            "split": pa.array([0, 0, 1, 2, -1, 0], pa.int8()),
            "title": pa.array(["a", None, "c", "", "e", "ü"]),
        }
    )


def _cites() -> Any:
    return pa.table(
        {
            "src": pa.array([0, 2, 1, 3, 4, 0, 5, 0, 2], pa.int64()),
            "dst": pa.array([1, 1, 0, 1, 3, 3, 4, 1, 2], pa.int64()),
            "weight": pa.array([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5], pa.float32()),
        }
    )


def _authors() -> Any:
    return pa.table({"id": ["ann", "bob", "eve"], "country": ["AT", None, "EL"]})


def _labelled_papers() -> Any:
    indices = pa.array([[0, 3], [], [4], [1, 2]], pa.list_(pa.int32()))
    values = pa.array([[1, 2], [], [3], [4, 5]], pa.list_(pa.float16()))
    return pa.table(
        {
            "id": pa.array([7, 8, 9, 10], pa.int64()),
            "x": pa.StructArray.from_arrays([indices, values], ["indices", "values"]),
            "y": pa.array([[0, 1], [1, 1], [0, 0], [1, 0]], pa.list_(pa.int8(), 2)),
            "time": pa.array([5, 3, 9, 1], pa.int64()),
        }
    )


def _writes() -> Any:
    return pa.table(
        {
            "src": pa.array([0, 0, 1, 2, 1, 2], pa.int64()),
            "dst": pa.array([0, 1, 1, 3, 3, 1], pa.int64()),
            "edge_attr": pa.array([[0], [1], [2], [3], [4], [5]], pa.list_(pa.float32(), 1)),
            "role": pa.array(["first", "last", None, "first", "last", "first"]),
        }
    )


def _timed_cites() -> Any:
    return pa.table(
        {
            "src": pa.array([0, 3, 2, 0, 1], pa.int64()),
            "dst": pa.array([1, 1, 1, 2, 2], pa.int64()),
            "time": pa.array([4, 2, 4, 1, 0], pa.int64()),
        }
    )


def _by() -> Any:
    return pa.table(
        {
            "src": pa.array([0, 1, 1, 3, 3, 1], pa.int64()),
            "dst": pa.array([0, 0, 1, 2, 1, 2], pa.int64()),
        }
    )
