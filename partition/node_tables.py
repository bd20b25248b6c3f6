"""The node table of each part."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import numpy.typing as npt


def part_nodes(table: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Return the nodes that a part owns, as `ShardWriter.write_nodes` takes them.

    Args:
        table: Raw node table (Arrow).
        rows: int64 [n], the raw rows that the part owns, rising.

    Returns:
        Arrow table of n rows: all columns of `table`, and `index`, the raw row of each node.
    """
    taken = take_rising(table, rows)
    return taken.append_column("index", pa.array(rows))


def take_rising(table: Any, rows: npt.NDArray[np.int64]) -> Any:
    """Return the given rows of an Arrow table; `rows` (int64) must rise.

    Column by column and chunk by chunk: ``Table.take`` joins the chunks of a column first, a second
    copy of all features for every part.
    """
    columns = [_take_chunks(column, rows) for column in table.columns]
    return pa.Table.from_arrays(columns, schema=table.schema)


def _take_chunks(column: Any, rows: npt.NDArray[np.int64]) -> Any:
    lengths = [len(chunk) for chunk in column.chunks]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    bounds = np.searchsorted(rows, starts)
    pieces = [
        chunk.take(pa.array(rows[bounds[c] : bounds[c + 1]] - starts[c]))
        for c, chunk in enumerate(column.chunks)
    ]
    return pa.chunked_array(pieces, type=column.type)
