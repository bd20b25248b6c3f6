"""Writing a Parquet file batch by batch, complete or absent."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from distgnn.exceptions import OutputExistsError, StorageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

ROW_GROUP = 1 << 16
"""Rows of a row group; batches are gathered until there are as many."""


class ParquetOutput:
    """A context in which tables are appended to a file that appears at its end, or never.

    Args:
        path: the file to make.

    Raises:
        OutputExistsError: there is such a file.
        StorageError: the disk is full or not writable; nothing is left behind.
    """

    def __init__(self, path: Path) -> None:
        if path.exists():
            msg = f"{path} exists already: remove it or choose another name"
            raise OutputExistsError(msg)
        self.path = path
        self.num_rows = 0
        self._temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
        self._writer: Any = None
        self._tables: list[pa.Table] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
            elif isinstance(error, OSError):
                raise self._failure(error) from error
        finally:
            self._writer = None
            self._temporary.unlink(missing_ok=True)

    def append(self, table: pa.Table) -> None:
        """Add rows; all tables have the same columns."""
        self._tables.append(table)
        self.num_rows += table.num_rows
        if sum(waiting.num_rows for waiting in self._tables) >= ROW_GROUP:
            self._flush()

    def _flush(self) -> None:
        if not self._tables:
            return
        table = pa.concat_tables(self._tables)
        self._tables = []
        try:
            if self._writer is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._writer = pq.ParquetWriter(self._temporary, table.schema)
            self._writer.write_table(table)
        except OSError as error:
            raise self._failure(error) from error

    def _finish(self) -> None:
        self._flush()
        try:
            self._writer.close()
            with self._temporary.open("rb") as file:
                os.fsync(file.fileno())
            self._temporary.rename(self.path)
        except OSError as error:
            raise self._failure(error) from error

    def _failure(self, error: OSError) -> StorageError:
        return StorageError(
            f"{self.path} could not be written: {error}; free space on that disk, or choose "
            "another place"
        )
