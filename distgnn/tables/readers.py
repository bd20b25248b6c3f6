"""Files to Arrow tables: Parquet, CSV, Arrow IPC (file or stream) and .npz.

Files of one table are read one after another and stand in order; numbers of different width are
widened to the common type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from distgnn.exceptions import TableError, nearest
from distgnn.tables.npz import Archive, npz_column
from distgnn.tables.remote import as_url, fetch, list_files
from distgnn.tables.source import SourceTable, empty_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from distgnn.tables.config import Format

ENDINGS: Mapping[str, Format] = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".tsv": "csv",
    ".arrow": "arrow",
    ".arrows": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".npz": "npz",
}

COMPRESSED = (".gz", ".bz2", ".zst", ".lz4")
"""Endings that may follow that of a CSV file."""

ARROW_FILE_MAGIC = b"ARROW1"
"""First bytes of an Arrow IPC file; a stream has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to read of the files of one table."""

    what: str
    """For messages: "node type 'paper'"."""
    required: Mapping[str, str]
    """Columns that must be there, each with its role."""
    others: bool
    """Whether to read all other columns too; never those of .npz files."""
    types: Mapping[str, Any] = field(default_factory=dict)
    """Arrow types of columns of CSV files, which have no types of their own."""
    indptr: str | None = None
    """Array of a .npz file that tells the number of rows, one less, where no column does."""


def find_files(paths: Sequence[str], root: Path, given: Format | None, what: str) -> list[Path]:
    """Return the files that paths, folders and patterns name, those of each in order of name.

    In folders and patterns, names that start with a dot or an underscore are passed over.

    Args:
        paths: Relative to `root` or absolute, or URLs (see `distgnn.tables.remote`).
        root: Folder of the TOML file.
        given: Format of the files; None: by their endings.
        what: For messages.

    Raises:
        TableError: nothing is there, or a folder holds no table.
    """
    files: list[Path] = []
    for name in paths:
        url = as_url(name)
        if url is not None:
            files += _remote_files(url, given, what)
            continue
        path = root / name
        if path.is_dir():
            found = [file for file in _visible(path, "*") if given or _ending(file)]
        elif path.exists():
            found = [path]
        else:
            found = _visible(path.parent, path.name)
        if not found:
            is_empty = path.is_dir()
            problem = f"folder {path} holds no table" if is_empty else f"there is no {path}"
            msg = (
                f"the path of {what} leads nowhere: {problem}; give a file, a folder of files or a "
                f"pattern, relative to the TOML file (known endings: {', '.join(ENDINGS)})"
            )
            raise TableError(msg)
        files += found
    return files


def _remote_files(url: str, given: Format | None, what: str) -> list[Path]:
    """Return local copies of the files of a URL (see `find_files`)."""
    found = [name for name in list_files(url) if given or _ending(Path(name))]
    if not found:
        msg = f"the path of {what} leads nowhere: {url} is no table, and no folder of tables"
        raise TableError(msg)
    return [fetch(name) for name in found]


def _visible(folder: Path, pattern: str) -> list[Path]:
    files = (file for file in folder.glob(pattern) if file.is_file())
    return sorted(file for file in files if file.name[0] not in "._")


def read_files(files: Sequence[Path], given: Format | None, request: Request) -> SourceTable:
    """Return the rows of all files.

    Args:
        files: At least one.
        given: Format of the files; None: by their endings.
        request: What to read.

    Raises:
        TableError: a file is missing, cut off or of an unknown format, a column is missing, or
            files do not agree on columns or types.
    """
    tables = [read_file(file, given or file_format(file), request) for file in files]
    for file, table in zip(files, tables, strict=True):
        check_same_columns((files[0], tables[0].schema), (file, table.schema), request)
    return SourceTable(
        table=_joined(files, tables, request),
        what=request.what,
        files=tuple((file, table.num_rows) for file, table in zip(files, tables, strict=True)),
    )


def read_file(path: Path, known: Format, request: Request) -> Any:
    """Return the rows of one file of format `known` as an Arrow table.

    Raises:
        TableError: as for `read_files`.
    """
    return _READERS[known](path, request)


def is_csv(source: SourceTable) -> bool:
    """Whether a table was read from CSV files."""
    return any(_ending(path) == "csv" for path, _ in source.files)


def file_format(path: Path) -> Format:
    """Return the format that the ending of a file tells.

    Raises:
        TableError: it tells none.
    """
    found = _ending(path)
    if found is None:
        msg = (
            f"the ending of {path} tells no format; known: {', '.join(ENDINGS)}. Set `format` to "
            "parquet, csv, arrow or npz"
        )
        raise TableError(msg)
    return found


def _ending(path: Path) -> Format | None:
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    return ENDINGS.get(plain.suffix.lower())


def _read_parquet(path: Path, request: Request) -> Any:
    def read() -> Any:
        with pa.parquet.ParquetFile(path, memory_map=True) as file:
            columns = select_columns(file.schema_arrow.names, path, request)
            return file.read(columns=columns, use_threads=True)

    return guarded(read, path, "Parquet")


def _read_arrow(path: Path, request: Request) -> Any:
    """Map an Arrow file into memory, or read a stream; check it whole, for nothing else will."""

    def read() -> Any:
        source = pa.memory_map(str(path))
        is_file = source.read(len(ARROW_FILE_MAGIC)) == ARROW_FILE_MAGIC
        source.seek(0)
        reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
        table = reader.read_all()
        table = table.select(select_columns(table.column_names, path, request))
        table.validate(full=True)
        return table

    return guarded(read, path, "Arrow IPC")


def csv_options(path: Path) -> Any:
    """Return how a file is cut into rows and cells: at tabs if it is named .tsv, else at commas."""
    delimiter = "\t" if ".tsv" in path.suffixes else ","
    return pa.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)


def _read_csv(path: Path, request: Request) -> Any:
    parse = csv_options(path)

    def read() -> Any:
        with pa.csv.open_csv(path, parse_options=parse) as file:
            columns = select_columns(file.schema.names, path, request)
        types = {name: dtype for name, dtype in request.types.items() if name in columns}
        convert = pa.csv.ConvertOptions(include_columns=columns, column_types=types)
        return pa.csv.read_csv(path, parse_options=parse, convert_options=convert)

    return guarded(read, path, "CSV")


def _read_npz(path: Path, request: Request) -> Any:
    with Archive(path) as archive:
        columns = {name: npz_column(archive, name) for name in request.required}
        if not columns:
            return empty_rows(_npz_rows(archive, request))
    sizes = {name: len(column) for name, column in columns.items()}
    if len(set(sizes.values())) > 1:
        msg = (
            f"the arrays of {request.what} in {path} have different numbers of rows: {sizes}; name "
            "arrays with one entry a row"
        )
        raise TableError(msg)
    return pa.table(columns)


def _npz_rows(archive: Archive, request: Request) -> int:
    if request.indptr is None:
        msg = (
            f"{request.what} names no array of {archive.path}, so that its number of rows is "
            f"unknown; name its columns, or give num_nodes instead of path (arrays of the file: "
            f"{', '.join(archive.names)})"
        )
        raise TableError(msg)
    return max(len(archive[request.indptr]) - 1, 0)


_READERS: Mapping[Format, Callable[[Path, Request], Any]] = {
    "parquet": _read_parquet,
    "csv": _read_csv,
    "arrow": _read_arrow,
    "npz": _read_npz,
}


def guarded(read: Callable[[], Any], path: Path, kind: str) -> Any:
    """Call `read`; turn what Arrow raises into an error that names the file."""
    try:
        return read()
    except FileNotFoundError:
        msg = f"there is no file {path}; check the path"
        raise TableError(msg) from None
    except UnicodeDecodeError as error:
        msg = f"{path} is no UTF-8 text ({error}); convert it first"
        raise TableError(msg) from error
    except (pa.ArrowException, OSError) as error:
        hint = (
            "; if ids or labels look like numbers in some rows only, set `id_type` to string"
            if "conversion error" in str(error)
            else f"; it is cut off, damaged, or no {kind} file. Write or copy it again, or set "
            "`format`"
        )
        msg = f"{path} cannot be read as {kind}: {error}{hint}"
        raise TableError(msg) from error


def select_columns(names: Sequence[str], path: Path, request: Request) -> list[str]:
    """Return the columns to read, checking that they are there and have different names."""
    for name, role in request.required.items():
        if name not in names:
            msg = (
                f"{path} has no column {name!r}, which {request.what} names as its {role}"
                f"{nearest(name, names)}"
            )
            raise TableError(msg)
    twice = {name for name in names if names.count(name) > 1}
    wanted = list(names) if request.others else list(request.required)
    if twice.intersection(wanted):
        msg = f"{path} has several columns named {sorted(twice)}; rename them"
        raise TableError(msg)
    return wanted


def check_same_columns(first: tuple[Path, Any], other: tuple[Path, Any], request: Request) -> None:
    """Check that two files, each with its Arrow schema, have the same columns.

    Raises:
        TableError: they have not.
    """
    names, found = set(first[1].names), set(other[1].names)
    if names != found:
        lacking = (first, other) if names - found else (other, first)
        column = sorted(names ^ found)[0]
        msg = (
            f"the files of {request.what} differ: {lacking[0][0]} has a column {column!r}, "
            f"{lacking[1][0]} has not; files of one table have the same columns (name those to "
            "keep under `columns` to leave others out)"
        )
        raise TableError(msg)


def _joined(files: Sequence[Path], tables: Sequence[Any], request: Request) -> Any:
    """Return the tables one after another, numbers widened to their common type."""
    if len(tables) == 1:
        return tables[0]
    common_schema(files, [table.schema for table in tables], request)
    return pa.concat_tables(tables, promote_options="permissive")


def common_schema(files: Sequence[Path], schemas: Sequence[Any], request: Request) -> Any:
    """Return the Arrow schema that the rows of all files fit, numbers widened.

    Raises:
        TableError: there is none.
    """
    for name in schemas[0].names:
        for file, schema in zip(files, schemas, strict=True):
            pair = [pa.schema([found.field(name)]) for found in (schemas[0], schema)]
            try:
                pa.unify_schemas(pair, promote_options="permissive")
            except pa.ArrowException:
                msg = (
                    f"column {name!r} of {request.what} is {pair[0].field(0).type} in {files[0]} "
                    f"but {pair[1].field(0).type} in {file}; write it with one type (for ids of "
                    "CSV files set `id_type`)"
                )
                raise TableError(msg) from None
    return pa.unify_schemas(list(schemas), promote_options="permissive")
