"""Columns that are put together on disk, so that a part need not fit in memory."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class PartColumns:
    """The columns of one shard file, appended piece by piece; a context manager.

    Columns of numbers without nulls lie in files and come back as mapped arrays; all others (text,
    lists of any length, the user's columns with nulls) are kept in memory.
    """

    def __init__(self, folder: Path) -> None:
        """Name the folder of the files, which is made and removed again."""
        self._folder = folder
        self._files: dict[str, IO[bytes]] = {}
        self._lengths: dict[str, int] = {}
        self._pieces: dict[str, list[Any]] = {}
        self._schema: Any = None

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for file in self._files.values():
            file.close()
        for path in self._folder.iterdir():
            path.unlink()
        self._folder.rmdir()

    def append(self, table: Any, on_disk: frozenset[str]) -> None:
        """Append the rows of an Arrow table; the columns `on_disk` hold no nulls."""
        if self._schema is None:
            self._schema = table.schema
        for field in table.schema:
            column = table.column(field.name)
            chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
            for chunk in chunks:
                if field.name in on_disk and _is_plain(field.type):
                    self._append_file(field, chunk)
                else:
                    # A fresh copy: a slice would take the bytes beside it along into the file.
                    fresh = chunk.take(pa.array(np.arange(len(chunk))))
                    self._pieces.setdefault(field.name, []).append(fresh)

    def column(self, name: str) -> Any:
        """Return a column as one array."""
        dtype = self._schema.field(name).type
        if name in self._files:
            return self._mapped(name, dtype)
        return pa.chunked_array(self._pieces.get(name, []), type=dtype)

    @property
    def schema(self) -> Any:
        """Arrow schema of what was appended; None: nothing was."""
        return self._schema

    def table(self) -> Any:
        """Return all columns as an Arrow table."""
        columns = [self.column(name) for name in self._schema.names]
        return pa.Table.from_arrays(columns, schema=self._schema)

    def _append_file(self, field: Any, chunk: Any) -> None:
        if field.name not in self._files:
            # Unbuffered: pieces are large, and the bytes are there when the file is mapped.
            path = self._folder / f"{len(self._files)}"
            self._files[field.name] = path.open("wb+", buffering=0)
        flat = chunk.flatten() if pa.types.is_fixed_size_list(chunk.type) else chunk
        width = flat.type.bit_width // 8
        view = memoryview(flat.buffers()[1] or b"")
        data = view[flat.offset * width : (flat.offset + len(flat)) * width]
        while len(data):
            data = data[self._files[field.name].write(data) :]
        self._lengths[field.name] = self._lengths.get(field.name, 0) + len(chunk)

    def _mapped(self, name: str, dtype: Any) -> Any:
        path, length = self._folder / self._files[name].name, self._lengths[name]
        if path.stat().st_size == 0:
            return pa.array([], dtype)
        with pa.memory_map(str(path)) as mapped:
            data = mapped.read_buffer()
        if not pa.types.is_fixed_size_list(dtype):
            return pa.Array.from_buffers(dtype, length, [None, data], null_count=0)
        values = pa.Array.from_buffers(
            dtype.value_type, length * dtype.list_size, [None, data], null_count=0
        )
        return pa.FixedSizeListArray.from_arrays(values, type=dtype)


def _is_plain(dtype: Any) -> bool:
    """Whether values lie side by side in whole bytes."""
    if pa.types.is_fixed_size_list(dtype):
        dtype = dtype.value_type
    return bool(pa.types.is_primitive(dtype) and dtype.bit_width % 8 == 0)
