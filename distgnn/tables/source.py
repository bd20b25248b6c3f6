"""`SourceTable`: a table and the files that its rows came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from distgnn.exceptions import TableError, nearest
from distgnn.tables.convert import plain

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTable:
    """Rows as the user gave them, before columns get their roles."""

    table: Any
    """Arrow table."""
    what: str
    """For messages: "node type 'paper'"."""
    files: tuple[tuple[Path, int], ...] = ()
    """Files read, in order, each with its number of rows; empty if the table was in memory."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return int(self.table.num_rows)

    def column(self, name: str, role: str) -> Any:
        """Return the column `name` (ChunkedArray, dictionaries decoded).

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
        return plain(self.table.column(name))

    def at(self, row: int) -> str:
        """Say where a row is: "row 7 of papers/b.parquet (rows count from 0)"."""
        start = 0
        for path, count in self.files:
            if row < start + count:
                return f"row {row - start} of {path} (rows count from 0)"
            start += count
        return f"row {row} (rows count from 0)"
