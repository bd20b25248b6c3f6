"""The figures of a sharded graph as tables for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from distgnn.report import numbers
from distgnn.schema import SPLITS, edge_key
from distgnn.shards.statistics import balance, statistics

if TYPE_CHECKING:
    from distgnn.shards.reader import ShardedGraph
    from distgnn.shards.statistics import GraphStatistics

MAX_PARTS = 32
"""Parts listed; the page of `write_inspect_page` lists all."""


def print_inspect(graph: ShardedGraph, console: Console | None = None) -> None:
    """Print counts, degrees, edge cut, balance and sizes of `graph`.

    Args:
        graph: Any sharded graph.
        console: Where to print; standard output by default.
    """
    console = console or Console()
    figures = statistics(graph)
    console.print(_summary(graph, figures))
    console.print(_nodes(graph, figures))
    if figures.edges:
        console.print(_edges(graph, figures))
    if any(nodes.splits for nodes in figures.nodes):
        console.print(_splits(figures))
    console.print(_parts(figures))
    if graph.num_parts > MAX_PARTS:
        console.print(f"... and {graph.num_parts - MAX_PARTS} more parts")


def _summary(graph: ShardedGraph, figures: GraphStatistics) -> Table:
    """Return the figures of the whole graph, and how it was made."""
    made, manifest = graph.manifest.made, graph.manifest
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(overflow="fold")
    rows = {
        "graph": f"{manifest.name} ({graph.path})",
        "nodes": numbers.count(int(figures.node_counts.sum())),
        "edges": numbers.count(int(figures.edge_counts.sum())),
        "parts": numbers.count(graph.num_parts),
        "edge cut": f"{numbers.percent(figures.edge_cut)} of the edges join two parts "
        f"(random parts: {numbers.percent(figures.random_edge_cut)})",
        "replication": f"{numbers.ratio(figures.replication)} (owned and halo nodes by nodes; "
        f"random parts: {numbers.ratio(figures.random_replication)})",
        "balance": f"nodes {numbers.ratio(balance(figures.node_counts))}, "
        f"edges {numbers.ratio(balance(figures.edge_counts))} (largest part by mean)",
        "size": numbers.size(figures.total_bytes),
        "made by": f"{made.method}, balanced by {made.balance}, seed {made.seed}, "
        f"distgnn {made.version}",
        "measured": ", ".join(f"{name} {value:.6g}" for name, value in manifest.stats.items()),
        "fingerprint": manifest.fingerprint,
    }
    for name, value in rows.items():
        if value:
            table.add_row(Text(name, style="bold"), Text(value))
    return table


def _nodes(graph: ShardedGraph, figures: GraphStatistics) -> Table:
    table = _table("Node types", "type", "nodes", "balance", "features", "label", "other columns")
    for nodes, schema in zip(figures.nodes, graph.schema.nodes, strict=True):
        count = numbers.count(int(nodes.counts.sum()))
        features, label = numbers.features(schema.features), numbers.label(schema.label)
        even = numbers.ratio(balance(nodes.counts))
        _add(table, nodes.type, count, even, features, label, numbers.other_columns(schema))
    return table


def _edges(graph: ShardedGraph, figures: GraphStatistics) -> Table:
    headings = ("edges", "in-degree", "largest", "cut", "balance", "features", "other columns")
    table = _table("Edge types", "type", *headings)
    for edges, schema in zip(figures.edges, graph.schema.edges, strict=True):
        _add(
            table,
            edge_key(edges.type),
            numbers.count(int(edges.counts.sum())),
            f"{edges.mean_degree:.2f}",
            numbers.count(int(edges.degrees.max(initial=0))),
            numbers.percent(edges.edge_cut),
            numbers.ratio(balance(edges.counts)),
            numbers.features(schema.features),
            numbers.other_columns(schema),
        )
    return table


def _splits(figures: GraphStatistics) -> Table:
    table = _table("Splits", "type", "train", "val", "test", "none", "balance (train, val, test)")
    for nodes in figures.nodes:
        if nodes.splits:
            counts = [numbers.count(int(nodes.splits[name].sum())) for name in nodes.splits]
            even = [numbers.ratio(balance(nodes.splits[name])) for name in SPLITS]
            _add(table, nodes.type, *counts, ", ".join(even))
    return table


def _parts(figures: GraphStatistics) -> Table:
    """Return a row for each of the first parts."""
    table = _table("Parts", "part", "nodes", "edges", "cut", "halo", "train", "size")
    for part in range(min(len(figures.halo), MAX_PARTS)):
        edges = int(figures.edge_counts[part])
        _add(
            table,
            str(part),
            numbers.count(int(figures.node_counts[part])),
            numbers.count(edges),
            numbers.percent(int(figures.cut_counts[part]) / edges if edges else 0.0),
            numbers.count(int(figures.halo[part])),
            numbers.count(int(figures.train_counts[part])),
            numbers.size(int(figures.node_bytes[part] + figures.edge_bytes[part])),
        )
    return table


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD)
    table.add_column(first, overflow="fold")
    for heading in others:
        words = heading in {"features", "other columns"}
        table.add_column(heading, justify="left" if words else "right", overflow="fold")
    return table


def _add(table: Table, *cells: str) -> None:
    """Add a row of plain text: names of types are the user's, and may look like markup."""
    row: list[Any] = [Text(cell) for cell in cells]
    table.add_row(*row)
