"""Graphs to report on."""

import pyarrow as pa
import pytest

from distgnn.schema import EdgeSchema, GraphSchema, LabelSpec, NodeSchema
from distgnn.shards import ManifestInfo, ShardedGraph, ShardWriter
from distgnn.testing.graphs import papers, scholars

HOSTILE = "<script>alert('$x^$')</script>"


@pytest.fixture(scope="package")
def papers_graph(tmp_path_factory):
    return papers().write(tmp_path_factory.mktemp("papers") / "papers")


@pytest.fixture(scope="package")
def scholars_graph(tmp_path_factory):
    return scholars().write(tmp_path_factory.mktemp("scholars") / "scholars")


@pytest.fixture(scope="package")
def hostile_graph(tmp_path_factory):
    """A graph each of whose names is a script, and markup for a terminal."""
    edge, column = (HOSTILE, "[bold]", HOSTILE), f"{HOSTILE}[/red]"
    schema = GraphSchema(
        nodes=(
            NodeSchema(
                type=HOSTILE,
                label=LabelSpec(kind="class", dim=2),
                has_split=True,
                columns=(column,),
            ),
        ),
        edges=(EdgeSchema(type=edge),),
    )
    index, lists = pa.array([0, 1], pa.int64()), pa.large_list(pa.int64())
    nodes = {"id": index, "index": index, "y": index, "split": pa.array([0, 1], pa.int8())}
    with ShardWriter(tmp_path_factory.mktemp("hostile") / HOSTILE[:7], schema, 1) as writer:
        writer.write_nodes(0, HOSTILE, pa.table(nodes | {column: index}))
        edges = pa.array([[1], []], lists)
        writer.write_edges(0, edge, pa.table({"src": edges, "eid": pa.array([[0], []], lists)}))
        stats = {HOSTILE: 0.5}
        writer.commit(
            ManifestInfo(
                name=HOSTILE, fingerprint=HOSTILE, method=HOSTILE, balance=HOSTILE, stats=stats
            )
        )
    return ShardedGraph.open(writer._folder.out)
