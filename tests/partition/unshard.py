"""The way back: the raw graph that a sharded graph was made from."""

import numpy as np
import pyarrow as pa

from distgnn.tables.raw_graph import RawGraph


def unshard(graph, raw):
    """Rebuild the tables of `graph` in raw order; `raw` gives the Arrow types alone."""
    return RawGraph(
        schema=graph.schema,
        nodes={t: _nodes(graph, t, table.schema) for t, table in raw.nodes.items()},
        edges={t: _edges(graph, t, table.schema) for t, table in raw.edges.items()},
        name=graph.manifest.name,
    )


def _nodes(graph, node_type, schema):
    shards = [graph.nodes(node_type, part) for part in range(graph.num_parts)]
    index = np.concatenate([shard.index for shard in shards])
    columns = {
        name: [cell for shard in shards for cell in shard.column(name).to_pylist()]
        for name in schema.names
    }
    return _in_order(columns, index, schema)


def _edges(graph, edge_type, schema):
    shards = [graph.edges(edge_type, part) for part in range(graph.num_parts)]
    index = {
        end: np.concatenate([graph.nodes(end, p).index for p in range(graph.num_parts)])
        for end in (edge_type[0], edge_type[2])
    }
    owned = [
        np.repeat(graph.nodes(edge_type[2], p).index, np.diff(shard.indptr))
        for p, shard in enumerate(shards)
    ]
    columns = {
        "src": index[edge_type[0]][np.concatenate([shard.src for shard in shards])].tolist(),
        "dst": np.concatenate(owned).tolist(),
    }
    for name in schema.names[2:]:
        columns[name] = [cell for shard in shards for cell in shard.column(name).to_pylist()]
    return _in_order(columns, np.concatenate([shard.eid for shard in shards]), schema)


def _in_order(columns, index, schema):
    assert sorted(index.tolist()) == list(range(len(index)))
    back = np.argsort(index)
    arrays = [pa.array([columns[f.name][i] for i in back], f.type) for f in schema]
    return pa.Table.from_arrays(arrays, schema=schema)
