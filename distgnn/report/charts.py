"""Charts of a graph's figures as inline SVG, in the colours of the page that holds them.

Charts hold no text of the user's: names of types stand in the page, where they are escaped.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    from distgnn.shards.statistics import EdgeStatistics, NodeStatistics

    Numbers = npt.NDArray[Any]

# Matplotlib cannot draw in CSS colours, so it draws in these and they are replaced in its output.
_INK, _LINE = "#010101", "#020202"
_SERIES = ("#030303", "#040404", "#050505", "#060606")
_CSS = {
    _INK: "var(--muted)",
    _LINE: "var(--line)",
    **{colour: f"var(--series-{i})" for i, colour in enumerate(_SERIES)},
}

WIDTH_IN, HEIGHT_IN = 4.4, 2.7
MAX_POINTS = 200
"""Points of a curve; more cannot be told apart."""
MAX_BARS = 60
"""Classes drawn as bars; more are drawn as a curve."""

_STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "distgnn",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _LINE,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _LINE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
}


def degree_chart(edges: EdgeStatistics) -> str | None:
    """Return the in-degree distribution, log-log, as SVG; None if no node has an in-edge.

    For every degree d the share of destinations with at least d in-edges, which needs no bins.
    """
    positive = edges.degrees > 0
    if not positive.any():
        return None
    at_least = np.cumsum(edges.degree_counts[::-1])[::-1] / edges.degree_counts.sum()
    degrees, shares = _thinned(edges.degrees[positive], at_least[positive])
    with mpl.rc_context(_STYLE):
        axes = _axes()
        axes.loglog(degrees, shares, color=_SERIES[0], marker="o", markersize=3, linewidth=1.5)
        axes.set_xlim(0.9, 10 ** max(1, np.ceil(np.log10(degrees[-1]))))
        axes.set_ylim(10 ** min(-1, np.floor(np.log10(shares[-1]))), 1.1)
        axes.xaxis.set_major_formatter(lambda degree, _: f"{degree:,.0f}")
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:g}%")
        _plain(axes)
        axes.set_xlabel("in-degree d")
        axes.set_ylabel("share of nodes with ≥ d")
        return _svg(axes, "In-degree distribution on logarithmic axes")


def label_chart(nodes: NodeStatistics) -> str | None:
    """Return the nodes of each class, stacked by split, as SVG; None without class labels."""
    if not nodes.labels or not nodes.labels["all"][:-1].any():
        return None
    everything = nodes.labels["all"][:-1]
    with mpl.rc_context(_STYLE):
        axes = _axes()
        if len(everything) > MAX_BARS:
            ranked = np.sort(everything[everything > 0])[::-1]
            ranks = np.arange(1, len(ranked) + 1)
            axes.loglog(*_thinned(ranks, ranked), color=_SERIES[0])
            axes.xaxis.set_major_formatter(lambda rank, _: f"{rank:,.0f}")
            _plain(axes)
            axes.set_xlabel("class, by rank")
        else:
            _stack(axes, nodes)
            axes.set_xlabel("class")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
            axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=5))
        axes.yaxis.set_major_formatter(lambda nodes, _: f"{nodes:,.0f}")
        axes.set_ylabel("nodes")
        return _svg(axes, "Nodes of each class")


def _stack(axes: Axes, nodes: NodeStatistics) -> None:
    """Draw a bar for each class, in layers: its nodes in each split, and on top those in none."""
    base = np.zeros(len(nodes.labels["all"]) - 1, np.int64)
    for (_, counts), colour in zip(label_layers(nodes), _SERIES, strict=False):
        if counts.any():
            axes.bar(np.arange(len(counts)), counts, bottom=base, color=colour)
        base = base + counts


def label_layers(nodes: NodeStatistics) -> list[tuple[str, npt.NDArray[np.int64]]]:
    """Return the nodes of each class by split, in the order of the page's series of colours."""
    everything = nodes.labels["all"][:-1]
    layers = [(name, counts[:-1]) for name, counts in nodes.labels.items() if name != "all"]
    if not layers:
        return [("all", everything)]
    return [*layers, ("none", everything - sum(counts for _, counts in layers))]


def _axes() -> Axes:
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained")
    FigureCanvasSVG(figure)
    return figure.add_subplot()


def _plain(axes: Axes) -> None:
    """Label whole powers of ten only."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_formatter(NullFormatter())


def _thinned(x: Numbers, y: Numbers) -> tuple[Numbers, Numbers]:
    """Return at most `MAX_POINTS` + 1 of a curve's points, evenly spread over a logarithmic axis.

    Args:
        x: Rising positive numbers.
        y: A number for each.

    Returns:
        The points that are kept, the first and the last among them.
    """
    if len(x) <= MAX_POINTS:
        return x, y
    wanted = np.geomspace(x[0], x[-1], MAX_POINTS)
    kept = np.unique(np.append(np.searchsorted(x, wanted).clip(max=len(x) - 1), len(x) - 1))
    return x[kept], y[kept]


def _svg(axes: Axes, description: str) -> str:
    """Return the axes' figure as an SVG element that scales, in CSS colours."""
    buffer = io.StringIO()
    figure = axes.get_figure(root=True)
    assert figure is not None  # made by `_axes`
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    for drawn, css in _CSS.items():
        text = text.replace(drawn, css)
    return text.replace("<svg", f'<svg role="img" aria-label="{description}"', 1)
