"""From a graph's TOML file to a `Job`: which files there are, and how memory is shared out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from distgnn.partition.balance import check_balance
from distgnn.partition.out_of_core.estimate import BASE_BYTES, count_nodes, node_state_bytes
from distgnn.partition.out_of_core.job import Job
from distgnn.partition.registry import find_partitioner
from distgnn.tables.config import read_config
from distgnn.tables.convert import is_text
from distgnn.tables.ids import ID_TYPES
from distgnn.tables.load import edge_request, node_request, table_files
from distgnn.tables.windows import TableFiles, describe_files

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.schema import NodeType
    from distgnn.tables.config import GraphConfig

LEAST_WINDOW, MOST_WINDOW = 1 << 18, 32 << 20
LEAST_BUCKET, MOST_BUCKET = 1 << 20, 512 << 20


def plan_job(
    graph: Path,
    work: Path,
    *,
    num_parts: int,
    method: str,
    balance: str,
    seed: int,
    memory_limit: int,
) -> Job:
    """Return the job of partitioning the graph that a TOML file describes.

    Reads the metadata of all files, and CSV files once.

    Args:
        graph: The TOML file.
        work: Folder for the files of the run.
        num_parts: Number of parts.
        method: One of `registry.PARTITIONERS`.
        balance: What to balance.
        seed: At least 0.
        memory_limit: Bytes of memory that the process may take.

    Raises:
        ConfigError: the TOML file is wrong.
        PartitionError: no such method or balance.
        TableError: a file or column is missing, damaged or of the wrong type.
    """
    find_partitioner(method)
    config = read_config(graph)
    nodes = {t: _node_files(config, t, graph.parent) for t in config.nodes}
    edges = {}
    for edge_type, edge in config.edge_types().items():
        types = [_id_type(config, t, nodes[t]) for t in (edge_type[0], edge_type[2])]
        request = edge_request(edge_type, edge, (types[0], types[1]))
        files = table_files(edge, graph.parent, request.what)
        edges[edge_type] = describe_files(files, edge.format, request)
    job = Job(
        name=config.name or graph.stem,
        config=config,
        nodes=nodes,
        edges=edges,
        work=work,
        num_parts=num_parts,
        method=method,
        balance=check_balance(balance),
        seed=seed,
        window_bytes=LEAST_WINDOW,
        bucket_bytes=LEAST_BUCKET,
    )
    budget = memory_limit - BASE_BYTES - node_state_bytes(count_nodes(job))
    return replace(
        job,
        window_bytes=min(MOST_WINDOW, max(LEAST_WINDOW, budget // 12)),
        bucket_bytes=min(MOST_BUCKET, max(LEAST_BUCKET, budget // 3)),
    )


def _node_files(config: GraphConfig, node_type: NodeType, root: Path) -> TableFiles | None:
    node = config.nodes[node_type]
    if node.path is None:
        return None
    request = node_request(node_type, node)
    return describe_files(table_files(node, root, request.what), node.format, request)


def _id_type(config: GraphConfig, node_type: NodeType, files: TableFiles | None) -> Any:
    """Return the Arrow type of the ids of a node type, as `id_column` will make it."""
    node = config.nodes[node_type]
    if node.id is None or files is None:
        return pa.int64()
    if node.id_type is not None:
        return ID_TYPES[node.id_type]
    found = files.schema.field(node.id).type
    found = found.value_type if pa.types.is_dictionary(found) else found
    return found if is_text(found) else pa.int64()
