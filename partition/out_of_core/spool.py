"""Spools: Arrow IPC files of many record batches, each batch in a numbered bucket."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pyarrow as pa

from distgnn.partition import kernels
from distgnn.partition.out_of_core.tasks import partial_name

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    import numpy.typing as npt


class SpoolWriter:
    """Writes a spool that gets its name when the context ends without an error.

    The schema is that of the first table; columns that are dictionaries are decoded.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; its folder is made."""
        self._path, self._partial = path, partial_name(path)
        self._sink: Any = None
        self._writer: Any = None
        self._batches: dict[int, list[int]] = defaultdict(list)
        self._count = 0
        self.num_rows = 0

    def __enter__(self) -> Self:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if self._writer is not None:
                self._writer.close()
                self._sink.close()
            if exc is None and self._writer is not None:
                self._partial.replace(self._path)
        finally:
            self._partial.unlink(missing_ok=True)

    def write(self, table: Any, bucket: int = 0) -> None:
        """Append the rows of an Arrow table to a bucket."""
        table = decoded(table)
        if self._writer is None:
            self._sink = pa.OSFile(str(self._partial), "wb")
            options = pa.ipc.IpcWriteOptions(allow_64bit=True)
            self._writer = pa.ipc.new_file(self._sink, table.schema, options=options)
        for batch in table.combine_chunks().to_batches():
            self._writer.write_batch(batch)
            self._batches[bucket].append(self._count)
            self._count += 1
        self.num_rows += table.num_rows

    def write_buckets(self, table: Any, buckets: npt.NDArray[np.int32], num_buckets: int) -> None:
        """Append each row of an Arrow table to its bucket (int32 [rows]), in order."""
        if table.num_rows == 0:  # the columns are known at least
            self.write(table)
            return
        offsets, order = kernels.group_by_part(buckets, num_buckets)
        sorted_rows = decoded(table).take(pa.array(order))
        for bucket in np.flatnonzero(np.diff(offsets)):
            start, stop = int(offsets[bucket]), int(offsets[bucket + 1])
            self.write(sorted_rows.slice(start, stop - start), int(bucket))

    @property
    def batches(self) -> dict[str, list[int]]:
        """Which batches each bucket has, as the facts of a task keep them."""
        return {str(bucket): found for bucket, found in self._batches.items()}


def decoded(table: Any) -> Any:
    """Return a table whose dictionary columns are plain: their codes differ between windows."""
    for i, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            plain = table.column(i).cast(field.type.value_type)
            table = table.set_column(i, field.with_type(field.type.value_type), plain)
    return table


def read_spool(path: Path, batches: list[int] | None = None) -> Iterator[Any]:
    """Read a spool, or those batches of it, one record batch at a time; nothing stays mapped."""
    if not path.exists():  # no row was written
        return
    with pa.OSFile(str(path)) as source:
        reader = pa.ipc.open_file(source)
        for i in range(reader.num_record_batches) if batches is None else batches:
            yield reader.get_batch(i)


def spool_schema(path: Path) -> Any:
    """Return the Arrow schema of a spool."""
    with pa.OSFile(str(path)) as source:
        return pa.ipc.open_file(source).schema
