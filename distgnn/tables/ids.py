"""The user's node ids: their type, that they are unique, and from ids to rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distgnn.exceptions import GraphDataError, TableError
from distgnn.tables.convert import first_null, from_numpy, is_text, to_numpy

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from distgnn.tables.source import SourceTable

IdType = Literal["int64", "string"]

ID_TYPES: Mapping[IdType, Any] = {"int64": pa.int64(), "string": pa.string()}

DENSE_FACTOR = 4
"""Integer ids that span at most this many times their number are looked up in an array."""


def row_ids(num_rows: int) -> Any:
    """Return the ids of nodes that have none: their row numbers."""
    return from_numpy(np.arange(num_rows, dtype=np.int64))


def id_column(column: Any, source: SourceTable, name: str, id_type: IdType | None = None) -> Any:
    """Return an id column as int64 or string.

    Args:
        column: Integers or text.
        source: Where it is from, for messages.
        name: The column's name, for messages.
        id_type: None: as it is.

    Raises:
        GraphDataError: an id is null.
        TableError: neither integers nor text, or integers beyond int64.
    """
    where = f"id column {name!r} of {source.what}"
    row = first_null(column)
    if row is not None:
        msg = f"{where} is null in {source.at(row)}; each node and each end of an edge has an id"
        raise GraphDataError(msg)
    if id_type is not None:
        return _cast(column, id_type, where)
    if is_text(column.type):
        return column
    if not pa.types.is_integer(column.type):
        msg = f"{where} has Arrow type {column.type}; ids are integers or text"
        raise TableError(msg)
    return _cast(column, "int64", where)


def _cast(column: Any, id_type: IdType, where: str) -> Any:
    try:
        return column.cast(ID_TYPES[id_type])
    except pa.ArrowException as error:
        msg = (
            f"{where}, of Arrow type {column.type}, cannot be read as {id_type}: {error}; set "
            "`id_type` of the node table to string"
        )
        raise TableError(msg) from None


def check_same_kind(found: Any, wanted: Any, what: str, name: str, node_what: str) -> None:
    """Check that the ids of edges and nodes are both text or both integers.

    Raises:
        TableError: they are not.
    """
    if is_text(found) != is_text(wanted):
        kinds = ("text", "integers") if is_text(wanted) else ("integers", "text")
        msg = (
            f"ids of {node_what} are {kinds[0]}, but column {name!r} of {what} "
            f"holds {kinds[1]} (Arrow type {found}); give both the same type, in CSV by "
            "`id_type` of the node table"
        )
        raise TableError(msg)


def refuse_dangling(
    column: Any, known: npt.NDArray[np.bool_], source: SourceTable, name: str, node_what: str
) -> None:
    """Raise the error for edges that end at ids which are not those of nodes.

    Raises:
        GraphDataError: always.
    """
    row = int(known.argmin())
    msg = (
        f"an edge ends at an unknown node: {name} is {column[row].as_py()!r} in "
        f"{source.at(row)} of {source.what}, but {node_what} has no such id "
        f"({int((~known).sum())} of {len(known)} edges have this fault). Add the nodes, or "
        "drop those edges (`dangling` of the edge table)"
    )
    raise GraphDataError(msg)


class IdMap:
    """From the ids of one node type to their rows."""

    def __init__(self, ids: Any, source: SourceTable) -> None:
        """Check that ids are unique.

        Args:
            ids: int64 or string column without nulls; row r is the id of node r.
            source: The node table, for messages.

        Raises:
            GraphDataError: an id appears twice.
        """
        self._ids, self._source = ids, source
        self._offset = 0
        self._rows: npt.NDArray[Any] | None = None
        self._identity = False
        if is_text(ids.type):
            self._refuse_duplicates(to_numpy(pc.index_in(ids, value_set=ids)))
            return
        values = to_numpy(ids)
        self._identity = bool((values == np.arange(len(values))).all())
        if not self._identity:
            self._index_integers(values)

    @property
    def type(self) -> Any:
        """Arrow type of the ids."""
        return self._ids.type

    def rows(self, column: Any, source: SourceTable, name: str) -> npt.NDArray[np.int64]:
        """Return the row of each id, int64 [E] (arguments as for `look_up`).

        Raises:
            GraphDataError: an id is not that of a node.
            TableError: ids are text on one side and integers on the other.
        """
        rows, known = self.look_up(column, source, name)
        if not known.all():
            refuse_dangling(column, known, source, name, self._source.what)
        return rows

    def look_up(
        self, column: Any, source: SourceTable, name: str
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the row of each id (undefined where unknown), and whether it is known, both [E].

        Args:
            column: Ids, as they come from `id_column`.
            source: The edge table, for messages.
            name: The column's name, for messages.

        Raises:
            TableError: ids are text on one side and integers on the other.
        """
        check_same_kind(column.type, self.type, source.what, name, self._source.what)
        return self._look_up(column)

    def _look_up(self, column: Any) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Return the row of each id (undefined where unknown), and whether it is known."""
        num_nodes = len(self._ids)
        if self._identity:
            values = to_numpy(column)
            return values, (values >= 0) & (values < num_nodes)
        if self._rows is not None:
            values = to_numpy(column) - self._offset
            inside = (values >= 0) & (values < len(self._rows))
            rows = self._rows[np.where(inside, values, 0)].astype(np.int64)
            return rows, inside & (rows >= 0)
        ids = self._ids.cast(column.type) if is_text(self._ids.type) else self._ids
        found = to_numpy(pc.fill_null(pc.index_in(column, value_set=ids), -1))
        return found.astype(np.int64), found >= 0

    def _index_integers(self, values: npt.NDArray[np.int64]) -> None:
        low, high = int(values.min(initial=0)), int(values.max(initial=0))
        if high - low >= DENSE_FACTOR * len(values):
            self._refuse_duplicates(to_numpy(pc.index_in(self._ids, value_set=self._ids)))
            return
        small = len(values) < 2**31
        table = np.full(high - low + 1, -1, np.int32 if small else np.int64)
        # Backwards, so that the first of several equal ids stays.
        table[values[::-1] - low] = np.arange(len(values) - 1, -1, -1)
        self._offset, self._rows = low, table
        self._refuse_duplicates(table[values - low])

    def _refuse_duplicates(self, first: npt.NDArray[Any]) -> None:
        """Check that the first row of each id is the row itself."""
        twice = first != np.arange(len(first))
        if twice.any():
            row = int(twice.argmax())
            msg = (
                f"id {self._ids[row].as_py()!r} of {self._source.what} appears twice: in "
                f"{self._source.at(int(first[row]))} and in {self._source.at(row)} "
                f"({int(twice.sum())} rows repeat an id). Node ids are unique: drop the repeats"
            )
            raise GraphDataError(msg)
