"""`SourceTable`: a table and the files that its rows came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from distgnn.exceptions import TableError, nearest
from distgnn.tables.bfloat16 import DTYPE_KEY, widened
from distgnn.tables.convert import plain

if TYPE_CHECKING:
    from pathlib import Path


def empty_rows(num_rows: int) -> Any:
    """Return an Arrow table of `num_rows` rows without columns."""
    return pa.table({"row": pa.nulls(num_rows)}).select([])


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """Rows as the user gave them, before columns get their roles."""

    table: Any
    """Arrow table."""
    what: str
    """For messages: "node type 'paper'"."""
    files: tuple[tuple[Path, int], ...] = ()
    """Files read, in order, each with its number of rows; empty if the table was in memory."""
    first_row: int = 0
    """Where the first row of `table` stands among the rows of `files` (a window of a table)."""

    @classmethod
    def of_size(cls, num_rows: int, what: str) -> SourceTable:
        """Return a source without columns of the user's, for rows that are only counted."""
        return cls(table=empty_rows(num_rows), what=what)

    def without_rows(self) -> SourceTable:
        """Return what messages need to say where rows came from, without the rows."""
        return SourceTable(table=pa.table({}), what=self.what, files=self.files)

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    def column(self, name: str, role: str) -> Any:
        """Return the column `name` (ChunkedArray; dictionaries decoded, bfloat16 as float32).

        Args:
            name: Name in the user's table.
            role: What it was to be, for the message.

        Raises:
            TableError: there is no such column.
        """
        names = self.table.column_names
        if name not in names:
            at = f" in {self.files[0][0]}" if self.files else ""
            msg = (
                f"{self.what} has no column {name!r}{at}, which was named as its "
                f"{role}{nearest(name, names)}"
            )
            raise TableError(msg)
        column = plain(self.table.column(name))
        metadata = self.table.schema.field(name).metadata or {}
        return widened(column) if metadata.get(DTYPE_KEY) == b"bfloat16" else column

    def at(self, row: int) -> str:
        """Say where a row is: "row 7 of papers/b.parquet (rows count from 0)"."""
        start, row = 0, row + self.first_row
        for path, count in self.files:
            if row < start + count:
                return f"row {row - start} of {path} (rows count from 0)"
            start += count
        return f"row {row} (rows count from 0)"
