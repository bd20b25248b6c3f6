"""What a run out of core did: the report of any run, and what became of every row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.markup import escape
from rich.table import Table

from distgnn.exceptions import StorageError
from distgnn.partition.report import PartitionReport

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Integrity:
    """The rows of one table: what was read, and what became of them."""

    table: str
    rows_in: int
    dangling: int = 0
    """Edges dropped because they end at no node."""
    first_dangling: str | None = None
    """File and row of the first of them."""
    loops: int = 0
    """Edges dropped because they lead from a node to itself."""
    reverse_copies: int = 0
    """Edges added because the table is undirected."""
    dropped_duplicates: int = 0
    kept_duplicates: int = 0
    """Edges that repeat another and are kept, as asked."""
    first_duplicate: str | None = None
    """File and row of the first that is kept."""
    rows_out: int
    """Rows in the shards."""

    def check(self) -> None:
        """Check that no row was lost.

        Raises:
            StorageError: the numbers do not add up.
        """
        expected = (
            self.rows_in
            - self.dangling
            - self.loops
            + self.reverse_copies
            - self.dropped_duplicates
        )
        if expected != self.rows_out:
            msg = (
                f"{self.table}: {expected:,} rows were to be written, {self.rows_out:,} were: a "
                "file of the run was changed meanwhile. Start again without --resume"
            )
            raise StorageError(msg)

    def notes(self) -> str:
        """Return what happened to rows on the way, in words."""
        notes = {
            "dangling dropped": self.dangling,
            "loops dropped": self.loops,
            "reverse copies added": self.reverse_copies,
            "duplicates dropped": self.dropped_duplicates,
            "duplicates kept": self.kept_duplicates,
        }
        text = [f"{count:,} {what}" for what, count in notes.items() if count]
        if self.first_dangling:
            text.append(f"first dangling: {self.first_dangling}")
        if self.first_duplicate:
            text.append(f"first duplicate: {self.first_duplicate}")
        return "; ".join(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutOfCoreReport(PartitionReport):
    """Result of `partition_tables`."""

    integrity: list[Integrity]
    """Of every node and edge type, in order."""

    def rows(self) -> Table:
        """Return rows in and out of every table, for a rich console."""
        table = Table("table", "rows read", "rows written", "on the way", title="rows")
        for one in self.integrity:
            table.add_row(
                escape(one.table), f"{one.rows_in:,}", f"{one.rows_out:,}", escape(one.notes())
            )
        return table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Show both tables."""
        yield self.render()
        yield self.rows()
