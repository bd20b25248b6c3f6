"""The figures of a sharded graph as one self-contained HTML page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from distgnn.report import numbers
from distgnn.report.charts import degree_chart, label_chart
from distgnn.shards.files import replace_file
from distgnn.shards.manifest import FORMAT_VERSION
from distgnn.shards.statistics import balance, statistics

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.schema import EdgeSchema, NodeSchema
    from distgnn.shards.reader import ShardedGraph
    from distgnn.shards.statistics import EdgeStatistics, GraphStatistics, NodeStatistics

TEMPLATES = Path(__file__).parent / "templates"


def write_inspect_page(graph: ShardedGraph, out: Path) -> None:
    """Write the page of `graph` to the file `out`, replacing it if it exists.

    The page needs no network and no script; it fits a phone and follows the reader's dark mode.

    Args:
        graph: Any sharded graph.
        out: File to write, by custom ``*.html``; its folder is made as needed.

    Raises:
        StorageError: the file cannot be written.
    """
    replace_file(out, render_inspect_page(graph).encode())


def render_inspect_page(graph: ShardedGraph) -> str:
    """Return the text of the page of `graph`."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": numbers.count,
        "percent": numbers.percent,
        "ratio": numbers.ratio,
        "size": numbers.size,
    }
    figures = statistics(graph)
    nodes = [_node(*pair) for pair in zip(figures.nodes, graph.schema.nodes, strict=True)]
    edges = [_edge(*pair) for pair in zip(figures.edges, graph.schema.edges, strict=True)]
    return environment.get_template("inspect.html.j2").render(
        manifest=graph.manifest,
        path=graph.path,
        format_version=FORMAT_VERSION,
        cards=_cards(graph, figures),
        nodes=nodes,
        edges=edges,
        parts=_parts(figures),
        charts=any(found["chart"] for found in (*nodes, *edges)),
        has_train=any(node["splits"] for node in nodes),
    )


def _cards(graph: ShardedGraph, figures: GraphStatistics) -> list[tuple[str, str, str]]:
    """Return (name, value, explanation) of the figures at the top of the page."""
    node_counts, edge_counts = figures.node_counts, figures.edge_counts
    parts = numbers.count(graph.num_parts)
    return [
        ("nodes", numbers.count(int(node_counts.sum())), _types(len(figures.nodes))),
        ("edges", numbers.count(int(edge_counts.sum())), _types(len(figures.edges))),
        ("parts", parts, f"{numbers.size(figures.total_bytes)} on disk"),
        (
            "edge cut",
            numbers.percent(figures.edge_cut),
            f"of the edges join two parts (random: {numbers.percent(figures.random_edge_cut)})",
        ),
        (
            "replication",
            numbers.ratio(figures.replication),
            f"owned and halo nodes, by nodes (random: {numbers.ratio(figures.random_replication)})",
        ),
        ("node balance", numbers.ratio(balance(node_counts)), "largest part, by the mean"),
        ("edge balance", numbers.ratio(balance(edge_counts)), "largest part, by the mean"),
    ]


def _node(nodes: NodeStatistics, schema: NodeSchema) -> dict[str, Any]:
    chart = label_chart(nodes)
    total = int(nodes.counts.sum())
    return {
        "type": nodes.type,
        "count": total,
        "features": numbers.features(schema.features),
        "label": numbers.label(schema.label),
        "columns": numbers.other_columns(schema),
        "splits": [
            (name, int(counts.sum()), int(counts.sum()) / max(total, 1))
            for name, counts in nodes.splits.items()
        ],
        "train_balance": balance(nodes.splits["train"]) if nodes.splits else 1.0,
        "unlabelled": int(nodes.labels["all"][-1]) if nodes.labels else 0,
        # Drawn by this package from numbers alone; all other text is escaped.
        "chart": Markup(chart) if chart else None,
    }


def _edge(edges: EdgeStatistics, schema: EdgeSchema) -> dict[str, Any]:
    chart = degree_chart(edges)
    destinations = int(edges.degree_counts.sum())
    isolated = int(edges.degree_counts[edges.degrees == 0].sum())
    return {
        "type": edges.type,
        "count": int(edges.counts.sum()),
        "cut": edges.edge_cut,
        "mean_degree": f"{edges.mean_degree:.2f}",
        "max_degree": int(edges.degrees.max(initial=0)),
        "isolated": isolated / max(destinations, 1),
        "features": numbers.features(schema.features),
        "label": numbers.label(schema.label),
        "columns": numbers.other_columns(schema),
        "chart": Markup(chart) if chart else None,
    }


def _parts(figures: GraphStatistics) -> list[dict[str, Any]]:
    sizes = figures.node_bytes + figures.edge_bytes
    return [
        {
            "part": part,
            "nodes": int(figures.node_counts[part]),
            "nodes_bar": _share(figures.node_counts, part),
            "edges": int(figures.edge_counts[part]),
            "edges_bar": _share(figures.edge_counts, part),
            "cut": int(figures.cut_counts[part]) / max(int(figures.edge_counts[part]), 1),
            "halo": int(figures.halo[part]),
            "train": int(figures.train_counts[part]),
            "bytes": int(sizes[part]),
            "bytes_bar": _share(sizes, part),
        }
        for part in range(len(figures.halo))
    ]


def _types(number: int) -> str:
    return "of 1 type" if number == 1 else f"of {number} types"


def _share(counts: npt.NDArray[Any], part: int) -> float:
    """Return the length of a part's bar, 0 to 1 (the largest part)."""
    return float(counts[part] / max(int(counts.max()), 1))
