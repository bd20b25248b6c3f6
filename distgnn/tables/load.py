"""From a graph's TOML file to a `RawGraph`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

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
    from distgnn.tables.config import EdgeConfig, NodeConfig, TableConfig
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


def node_request(node_type: NodeType, config: NodeConfig) -> Request:
    """Return what to read of the files of a node table."""
    types = {}
    if config.id is not None and config.id_type is not None:
        types[config.id] = ID_TYPES[config.id_type]
    features = config.features
    return Request(
        what=describe_nodes(node_type),
        required=node_columns(config),
        others=config.columns is None,
        types=types,
        indptr=features.indptr if isinstance(features, SparseColumns) else None,
    )


def edge_request(edge_type: EdgeType, config: EdgeConfig, id_types: tuple[Any, Any]) -> Request:
    """Return what to read of the files of an edge table; `id_types`: Arrow types of the ends."""
    return Request(
        what=describe_edges(edge_type),
        required=edge_columns(config),
        others=config.columns is None,
        types={config.src: id_types[0], config.dst: id_types[1]},
    )


def table_files(config: TableConfig, root: Path, what: str) -> list[Path]:
    """Return the files of a table, in order (see `find_files`).

    Raises:
        TableError: nothing is there.
    """
    path = config.path or []
    paths = [path] if isinstance(path, str) else path
    return find_files(paths, root, config.format, what)


def edge_options(config: EdgeConfig) -> EdgeOptions:
    """Return what is to be done with the edges of a table as a whole."""
    return EdgeOptions(
        undirected=config.undirected, duplicates=config.duplicates, self_loops=config.self_loops
    )


def _node_source(node_type: NodeType, config: NodeConfig, root: Path) -> SourceTable:
    request = node_request(node_type, config)
    if config.path is None:
        return SourceTable.of_size(config.num_nodes or 0, request.what)
    return read_files(table_files(config, root, request.what), config.format, request)


def _edges(
    edge_type: EdgeType,
    config: EdgeConfig,
    ends: tuple[NodeConfig, NodeConfig],
    ids: Mapping[NodeType, IdMap],
    root: Path,
) -> list[tuple[EdgeSchema, Any]]:
    """Return an edge type, and its reverse if that is asked for."""
    maps = (ids[edge_type[0]], ids[edge_type[2]])
    request = edge_request(edge_type, config, (maps[0].type, maps[1].type))
    files = table_files(config, root, request.what)
    source = read_files(files, config.format, request)
    kept = np.ones(source.num_rows, np.bool_)
    rows = []
    for name, node, id_map in zip((config.src, config.dst), ends, maps, strict=True):
        column = id_column(source.column(name, "end"), source, name, node.id_type)
        if config.dangling == "error":
            rows.append(id_map.rows(column, source, name))
        else:
            found, known = id_map.look_up(column, source, name)
            rows.append(found)
            kept &= known
    roles = edge_roles(config, source, from_numpy(rows[0]), from_numpy(rows[1]))
    schema, table = edge_table(edge_type, roles, source, edge_options(config), kept)
    if config.reverse is None:
        return [(schema, table)]
    back = (edge_type[2], config.reverse, edge_type[0])
    return [(schema, table), (replace(schema, type=back), reverse_table(table))]
