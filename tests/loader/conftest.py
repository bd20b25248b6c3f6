"""Graphs that are written once and only read."""

import numpy as np
import pyarrow as pa
import pytest

from distgnn.schema import EdgeSchema, FeatureSpec, GraphSchema, LabelSpec, NodeSchema
from distgnn.tables.raw_graph import RawGraph
from distgnn.testing.graphs import papers, scholars
from distgnn.testing.sharding import shard


@pytest.fixture(scope="package")
def papers_graph(tmp_path_factory):
    return papers().write(tmp_path_factory.mktemp("papers") / "papers")


@pytest.fixture(scope="package")
def scholars_graph(tmp_path_factory):
    return scholars().write(tmp_path_factory.mktemp("scholars") / "scholars")


@pytest.fixture(scope="package")
def graph_parts(tmp_path_factory):
    """A random graph of 100 nodes and 800 edges in 1, 2 and 8 parts; x and y tell the raw row."""
    rng = np.random.default_rng(0)
    rows = np.arange(100)
    x = np.stack([rows, -rows], axis=1).astype(np.float32)
    raw = RawGraph(
        schema=GraphSchema(
            nodes=(
                NodeSchema(
                    type="node",
                    features=FeatureSpec(dim=2, dtype="float32"),
                    label=LabelSpec(kind="class", dim=100),
                ),
            ),
            edges=(EdgeSchema(type=("node", "to", "node")),),
        ),
        nodes={
            "node": pa.table(
                {
                    "id": rows,
                    "x": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), 2),
                    "y": rows,
                }
            )
        },
        edges={
            ("node", "to", "node"): pa.table(
                {"src": rng.integers(100, size=800), "dst": rng.integers(100, size=800)}
            )
        },
        name="rows",
    )
    folder = tmp_path_factory.mktemp("graph")
    owners = {parts: np.r_[np.arange(parts), rng.integers(parts, size=100 - parts)]
              for parts in (1, 2, 8)}  # fmt: skip
    return {parts: shard(raw, {"node": owners[parts]}, folder / f"{parts}") for parts in owners}
