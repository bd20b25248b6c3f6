"""From a graph's TOML file to a `RawGraph`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distgnn.tables.build import (
    describe_edges,
    describe_nodes,
    edge_table,
    node_table,
    raw_graph,
)
from distgnn.tables.config import SparseColumns, read_config
from distgnn.tables.convert import from_numpy
from distgnn.tables.edges import EdgeOptions, reverse_table
from distgnn.tables.ids import ID_TYPES, IdMap, id_column
from distgnn.tables.readers import Request, find_files, read_files
from distgnn.tables.roles import edge_columns, edge_roles, node_columns, node_roles
from distgnn.tables.source import SourceTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from distgnn.schema import EdgeSchema, EdgeType, NodeType
    from distgnn.tables.config import EdgeConfig, NodeConfig
    from distgnn.tables.raw_graph import RawGraph


def load_graph(path: Path | str) -> RawGraph:
    """Return the graph that a TOML file describes (see `distgnn.tables.config` for its keys).

    Args:
        path: The TOML file; paths in it are relative to its folder.

    Raises:
        ConfigError: the TOML file cannot be read or holds an unknown key or a wrong value.
        GraphDataError: the tables make no graph: duplicate ids, dangling edges, NaN, bad labels or
            splits and the like.
        TableError: a file or column is missing, damaged or of the wrong type.
    """
    path = Path(path)
    config = read_config(path)
    nodes, ids = [], {}
    for node_type, node in config.nodes.items():
        source = _node_source(node_type, node, path.parent)
        schema, table = node_table(node_type, node_roles(node, source), source)
        nodes.append((schema, table))
        ids[node_type] = IdMap(table.column("id"), source.without_rows())
    edges = []
    for edge_type, edge in config.edge_types().items():
        ends = (config.nodes[edge_type[0]], config.nodes[edge_type[2]])
        edges += _edges(edge_type, edge, ends, ids, path.parent)
    return raw_graph(config.name or path.stem, nodes, edges)


def _node_source(node_type: NodeType, config: NodeConfig, root: Path) -> SourceTable:
    what = describe_nodes(node_type)
    if config.path is None:
        return SourceTable.of_size(config.num_nodes or 0, what)
    files = find_files(_paths(config.path), root, config.format, what)
    types = {}
    if config.id is not None and config.id_type is not None:
        types[config.id] = ID_TYPES[config.id_type]
    features = config.features
    request = Request(
        what=what,
        required=node_columns(config),
        others=config.columns is None,
        types=types,
        indptr=features.indptr if isinstance(features, SparseColumns) else None,
    )
    return read_files(files, config.format, request)


def _edges(
    edge_type: EdgeType,
    config: EdgeConfig,
    ends: tuple[NodeConfig, NodeConfig],
    ids: Mapping[NodeType, IdMap],
    root: Path,
) -> list[tuple[EdgeSchema, Any]]:
    """Return an edge type, and its reverse if that is asked for."""
    what = describe_edges(edge_type)
    source_ids, target_ids = ids[edge_type[0]], ids[edge_type[2]]
    request = Request(
        what=what,
        required=edge_columns(config),
        others=config.columns is None,
        types={config.src: source_ids.type, config.dst: target_ids.type},
    )
    files = find_files(_paths(config.path), root, config.format, what)
    source = read_files(files, config.format, request)

    def rows(name: str, node: NodeConfig, id_map: IdMap) -> Any:
        column = id_column(source.column(name, "end"), source, name, node.id_type)
        return from_numpy(id_map.rows(column, source, name))

    src, dst = rows(config.src, ends[0], source_ids), rows(config.dst, ends[1], target_ids)
    options = EdgeOptions(
        undirected=config.undirected, duplicates=config.duplicates, self_loops=config.self_loops
    )
    schema, table = edge_table(edge_type, edge_roles(config, source, src, dst), source, options)
    if config.reverse is None:
        return [(schema, table)]
    back = (edge_type[2], config.reverse, edge_type[0])
    return [(schema, table), (replace(schema, type=back), reverse_table(table))]


def _paths(path: str | list[str]) -> list[str]:
    return [path] if isinstance(path, str) else path
