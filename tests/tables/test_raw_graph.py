import numpy as np
import pyarrow as pa
import pytest

from distgnn.exceptions import ArgumentError, GraphDataError
from distgnn.schema import EdgeSchema, FeatureSpec, GraphSchema, NodeSchema
from distgnn.tables import EdgeArrays, NodeArrays, RawGraph, from_arrays

NODE = NodeSchema(type="paper", features=FeatureSpec(dim=2, dtype="float32"))
CITES = ("paper", "cites", "paper")
SCHEMA = GraphSchema(nodes=(NODE,), edges=(EdgeSchema(type=CITES),))


def node_table(ids=(0, 1, 2)):
    x = pa.array([[1.0, 2.0]] * len(ids), pa.list_(pa.float32(), 2))
    return pa.table({"id": list(ids), "x": x})


def edge_table(src, dst):
    return pa.table({"src": pa.array(src, pa.int64()), "dst": pa.array(dst, pa.int64())})


def graph(nodes=None, edges=None, **other):
    nodes = {"paper": node_table()} if nodes is None else nodes
    edges = {CITES: edge_table([0, 1], [1, 2])} if edges is None else edges
    return RawGraph(**{"schema": SCHEMA, "nodes": nodes, "edges": edges, "name": "tiny"} | other)


def test_counts():
    assert graph().num_nodes("paper") == 3
    assert graph().num_edges(CITES) == 2


def test_an_unknown_type_is_named_with_the_nearest():
    with pytest.raises(ArgumentError, match=r"no node type 'papers'; did you mean 'paper'"):
        graph().num_nodes("papers")
    with pytest.raises(ArgumentError, match=r"no edge type 'paper__cited__paper'"):
        graph().num_edges(("paper", "cited", "paper"))


def test_a_type_without_table_is_refused():
    with pytest.raises(GraphDataError, match=r"node types \['paper'\].*tables for \[\]"):
        graph(nodes={})


def test_columns_that_the_schema_lacks_are_refused():
    table = node_table().append_column("extra", pa.array([1, 2, 3]))
    with pytest.raises(GraphDataError, match=r"columns \['id', 'x', 'extra'\].*\['id', 'x'\]"):
        graph(nodes={"paper": table})


@pytest.mark.parametrize("bad", [-1, 3])
def test_an_edge_outside_the_node_table_is_refused(bad):
    with pytest.raises(GraphDataError, match=r"'dst' of edge type 'paper__cites__paper' holds"):
        graph(edges={CITES: edge_table([0, 1], [1, bad])})


def test_ends_are_int64_without_nulls():
    narrow = pa.table({"src": pa.array([0], pa.int32()), "dst": pa.array([0], pa.int32())})
    with pytest.raises(GraphDataError, match=r"must be int64 without nulls, not int32"):
        graph(edges={CITES: narrow})


def test_fingerprint_ignores_name_and_chunks_and_sees_everything_else():
    base = graph().fingerprint()
    assert base == graph(name="other").fingerprint()
    chunked = pa.concat_tables([node_table([0]), node_table([1, 2])])
    assert base == graph(nodes={"paper": chunked}).fingerprint()
    assert base != graph(nodes={"paper": node_table([0, 2, 1])}).fingerprint()
    assert base != graph(edges={CITES: edge_table([1, 0], [2, 1])}).fingerprint()


def test_the_fingerprint_is_the_same_on_every_machine():
    """Shards name the fingerprint of their graph: changing it breaks those that are there."""
    made = from_arrays(
        NodeArrays(
            x=np.arange(6, dtype=np.float32).reshape(3, 2), y=[0, 1, -1], ids=["a", "b", "c"]
        ),
        EdgeArrays(index=[[0, 1], [1, 2]], weight=[1.0, 2.0]),
    )
    assert made.fingerprint() == "c9654e079d1c8943452a642d835f0167"
