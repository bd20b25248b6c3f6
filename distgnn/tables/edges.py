"""What is done to the edges of one type as a whole: loops, reverse copies, duplicates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, GraphDataError
from distgnn.schema import edge_key
from distgnn.tables.convert import from_numpy, to_numpy

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.schema import EdgeType

Duplicates = Literal["keep", "drop", "count", "error"]
SelfLoops = Literal["keep", "drop", "error"]
Dangling = Literal["drop", "error"]

COUNT_COLUMN = "count"
"""Column that ``duplicates = "count"`` adds: how many edges became one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeOptions:
    """What to do with edges as a whole; in this order: loops, reverse copies, duplicates."""

    undirected: bool = False
    """Append the reverse of every edge that is no loop, with the same attributes, after all given
    ones. Give each undirected edge once, or set duplicates to drop."""
    duplicates: Duplicates = "keep"
    """Edges with the same ends (and time, where edges carry one): keep all; drop all but the first;
    count them in a column `count` of the first; or refuse them as an error."""
    self_loops: SelfLoops = "keep"
    """Edges from a node to itself: keep, drop, or refuse as an error."""


def apply_options(table: Any, edge_type: EdgeType, options: EdgeOptions) -> Any:
    """Return an edge table with loops, reverse copies and duplicates as asked.

    Args:
        table: Arrow table with `src` and `dst` (int64 rows) and any attributes.
        edge_type: Its type.
        options: What to do.

    Raises:
        ArgumentError: undirected edges between different node types, or counted duplicates beside
            a user's column of that name.
        GraphDataError: loops or duplicates that were to be refused.
    """
    same_type = edge_type[0] == edge_type[2]
    if options.undirected and not same_type:
        msg = (
            f"edge type {edge_key(edge_type)!r} cannot be undirected: it joins different node "
            "types. Give the way back as an edge type of its own (`reverse` in a TOML file)"
        )
        raise ArgumentError(msg)
    if same_type and options.self_loops != "keep":
        table = without_loops(table, edge_type, options.self_loops)
    if options.undirected:
        table = _with_reverse(table)
    if options.duplicates != "keep":
        table = _without_duplicates(table, edge_type, options.duplicates)
    return table


def reverse_table(table: Any) -> Any:
    """Return an edge table with the ends of each edge exchanged; shares all columns."""
    names = [{"src": "dst", "dst": "src"}.get(name, name) for name in table.column_names]
    return table.rename_columns(names).select(table.column_names)


def without_loops(table: Any, edge_type: EdgeType, action: SelfLoops) -> Any:
    """Return an edge table without edges from a node to itself.

    Raises:
        GraphDataError: there are some, and `action` is error.
    """
    loops = _ends(table)[0] == _ends(table)[1]
    if not loops.any():
        return table
    if action == "error":
        msg = (
            f"edge type {edge_key(edge_type)!r} holds {int(loops.sum())} self-loops, the first at "
            f"edge {int(loops.argmax())} (edges count from 0); set self_loops to drop or keep"
        )
        raise GraphDataError(msg)
    return _filter(table, ~loops)


def _with_reverse(table: Any) -> Any:
    src, dst = _ends(table)
    reverse = reverse_table(table)
    loops = src == dst
    if loops.any():
        reverse = _filter(reverse, ~loops)
    joined = pa.concat_tables([table, reverse])
    for name in ("src", "dst"):  # in one chunk, which those who read them map to numpy
        position = joined.column_names.index(name)
        values = from_numpy(to_numpy(joined.column(name)))
        joined = joined.set_column(position, joined.schema.field(name), values)
    return joined


def _without_duplicates(table: Any, edge_type: EdgeType, action: Duplicates) -> Any:
    if action == "count" and COUNT_COLUMN in table.column_names:
        msg = (
            f"edge type {edge_key(edge_type)!r} has a column {COUNT_COLUMN!r} already, so its "
            "duplicates cannot be counted there; rename the column"
        )
        raise ArgumentError(msg)
    order, starts = group_equal(table)
    if action == "error" and len(starts) < table.num_rows:
        repeated = np.ones(len(order), np.bool_)
        repeated[starts] = False
        second = int(order[repeated].min())
        src, dst = _ends(table)
        msg = (
            f"edge type {edge_key(edge_type)!r} holds {table.num_rows - len(starts)} duplicate "
            f"edges; the first repeats the edge from row {src[second]} of node type "
            f"{edge_type[0]!r} to row {dst[second]} of {edge_type[2]!r} (reverse copies of "
            "undirected edges count too); set duplicates to drop, count or keep"
        )
        raise GraphDataError(msg)
    first = order[starts]
    if len(first) < table.num_rows:
        table = _filter(table, _mask(first, table.num_rows))
    if action == "count":
        counts = np.diff(np.append(starts, len(order)))[np.argsort(first)]
        table = table.append_column(COUNT_COLUMN, from_numpy(counts.astype(np.int64)))
    return table


def group_equal(table: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return an order that puts equal edges side by side, and where in it each group starts.

    The first of a group is the first in the table.
    """
    src, dst = _ends(table)
    keys = [dst, src]
    if "time" in table.column_names:
        keys.insert(0, to_numpy(table.column("time")))
    span = int(dst.max(initial=0)) + 1
    if len(keys) == 2 and (int(src.max(initial=0)) + 1) * span < 2**63:
        key = src * span + dst
        keys, order = [key], np.argsort(key, kind="stable")
    else:
        order = np.lexsort(keys)
    new = np.ones(len(order), np.bool_)
    new[1:] = False
    for key in keys:
        ordered = key[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    return order, np.flatnonzero(new)


def _ends(table: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return to_numpy(table.column("src")), to_numpy(table.column("dst"))


def _mask(rows: npt.NDArray[np.int64], size: int) -> npt.NDArray[np.bool_]:
    mask = np.zeros(size, np.bool_)
    mask[rows] = True
    return mask


def _filter(table: Any, keep: npt.NDArray[np.bool_]) -> Any:
    """Return the rows that `keep` names, each column in as many chunks as it had."""
    return table.filter(pa.array(keep))
