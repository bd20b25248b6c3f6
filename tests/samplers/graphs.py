"""Random graphs, sharded in several ways, and what a sampled subgraph says in raw rows."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from distgnn.schema import EdgeSchema, GraphSchema, NodeSchema
from distgnn.tables.raw_graph import RawGraph
from distgnn.testing.sharding import shard

NODE = "node"
TO = ("node", "to", "node")
USER, ITEM = "user", "item"
BUYS, SOLD_TO, LIKE = (
    ("user", "buys", "item"),
    ("item", "sold_to", "user"),
    ("item", "like", "item"),
)


def raw_graph(num_nodes: dict[str, int], edges: dict[tuple[str, str, str], np.ndarray]) -> RawGraph:
    """Make a graph of ids and edges (int64 [2, E], sources and destinations) only."""
    return RawGraph(
        schema=GraphSchema(
            nodes=tuple(NodeSchema(type=name) for name in num_nodes),
            edges=tuple(EdgeSchema(type=edge_type) for edge_type in edges),
        ),
        nodes={name: pa.table({"id": np.arange(count)}) for name, count in num_nodes.items()},
        edges={name: pa.table({"src": ends[0], "dst": ends[1]}) for name, ends in edges.items()},
        name="random",
    )


def with_columns(raw: RawGraph, *, weight=(), edge_time=(), node_time=()) -> RawGraph:
    """Return `raw` with columns added, each given by type."""
    weight, edge_time, node_time = dict(weight), dict(edge_time), dict(node_time)
    edges = dict(raw.edges)
    for name, values in weight.items():
        edges[name] = edges[name].append_column("weight", pa.array(values, pa.float32()))
    for name, values in edge_time.items():
        edges[name] = edges[name].append_column("time", pa.array(values, pa.int64()))
    nodes = dict(raw.nodes)
    for name, values in node_time.items():
        nodes[name] = nodes[name].append_column("time", pa.array(values, pa.int64()))
    return RawGraph(
        schema=GraphSchema(
            nodes=tuple(NodeSchema(type=name, has_time=name in node_time) for name in nodes),
            edges=tuple(
                EdgeSchema(type=name, has_weight=name in weight, has_time=name in edge_time)
                for name in edges
            ),
        ),
        nodes=nodes,
        edges=edges,
        name=raw.name,
    )


def random_edges(rng, num_src: int, num_dst: int, num_edges: int) -> np.ndarray:
    """Draw edges with a few hubs, loops and parallel edges."""
    src = rng.integers(num_src, size=num_edges)
    dst = (num_dst * rng.random(num_edges) ** 2).astype(np.int64)
    return np.stack([src, dst])


def one_type(seed: int = 0, num_nodes: int = 200, num_edges: int = 1500) -> RawGraph:
    rng = np.random.default_rng(seed)
    return raw_graph({NODE: num_nodes}, {TO: random_edges(rng, num_nodes, num_nodes, num_edges)})


def two_types(seed: int = 0) -> RawGraph:
    rng = np.random.default_rng(seed)
    return raw_graph(
        {USER: 60, ITEM: 90},
        {
            BUYS: random_edges(rng, 60, 90, 500),
            SOLD_TO: random_edges(rng, 90, 60, 400),
            LIKE: random_edges(rng, 90, 90, 700),
        },
    )


def in_parts(raw: RawGraph, num_parts: int, out: Path, seed: int = 0):
    """Shard `raw` with every node in a random part."""
    rng = np.random.default_rng(seed)
    owners = {}
    for name in raw.nodes:
        owners[name] = rng.integers(num_parts, size=raw.num_nodes(name))
        owners[name][:num_parts] = np.arange(num_parts)
    return shard(raw, owners, out / f"{raw.name}-{num_parts}-{seed}")


def global_ids(graph, node_type, rows):
    return graph.global_id_of_index(node_type)[np.asarray(rows, np.int64)]


def raw_rows(graph, sampler, subgraph):
    """Return what `subgraph` says without reference to parts.

    For every node type the raw rows of its nodes; for every edge type sources, destinations (raw
    rows) and edge ids; and the counts.
    """
    rows = {name: graph.index_of(name, ids) for name, ids in subgraph.nodes.items()}
    edges = {}
    for (src, relation, dst), found in subgraph.edges.items():
        target = np.repeat(np.arange(len(found.indptr) - 1), np.diff(found.indptr))
        edges[src, relation, dst] = (
            rows[src][found.indices].tolist(),
            rows[dst][target].tolist(),
            sampler.edge_ids(subgraph, (src, relation, dst)).tolist(),
            found.num_per_hop,
        )
    return {n: r.tolist() for n, r in rows.items()}, edges, subgraph.num_nodes_per_hop
