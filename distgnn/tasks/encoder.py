"""Arguments of a model of nodes that follow from the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from distgnn.exceptions import GraphDataError

if TYPE_CHECKING:
    from distgnn.shards.reader import ShardedGraph


def encoder_arguments(graph: ShardedGraph, out_channels: int) -> dict[str, Any]:
    """Return ``in_channels`` (by node type in a heterogeneous graph) and `out_channels`.

    A heterogeneous graph adds ``metadata``: its node types and edge types.

    Raises:
        GraphDataError: nodes of a type have no features.
    """
    schema = graph.schema
    for node in schema.nodes:
        if node.features is None:
            msg = (
                f"nodes of type {node.type!r} of graph {graph.manifest.name!r} have no "
                "features: name the feature column (x) in the graph's TOML file"
            )
            raise GraphDataError(msg)
    channels = {n.type: n.features.dim for n in schema.nodes if n.features is not None}
    if schema.is_homogeneous:
        return {"in_channels": channels[schema.node_types[0]], "out_channels": out_channels}
    return {
        "in_channels": channels,
        "out_channels": out_channels,
        "metadata": (list(schema.node_types), list(schema.edge_types)),
    }
