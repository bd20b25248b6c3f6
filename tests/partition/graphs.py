"""Graphs for the tests of partitioners: random ones of every kind, communities, rings."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st

from distgnn.partition import kernels
from distgnn.partition.adjacency import Adjacency
from distgnn.schema import (
    DEFAULT_EDGE_TYPE,
    DEFAULT_NODE_TYPE,
    EdgeSchema,
    FeatureSpec,
    GraphSchema,
    LabelSpec,
    NodeSchema,
)
from distgnn.tables.raw_graph import RawGraph

NODE_TYPES = ("paper", "author", "field of study")


def adjacency_of(edges, num_nodes):
    """The union graph of one node type with the given (source, target) pairs."""
    src, dst = np.array(edges, np.int64).reshape(-1, 2).T.copy()
    indptr, indices = kernels.build_adjacency([(src, dst, 0, num_nodes, 0, num_nodes)], num_nodes)
    return Adjacency(node_offsets=np.array([0, num_nodes]), indptr=indptr, indices=indices)


def raw_of(edges, num_nodes, split=None):
    """A homogeneous raw graph with the given (source, target) pairs."""
    src, dst = np.array(edges, np.int64).reshape(-1, 2).T
    nodes = {"id": np.arange(num_nodes)}
    if split is not None:
        nodes["split"] = np.array(split, np.int8)
    return RawGraph(
        schema=GraphSchema(
            nodes=(NodeSchema(type=DEFAULT_NODE_TYPE, has_split=split is not None),),
            edges=(EdgeSchema(type=DEFAULT_EDGE_TYPE),),
        ),
        nodes={DEFAULT_NODE_TYPE: pa.table(nodes)},
        edges={DEFAULT_EDGE_TYPE: pa.table({"src": src, "dst": dst})},
        name="test",
    )


def communities(num_nodes=2000, num_edges=20_000, num_communities=8, inside=0.9, seed=0):
    """Directed edges [E, 2] between nodes in shuffled communities; `inside` stay within one."""
    rng = np.random.default_rng(seed)
    community = rng.permutation(np.arange(num_nodes) % num_communities)
    members = [np.flatnonzero(community == c) for c in range(num_communities)]
    src = rng.integers(0, num_nodes, num_edges)
    dst = rng.integers(0, num_nodes, num_edges)
    for e in np.flatnonzero(rng.random(num_edges) < inside):
        dst[e] = rng.choice(members[community[src[e]]])
    return np.stack([src, dst], axis=1)


def ones(num_nodes):
    return np.ones((num_nodes, 1), np.int64)


def edge_cut(edges, parts):
    return float((parts[edges[:, 0]] != parts[edges[:, 1]]).mean())


def largest_share(parts, weights, num_parts):
    """The largest part over the mean, for each constraint."""
    loads = np.stack([np.bincount(parts, w, num_parts) for w in weights.T], axis=1)
    return loads.max(axis=0) / loads.mean(axis=0)


@st.composite
def raw_graphs(draw):
    """A small raw graph with any mix of types, columns, duplicates, loops and empty tables."""
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    names = NODE_TYPES[: draw(st.integers(1, 3))]
    nodes = {name: _node_type(draw, rng, name) for name in names}
    edges = {}
    for relation in range(draw(st.integers(0, 3))):
        ends = (draw(st.sampled_from(names)), draw(st.sampled_from(names)))
        edge = _edge_type(draw, rng, (ends[0], f"r{relation}", ends[1]), nodes)
        edges[edge[0].type] = edge
    return RawGraph(
        schema=GraphSchema(
            nodes=tuple(schema for schema, _ in nodes.values()),
            edges=tuple(schema for schema, _ in edges.values()),
        ),
        nodes={name: table for name, (_, table) in nodes.items()},
        edges={name: table for name, (_, table) in edges.items()},
        name="random",
    )


def _node_type(draw, rng, name):
    # The first type has a node, so that the graph has.
    size = draw(st.integers(int(name == NODE_TYPES[0]), 9))
    ids = rng.permutation(10 * size)[:size]
    columns = {"id": pa.array([f"é{i}" for i in ids] if draw(st.booleans()) else ids)}
    if size == 0:
        columns["id"] = pa.array([], pa.int64())
    features = draw(st.sampled_from([None, "dense", "sparse", "bfloat16"]))
    columns |= {"x": _features(rng, size, features)} if features else {}
    roles = {role: draw(st.booleans()) for role in ("y", "split", "time", "tags")}
    columns |= {"y": pa.array(rng.integers(-1, 3, size))} if roles["y"] else {}
    columns |= {"split": pa.array(rng.integers(-1, 3, size), pa.int8())} if roles["split"] else {}
    columns |= {"time": pa.array(rng.integers(-5, 5, size))} if roles["time"] else {}
    columns |= {"tags": _user_column(rng, size)} if roles["tags"] else {}
    schema = NodeSchema(
        type=name,
        features=_feature_spec(features),
        label=LabelSpec(kind="class", dim=3) if roles["y"] else None,
        has_split=roles["split"],
        has_time=roles["time"],
        columns=("tags",) if roles["tags"] else (),
    )
    return schema, _chunked(rng, _marked(columns, "x", features))


def _edge_type(draw, rng, edge_type, nodes):
    num_src, num_dst = (nodes[end][1].num_rows for end in (edge_type[0], edge_type[2]))
    size = draw(st.integers(0, 30)) if num_src and num_dst else 0
    columns = {
        "src": pa.array(rng.integers(0, max(1, num_src), size)),
        "dst": pa.array(rng.integers(0, max(1, num_dst), size)),
    }
    features = draw(st.sampled_from([None, "dense", "sparse", "bfloat16"]))
    columns |= {"edge_attr": _features(rng, size, features)} if features else {}
    roles = {role: draw(st.booleans()) for role in ("y", "weight", "time", "tags")}
    weight = pa.array(rng.random(size), pa.float32())
    columns |= {"weight": weight} if roles["weight"] else {}
    columns |= {"y": pa.array(rng.integers(-1, 3, size))} if roles["y"] else {}
    columns |= {"time": pa.array(rng.integers(0, 3, size))} if roles["time"] else {}
    columns |= {"tags": _user_column(rng, size)} if roles["tags"] else {}
    schema = EdgeSchema(
        type=edge_type,
        features=_feature_spec(features),
        label=LabelSpec(kind="class", dim=3) if roles["y"] else None,
        has_weight=roles["weight"],
        has_time=roles["time"],
        columns=("tags",) if roles["tags"] else (),
    )
    return schema, _chunked(rng, _marked(columns, "edge_attr", features))


def _feature_spec(kind):
    if kind is None:
        return None
    dtype = "bfloat16" if kind == "bfloat16" else "float32"
    return FeatureSpec(dim=3, dtype=dtype, sparse=kind == "sparse")


def _features(rng, size, kind):
    if kind == "sparse":
        rows = [sorted(rng.permutation(3)[: rng.integers(0, 4)].tolist()) for _ in range(size)]
        values = [[float(rng.integers(1, 9)) for _ in row] for row in rows]
        return pa.StructArray.from_arrays(
            [pa.array(rows, pa.list_(pa.int32())), pa.array(values, pa.list_(pa.float32()))],
            ["indices", "values"],
        )
    if kind == "bfloat16":
        return pa.FixedSizeListArray.from_arrays(
            pa.array(rng.integers(0, 2**15, 3 * size), pa.uint16()), 3
        )
    return pa.FixedSizeListArray.from_arrays(pa.array(rng.random(3 * size), pa.float32()), 3)


def _user_column(rng, size):
    """Lists of strings, some of them null."""
    cells = [None, [], ["a"], ["b", None, "ü"]]
    return pa.array([cells[i] for i in rng.integers(0, 4, size)], pa.list_(pa.string()))


def _marked(columns, name, kind):
    fields = [pa.field(column, array.type) for column, array in columns.items()]
    if kind == "bfloat16":
        fields = [
            field.with_metadata({b"distgnn.dtype": b"bfloat16"}) if field.name == name else field
            for field in fields
        ]
    return pa.Table.from_arrays(list(columns.values()), schema=pa.schema(fields))


def _chunked(rng, table):
    """The same table in one to three chunks."""
    cuts = sorted(rng.integers(0, table.num_rows + 1, rng.integers(0, 3)).tolist())
    bounds = [0, *cuts, table.num_rows]
    pieces = [table.slice(a, b - a) for a, b in pairwise(bounds)]
    return pa.concat_tables(pieces)
