"""Partitioning in memory, stage by stage: from a `RawGraph` to a directory of shards."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Console

from distgnn.exceptions import PartitionError
from distgnn.partition.adjacency import build_adjacency, without_edges
from distgnn.partition.balance import balance_weights, check_balance
from distgnn.partition.edge_tables import part_edges, sort_edges
from distgnn.partition.estimate import estimate
from distgnn.partition.layout import NodeLayout, node_layouts, occupy_every_part
from distgnn.partition.node_tables import part_nodes
from distgnn.partition.quality import Quality, measure_quality
from distgnn.partition.registry import find_partitioner
from distgnn.partition.report import PartitionReport
from distgnn.partition.stages import Stages
from distgnn.shards.manifest import Manifest, ManifestInfo
from distgnn.shards.writer import ShardWriter

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.partition.balance import Balance
    from distgnn.partition.partitioner import Partitioner
    from distgnn.schema import NodeType
    from distgnn.tables.raw_graph import RawGraph

Layouts = dict["NodeType", NodeLayout]


def partition_graph(
    raw: RawGraph,
    out: Path,
    *,
    num_parts: int,
    method: str = "metis",
    balance: str = "nodes",
    seed: int = 0,
    overwrite: bool = False,
    progress: bool = True,
) -> PartitionReport:
    """Partition a graph and write its shards.

    Part p owns a contiguous range of global ids of every node type, within it in the order of the
    raw table. The result follows from the arguments alone: two runs write the same bytes.

    Args:
        raw: The graph.
        out: Directory to make. It is complete or absent, whatever happens.
        num_parts: Number of parts, from 1 to the number of nodes.
        method: One of `registry.PARTITIONERS`.
        balance: What every part gets an equal share of: nodes, edges (into its nodes) or train
            (training nodes); nodes are balanced besides. `hash` balances by chance alone, `range`
            within each node type.
        seed: Seed of the methods that draw at random; at least 0.
        overwrite: Replace a sharded graph at `out`.
        progress: Print an estimate first, and show progress bars.

    Raises:
        PartitionError: no such method or balance, fewer than 1 part or more parts than nodes, a
            negative seed, or no training nodes to balance.
        OutputExistsError: `out` exists and may not be replaced.
        MissingDependencyError: the method needs a package that is not installed.
        StorageError: the disk is full, or fails.
    """
    partitioner = find_partitioner(method)
    checked_balance = check_balance(balance)
    num_nodes = sum(raw.num_nodes(node_type) for node_type in raw.schema.node_types)
    check_numbers(num_nodes, num_parts, seed)
    console = Console(stderr=True, quiet=not progress)
    stages = Stages(console, progress=progress)
    with ShardWriter(out, raw.schema, num_parts, overwrite=overwrite) as writer:
        expected = estimate(raw, partitioner, num_parts)
        console.print(expected.render())
        with stages.shown():
            layouts = _assign(raw, partitioner, num_parts, checked_balance, seed, stages)
            with stages.stage("edge cut"):
                quality = measure_quality(raw, layouts, num_parts)
            _write_nodes(raw, layouts, writer, stages)
            _write_edges(raw, layouts, writer, stages)
            with stages.stage("fingerprint"):
                fingerprint = raw.fingerprint()
            info = ManifestInfo(
                name=raw.name,
                fingerprint=fingerprint,
                method=method,
                balance=checked_balance,
                seed=seed,
                stats=stats_of(quality, checked_balance),
            )
            with stages.stage("commit"):
                manifest = writer.commit(info)
    return PartitionReport(
        out=out,
        name=raw.name,
        method=method,
        balance=checked_balance,
        seed=seed,
        num_parts=num_parts,
        num_nodes=expected.num_nodes,
        num_edges=expected.num_edges,
        num_bytes=_num_bytes(manifest),
        quality=quality,
        estimate=expected,
        seconds=stages.seconds,
    )


def check_numbers(num_nodes: int, num_parts: int, seed: int) -> None:
    """Check the numbers that a run was given.

    Raises:
        PartitionError: fewer than 1 part, more parts than nodes, or a negative seed.
    """
    if num_parts < 1:
        msg = f"cannot partition into {num_parts} parts: give at least 1"
        raise PartitionError(msg)
    if num_parts > num_nodes:
        msg = (
            f"cannot partition {num_nodes:,} nodes into {num_parts:,} parts: some would be empty. "
            f"Give at most {num_nodes:,} parts, or check that the node tables are the right ones."
        )
        raise PartitionError(msg)
    if seed < 0:
        msg = f"the seed is {seed}: give 0 or more"
        raise PartitionError(msg)


def _assign(
    raw: RawGraph,
    partitioner: Partitioner,
    num_parts: int,
    balance: Balance,
    seed: int,
    stages: Stages,
) -> Layouts:
    """Return where the nodes of every type go."""
    weights = balance_weights(raw, balance)
    with stages.stage("adjacency"):
        adjacency = build_adjacency(raw) if partitioner.needs_edges else without_edges(raw)
    with stages.stage("assignment"):
        assignment = partitioner.assign(adjacency, num_parts, weights, seed)
    with stages.stage("renumbering"):
        occupied = occupy_every_part(assignment, num_parts)
        return node_layouts(raw.schema, adjacency, occupied, num_parts)


def _write_nodes(raw: RawGraph, layouts: Layouts, writer: ShardWriter, stages: Stages) -> None:
    num_files = sum(layout.num_parts for layout in layouts.values())
    with stages.stage("nodes", num_files) as advance:
        for node_type, layout in layouts.items():
            for part in range(layout.num_parts):
                table = part_nodes(raw.nodes[node_type], layout.rows(part))
                writer.write_nodes(part, node_type, table)
                advance()


def _write_edges(raw: RawGraph, layouts: Layouts, writer: ShardWriter, stages: Stages) -> None:
    num_files = len(raw.schema.edge_types) * next(iter(layouts.values())).num_parts
    with stages.stage("edges", num_files) as advance:
        for edge_type in raw.schema.edge_types:
            targets = layouts[edge_type[2]]
            edges = sort_edges(raw.edges[edge_type], layouts[edge_type[0]], targets)
            for part in range(targets.num_parts):
                writer.write_edges(part, edge_type, part_edges(edges, part))
                advance()


def stats_of(quality: Quality, balance: Balance) -> dict[str, float]:
    """Return what the manifest keeps of the quality of an assignment."""
    values = {name: float(value) for name, value in asdict(quality).items()}
    asked = {"nodes": "node_balance", "edges": "edge_balance", "train": "train_balance"}[balance]
    return values | {"balance": values[asked]}


def _num_bytes(manifest: Manifest) -> int:
    return sum(entry.bytes for entry in manifest.files.values())
