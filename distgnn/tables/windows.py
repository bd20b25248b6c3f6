"""Tables read a window of rows at a time: what is in memory does not grow with the files.

The rows are those of `distgnn.tables.readers`, with the same types: numbers of different width are
widened to the common type of all files, and a column of a CSV file gets the first type of Arrow's
list that all its rows fit.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from distgnn.tables.readers import (
    ARROW_FILE_MAGIC,
    check_same_columns,
    common_schema,
    csv_options,
    file_format,
    guarded,
    read_file,
    select_columns,
)
from distgnn.tables.source import SourceTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from distgnn.tables.config import Format
    from distgnn.tables.readers import Request

CSV_BLOCK_BYTES = 1 << 20
"""Arrow parses CSV files in blocks of this size; the first fixes the types tried first."""

READ_AHEAD_BYTES = 1 << 20
"""Of a Parquet file; without it a whole column of a row group would be read at once."""

INFERRED = (
    pa.null(),
    pa.int64(),
    pa.bool_(),
    pa.date32(),
    pa.time32("s"),
    pa.timestamp("s"),
    pa.timestamp("ns"),
    pa.float64(),
    pa.string(),
)
"""Arrow's order of types to try for a column of a CSV file, from narrow to wide."""

_CSV_COLUMN = re.compile(r"CSV column #(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile:
    """One file of a table, as far as its metadata (or for CSV one pass over it) tells."""

    path: Path
    format: Format
    num_rows: int
    num_bytes: int
    """Size of the wanted columns in memory."""
    schema: Any
    """Arrow schema of the wanted columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFiles:
    """All files of one table, in order, and what they have in common."""

    request: Request
    files: tuple[TableFile, ...]
    schema: Any
    """Arrow schema of the rows: that of the files, numbers widened."""

    @property
    def what(self) -> str:
        """What messages call the table: "node type 'paper'"."""
        return self.request.what

    @property
    def num_rows(self) -> int:
        """Rows of all files."""
        return sum(file.num_rows for file in self.files)

    @property
    def num_bytes(self) -> int:
        """Size of the wanted columns of all files in memory."""
        return sum(file.num_bytes for file in self.files)

    def first_row(self, position: int) -> int:
        """Return the row at which file number `position` begins."""
        return sum(file.num_rows for file in self.files[:position])

    def at(self, row: int) -> str:
        """Say where a row is: "row 7 of papers/b.parquet (rows count from 0)"."""
        return SourceTable(table=None, what=self.what, files=self._named()).at(row)

    def _named(self) -> tuple[tuple[Path, int], ...]:
        return tuple((file.path, file.num_rows) for file in self.files)

    def windows(self, position: int, window_bytes: int) -> Iterator[SourceTable]:
        """Read file number `position` in windows of at most about `window_bytes`.

        Raises:
            TableError: the file cannot be read.
        """
        file, first = self.files[position], self.first_row(position)
        width = max(1, self.num_bytes // max(1, self.num_rows))
        if file.format == "npz":
            yield self._source(read_file(file.path, "npz", self.request), first)
            return
        empty = self.schema.empty_table()
        if file.num_rows == 0:
            yield self._source(empty, first)
        for batch in _batches(file, max(1, window_bytes // width)):
            table = pa.Table.from_batches([batch], batch.schema.remove_metadata())
            if not table.schema.equals(self.schema):
                table = pa.concat_tables([empty, table], promote_options="permissive")
            yield self._source(table, first)
            first += batch.num_rows

    def _source(self, table: Any, first_row: int) -> SourceTable:
        return SourceTable(table=table, what=self.what, files=self._named(), first_row=first_row)


def describe_files(paths: Sequence[Path], given: Format | None, request: Request) -> TableFiles:
    """Return what the files of a table hold, read from their metadata (CSV: in one pass).

    Args:
        paths: At least one.
        given: Format of the files; None: by their endings.
        request: Which columns.

    Raises:
        TableError: as for `read_files`.
    """
    files = tuple(_describe(path, given or file_format(path), request) for path in paths)
    for file in files:
        check_same_columns((files[0].path, files[0].schema), (file.path, file.schema), request)
    schemas = [file.schema for file in files]
    return TableFiles(request=request, files=files, schema=common_schema(paths, schemas, request))


def _describe(path: Path, file_format: Format, request: Request) -> TableFile:
    describe = {
        "parquet": _describe_parquet,
        "arrow": _describe_arrow,
        "csv": _describe_csv,
        "npz": _describe_whole,
    }[file_format]
    rows, num_bytes, schema = describe(path, request)
    # The metadata of a schema (pandas puts some there) is not part of the graph.
    return TableFile(
        path=path,
        format=file_format,
        num_rows=rows,
        num_bytes=num_bytes,
        schema=schema.remove_metadata(),
    )


def _describe_parquet(path: Path, request: Request) -> tuple[int, int, Any]:
    def read() -> tuple[int, int, Any]:
        with pa.parquet.ParquetFile(path) as file:
            names = select_columns(file.schema_arrow.names, path, request)
            schema = pa.schema([file.schema_arrow.field(name) for name in names])
            groups = [file.metadata.row_group(i) for i in range(file.num_row_groups)]
            tops = {
                group.column(i).path_in_schema
                for group in groups[:1]
                for i in range(group.num_columns)
            }
            wanted = {p for p in tops if p.split(".")[0] in names}
            encoded = sum(
                group.column(i).total_uncompressed_size
                for group in groups
                for i in range(group.num_columns)
                if group.column(i).path_in_schema in wanted
            )
            rows = file.metadata.num_rows
        return rows, max(encoded, rows * fixed_width(schema)), schema

    result: tuple[int, int, Any] = guarded(read, path, "Parquet")
    return result


def _describe_arrow(path: Path, request: Request) -> tuple[int, int, Any]:
    def read() -> tuple[int, int, Any]:
        rows, num_bytes, schema = 0, 0, None
        for batch in _arrow_batches(path, pa.memory_map):  # mapped: only counted
            rows += batch.num_rows
            num_bytes += batch.nbytes
            schema = batch.schema
        if schema is None:
            schema = _arrow_schema(path)
        names = select_columns(schema.names, path, request)
        return rows, num_bytes, pa.schema([schema.field(name) for name in names])

    result: tuple[int, int, Any] = guarded(read, path, "Arrow IPC")
    return result


def _describe_whole(path: Path, request: Request) -> tuple[int, int, Any]:
    """Describe a .npz file, whose arrays can only be read whole."""
    table = read_file(path, "npz", request)
    return table.num_rows, table.nbytes, table.schema


def _describe_csv(path: Path, request: Request) -> tuple[int, int, Any]:
    """Find the type of each column, as Arrow does when it reads the whole file at once."""

    def read() -> tuple[int, int, Any]:
        parse = csv_options(path)
        block = pa.csv.ReadOptions(block_size=CSV_BLOCK_BYTES)
        with pa.csv.open_csv(path, parse_options=parse, read_options=block) as file:
            names = list(file.schema.names)
            types = {field.name: field.type for field in file.schema}
        wanted = select_columns(names, path, request)
        types = {name: request.types.get(name, types[name]) for name in wanted}
        while True:
            try:
                rows, num_bytes = _count_csv(path, wanted, types)
            except pa.ArrowInvalid as error:
                found = _CSV_COLUMN.search(str(error))
                name = names[int(found.group(1))] if found else None
                wider = None if name is None or name in request.types else _wider(types[name])
                if name is None or wider is None:
                    raise
                types[name] = wider
            else:
                return rows, num_bytes, pa.schema([(name, types[name]) for name in wanted])

    result: tuple[int, int, Any] = guarded(read, path, "CSV")
    return result


def _wider(dtype: Any) -> Any | None:
    return next(
        (wider for known, wider in itertools.pairwise(INFERRED) if known == dtype),
        None,
    )


def _count_csv(path: Path, names: list[str], types: dict[str, Any]) -> tuple[int, int]:
    rows, num_bytes = 0, 0
    for batch in _csv_batches(path, names, types):
        rows += batch.num_rows
        num_bytes += batch.nbytes
    return rows, num_bytes


def _csv_batches(path: Path, names: list[str], types: dict[str, Any]) -> Iterator[Any]:
    options = pa.csv.ConvertOptions(include_columns=names, column_types=types)
    read = pa.csv.ReadOptions(block_size=CSV_BLOCK_BYTES, use_threads=False)
    with pa.csv.open_csv(
        path, parse_options=csv_options(path), convert_options=options, read_options=read
    ) as file:
        yield from file


def _arrow_batches(path: Path, open_file: Callable[[str], Any] = pa.OSFile) -> Iterator[Any]:
    with open_file(str(path)) as source:
        is_file = source.read(len(ARROW_FILE_MAGIC)) == ARROW_FILE_MAGIC
        source.seek(0)
        if not is_file:
            yield from pa.ipc.open_stream(source)
            return
        reader = pa.ipc.open_file(source)
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)


def _arrow_schema(path: Path) -> Any:
    with pa.OSFile(str(path)) as source:
        is_file = source.read(len(ARROW_FILE_MAGIC)) == ARROW_FILE_MAGIC
        source.seek(0)
        return (pa.ipc.open_file if is_file else pa.ipc.open_stream)(source).schema


def _batches(file: TableFile, window_rows: int) -> Iterator[Any]:
    """Read a file in record batches of at most `window_rows` rows, errors in the file's name."""
    batches = _raw_batches(file, window_rows)
    kinds = {"parquet": "Parquet", "arrow": "Arrow IPC", "csv": "CSV", "npz": "npz"}
    while True:
        batch = guarded(lambda: next(batches, None), file.path, kinds[file.format])
        if batch is None:
            return
        for start in range(0, batch.num_rows, window_rows):
            yield batch.slice(start, window_rows)


def _raw_batches(file: TableFile, window_rows: int) -> Iterator[Any]:
    names = file.schema.names
    if file.format == "parquet":
        with pa.parquet.ParquetFile(
            file.path, buffer_size=READ_AHEAD_BYTES, pre_buffer=False
        ) as parquet:
            yield from parquet.iter_batches(window_rows, columns=names, use_threads=False)
    elif file.format == "arrow":
        for batch in _arrow_batches(file.path):
            chosen = batch.select(names)
            chosen.validate(full=True)
            yield chosen
    elif file.format == "csv":
        types = {field.name: field.type for field in file.schema}
        blocks: list[Any] = []
        for block in _csv_batches(file.path, names, types):
            blocks.append(block)
            if sum(b.num_rows for b in blocks) >= window_rows:
                yield pa.concat_batches(blocks)
                blocks = []
        if blocks:
            yield pa.concat_batches(blocks)


def fixed_width(schema: Any) -> int:
    """Return the bytes of a row in the columns of `schema` whose rows all have the same size."""
    return sum(_width(field.type) for field in schema)


def _width(dtype: Any) -> int:
    if pa.types.is_fixed_size_list(dtype):
        return int(dtype.list_size) * _width(dtype.value_type)
    return int(dtype.bit_width + 7) // 8 if pa.types.is_primitive(dtype) else 0
