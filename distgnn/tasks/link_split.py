"""Which links are for training, validation and testing, and which edges may be messages.

Legend: E edges of a type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import GraphDataError
from distgnn.samplers.adjacency import adjacency
from distgnn.schema import SPLITS, edge_key
from distgnn.shards import PrunedGraph

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph
    from distgnn.tasks.link_options import LinkOptions

    Int64s = npt.NDArray[np.int64]
    Int8s = npt.NDArray[np.int8]

HELD_OUT = (SPLITS["val"], SPLITS["test"])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinkSplit:
    """The split of the edges of one type."""

    code: Int8s
    """int8 [E] by position: a code of `distgnn.schema.SPLITS`, -1 for none."""
    is_link: npt.NDArray[np.bool_]
    """bool [E]: false for the second of the two ways in which an undirected link is stored."""
    messages: ShardedGraph
    """The graph without the edges that are held out for validation and testing."""

    def positions(self, split: str | None) -> Int64s:
        """Return the positions of the links of `split`, or of all (None), int64 [n]."""
        chosen = self.is_link if split is None else self.is_link & (self.code == SPLITS[split])
        return np.flatnonzero(chosen)


def is_symmetric(graph: ShardedGraph, edge_type: EdgeType) -> bool:
    """Return whether every edge of a type from a node type to itself is stored both ways."""
    if edge_type[0] != edge_type[2]:
        return False
    src, dst = _ends(graph, edge_type)
    return bool(adjacency(graph, edge_type, "in").contains(src, dst).all())


def split_links(
    graph: ShardedGraph,
    edge_type: EdgeType,
    options: LinkOptions,
    *,
    undirected: bool,
    reverse_type: EdgeType | None,
) -> LinkSplit:
    """Split the links of `edge_type` by their column, or at random.

    The random split depends on its seed and the raw graph alone. Parallel edges, and both ways of
    an undirected link, go together.

    Raises:
        GraphDataError: the split column holds something else, or disagrees about a link.
    """
    rows = _rows(graph, edge_type)
    first, second = (rows.min(axis=0), rows.max(axis=0)) if undirected else rows
    pairs = first * graph.num_nodes(edge_type[2]) + second
    has_column = options.split_column in graph.schema.edge(edge_type).columns
    if has_column:
        code = _column_codes(graph, edge_type, options.split_column)
        if undirected and not graph.schema.edge(edge_type).has_time:
            _check_agreement(graph, edge_type, pairs, code, options.split_column)
    else:
        code = _random_codes(pairs, options)
    held_out = np.isin(code, HELD_OUT)
    keep = {edge_type: ~held_out}
    if reverse_type is not None:
        src, dst = _rows(graph, reverse_type)
        reverse_pairs = dst * graph.num_nodes(edge_type[2]) + src
        keep[reverse_type] = ~np.isin(reverse_pairs, pairs[held_out])
    return LinkSplit(
        code=code,
        is_link=rows[0] <= rows[1] if undirected else np.ones(len(code), np.bool_),
        messages=PrunedGraph(graph, keep) if held_out.any() else graph,
    )


def _ends(graph: ShardedGraph, edge_type: EdgeType) -> tuple[Int64s, Int64s]:
    """Return global ids of the sources and destinations of all edges, int64 [E], by position."""
    parts = [graph.edges(edge_type, part) for part in range(graph.num_parts)]
    starts = graph.offsets(edge_type[2])
    dst = [
        np.repeat(np.arange(part.num_dst), np.diff(part.indptr)) + start
        for part, start in zip(parts, starts[:-1], strict=True)
    ]
    return np.concatenate([part.src for part in parts]), np.concatenate(dst)


def _rows(graph: ShardedGraph, edge_type: EdgeType) -> Int64s:
    """Return the raw rows of the ends of all edges, int64 [2, E], by position."""
    src, dst = _ends(graph, edge_type)
    src_rows, dst_rows = (graph.column(edge_type[end], "index") for end in (0, 2))
    rows: Int64s = np.stack([src_rows[src], dst_rows[dst]])
    return rows


def _random_codes(pairs: Int64s, options: LinkOptions) -> Int8s:
    known, inverse = np.unique(pairs, return_inverse=True)
    # Words of Philox are the same in all versions of numpy; a split is from them on its own.
    key = np.array([options.split_seed, len(SPLITS)], np.uint64)
    order = np.argsort(np.random.Philox(key=key).random_raw(len(known)), kind="stable")
    num_test = round(options.test_share * len(known))
    num_val = round(options.val_share * len(known))
    codes = np.full(len(known), SPLITS["train"], np.int8)
    codes[order[:num_test]] = SPLITS["test"]
    codes[order[num_test : num_test + num_val]] = SPLITS["val"]
    return codes[inverse]


def _column_codes(graph: ShardedGraph, edge_type: EdgeType, name: str) -> Int8s:
    parts = [graph.edges(edge_type, part).column(name) for part in range(graph.num_parts)]
    column = pa.chunked_array(parts)
    where = f"column {name!r} of edge type {edge_key(edge_type)!r}"
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_integer(column.type):
        values = column.fill_null(-1).to_numpy()
        _check_known(values, [-1, *SPLITS.values()], where)
        codes: Int8s = values.astype(np.int8)
        return codes
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        values = column.fill_null("").to_numpy()
        _check_known(values, ["", *SPLITS], where)
        code_of = {"": -1} | SPLITS
        return np.array([code_of[value] for value in values], np.int8)
    msg = f"{where} is of type {column.type}: give train, val and test, or 0, 1 and 2"
    raise GraphDataError(msg)


def _check_known(values: npt.NDArray[Any], known: list[Any], where: str) -> None:
    unknown = sorted(set(np.unique(values).tolist()) - set(known))
    if unknown:
        msg = f"{where} holds {unknown[0]!r}: give train, val and test, or 0, 1 and 2"
        raise GraphDataError(msg)


def _check_agreement(
    graph: ShardedGraph, edge_type: EdgeType, pairs: Int64s, code: Int8s, name: str
) -> None:
    """Refuse an undirected link that one way is in another split than the other way."""
    order = np.argsort(pairs, kind="stable")
    same = np.diff(pairs[order]) == 0
    differ = np.flatnonzero(same & (np.diff(code[order]) != 0))
    if len(differ) == 0:
        return
    src, dst = _ends(graph, edge_type)
    at = order[differ[0]]
    ends = [
        graph.ids_of(edge_type[end], ids[at : at + 1])[0].as_py()
        for end, ids in ((0, src), (2, dst))
    ]
    msg = (
        f"the edges between {ends[0]!r} and {ends[1]!r} of type {edge_key(edge_type)!r} are in "
        f"different splits by column {name!r}, although links are undirected: one would give away "
        "the other; give both the same split, or set task.options.undirected = false"
    )
    raise GraphDataError(msg)
