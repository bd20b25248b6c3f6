"""Writing a sharded graph."""

from __future__ import annotations

import os
import shutil
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Self

import pyarrow as pa

from distgnn import __version__
from distgnn.exceptions import ArgumentError
from distgnn.schema import edge_key
from distgnn.shards.files import AtomicDirectory, ChecksumFile, storage_errors, sync
from distgnn.shards.layout import edge_batch, node_batch
from distgnn.shards.manifest import (
    MANIFEST_NAME,
    FileEntry,
    HowMade,
    Manifest,
    ManifestInfo,
    dump_manifest,
    edge_file,
    expected_files,
    node_file,
)

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from distgnn.schema import EdgeType, GraphSchema, NodeType


def write_batch(path: Path, batch: Any) -> FileEntry:
    """Write an Arrow file of one record batch, uncompressed, as all shard files are.

    Args:
        path: The file, which must not exist.
        batch: As `distgnn.shards.layout` makes them.
    """
    file = ChecksumFile(path)
    try:
        options = pa.ipc.IpcWriteOptions(allow_64bit=True)
        with (
            pa.PythonFile(file, "w") as sink,
            pa.ipc.new_file(sink, batch.schema, options=options) as out,
        ):
            out.write_batch(batch)
    finally:
        file.close()
    return FileEntry(bytes=file.num_bytes, rows=batch.num_rows, checksum=file.checksum)


class ShardWriter:
    """Writes a sharded graph: a context manager that leaves a complete directory, or nothing.

        with ShardWriter(out, schema, num_parts=2) as writer:
            for part in range(2):
                writer.write_nodes(part, "paper", nodes)
                writer.write_edges(part, ("paper", "cites", "paper"), edges)
            writer.commit(ManifestInfo(name="papers", fingerprint="...", method="metis"))

    Every (part, type) is written once, in any order.
    """

    def __init__(
        self, out: Path, schema: GraphSchema, num_parts: int, *, overwrite: bool = False
    ) -> None:
        """Check what can be checked before any work is done.

        Args:
            out: Directory to make; parents are made as needed.
            schema: All types of the graph.
            num_parts: Number of parts, at least 1.
            overwrite: Whether a sharded graph at `out` may be replaced (it stays until `commit`).

        Raises:
            ArgumentError: `num_parts` is below 1, or two types would share a file.
            OutputExistsError: `out` exists and may not be replaced.
        """
        if num_parts < 1:
            msg = f"num_parts is {num_parts}; a graph has at least 1 part"
            raise ArgumentError(msg)
        paths = expected_files(schema, num_parts)
        if len(set(paths)) != len(paths):
            msg = (
                f"two types of the graph share a name: {schema.node_types}, "
                f"{[*map(edge_key, schema.edge_types)]}"
            )
            raise ArgumentError(msg)
        self._schema = schema
        self._num_parts = num_parts
        self._folder = AtomicDirectory(out, marker=MANIFEST_NAME, overwrite=overwrite)
        self._files: dict[str, FileEntry] = {}
        self._edge_counts: dict[str, int] = {}
        self._source_bounds: dict[str, tuple[int, int]] = {}
        self._arrow_schemas: dict[str, Any] = {}

    def __enter__(self) -> Self:
        self._folder.__enter__()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._folder.__exit__(exc_type, exc, traceback)

    def write_nodes(self, part: int, node_type: NodeType, table: Any) -> None:
        """Write the nodes of one type that `part` owns.

        Args:
            part: From 0.
            node_type: A node type of the schema.
            table: Arrow table, row r being the node with global id ``offsets[part] + r``: `id`
                (int64 or string), `index` (int64: row in the raw table), and where the schema has
                them `x` (fixed_size_list, or struct<indices, values> if sparse), `y`, `split`
                (int8), `time` (int64) and the user's columns.

        Raises:
            ArgumentError: the table does not fit the schema, a role column holds nulls, or this
                was written already.
            StorageError: the disk is full, or fails.
        """
        batch = node_batch(self._schema.node(node_type), table)
        self._write(part, node_file(part, node_type), f"node type {node_type!r}", batch)

    def write_edges(self, part: int, edge_type: EdgeType, table: Any) -> None:
        """Write the edges of one type into the nodes that `part` owns.

        Args:
            part: From 0.
            edge_type: An edge type of the schema.
            table: Arrow table, a row per owned node of the destination type, in the order of
                `write_nodes`, each column a list column: `src` (int64: global ids), `eid` (int64:
                row in the raw edge table), and where the schema has them `weight` (float32),
                `time` (int64), `edge_attr`, `y` and the user's columns. In-neighbours must be
                sorted by the source's `index`, or by (time, index) if edges carry a time.

        Raises:
            ArgumentError: the table does not fit the schema, a role column holds nulls, or this
                was written already.
            StorageError: the disk is full, or fails.
        """
        batch = edge_batch(self._schema.edge(edge_type), table)
        path = edge_file(part, edge_type)
        self._write(part, path, f"edge type {edge_key(edge_type)!r}", batch)
        sources = batch.column("src").flatten()
        self._edge_counts[path] = len(sources)
        if len(sources):
            view = sources.to_numpy()
            self._source_bounds[path] = (int(view.min()), int(view.max()))

    def commit(self, info: ManifestInfo) -> Manifest:
        """Write the manifest and give the directory its final name.

        Args:
            info: What the writer does not know: the graph's name and fingerprint, and how it was
                partitioned.

        Returns:
            The manifest as written.

        Raises:
            ArgumentError: a part lacks a type, or rows and ids do not fit together.
            StorageError: the disk is full, or fails.
        """
        manifest = self._manifest(info)
        text = dump_manifest(manifest)
        with storage_errors(self._folder.out / MANIFEST_NAME, len(text)):
            file = ChecksumFile(self._folder.path / MANIFEST_NAME)
            try:
                file.write(text)
            finally:
                file.close()
        self._folder.commit()
        return manifest

    def _write(self, part: int, relative: str, type_name: str, batch: Any) -> None:
        """Write one Arrow file: one record batch, uncompressed."""
        if not 0 <= part < self._num_parts:
            msg = f"part {part} is outside 0 to {self._num_parts - 1}"
            raise ArgumentError(msg)
        if relative in self._files:
            msg = f"{type_name} of part {part} was written already"
            raise ArgumentError(msg)
        known = self._arrow_schemas.setdefault(type_name, batch.schema)
        if not batch.schema.equals(known):
            msg = (
                f"the columns of {type_name} in part {part} differ from those of another part: "
                f"{batch.schema} / {known}"
            )
            raise ArgumentError(msg)
        path = self._folder.path / relative
        with storage_errors(self._folder.out / relative, batch.nbytes):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._files[relative] = write_batch(path, batch)

    def adopt(
        self,
        relative: str,
        made: Path,
        entry: FileEntry,
        *,
        num_edges: int = 0,
        sources: tuple[int, int] | None = None,
    ) -> None:
        """Take over a file that `write_batch` made elsewhere; it stays there too.

        Args:
            relative: Its path in the graph (`node_file`, `edge_file`).
            made: Where it is: on the same file system it is linked, else copied.
            entry: What `write_batch` returned.
            num_edges: Of an edge file.
            sources: Of an edge file with edges: the smallest and the largest global id of a source.

        Raises:
            StorageError: the disk is full, or fails.
        """
        path = self._folder.path / relative
        with storage_errors(self._folder.out / relative, entry.bytes):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(made, path)
            except OSError:
                shutil.copyfile(made, path)
                sync(path)
        self._files[relative] = entry
        self._edge_counts[relative] = num_edges
        if sources is not None:
            self._source_bounds[relative] = sources

    def _manifest(self, info: ManifestInfo) -> Manifest:
        parts, schema = range(self._num_parts), self._schema
        missing = [
            path for path in expected_files(schema, self._num_parts) if path not in self._files
        ]
        if missing:
            msg = (
                f"{len(missing)} of the graph's files were never written, the first of them "
                f"{missing[0]}"
            )
            raise ArgumentError(msg)
        offsets = {
            name: tuple(
                accumulate((self._files[node_file(p, name)].rows for p in parts), initial=0)
            )
            for name in schema.node_types
        }
        for part in parts:
            for edge_type in schema.edge_types:
                self._check_edges(part, edge_type, offsets)
        return Manifest(
            name=info.name,
            fingerprint=info.fingerprint,
            schema=schema,
            num_parts=self._num_parts,
            node_offsets=offsets,
            edge_counts={
                edge_key(edge): tuple(self._edge_counts[edge_file(p, edge)] for p in parts)
                for edge in schema.edge_types
            },
            files={path: self._files[path] for path in expected_files(schema, self._num_parts)},
            made=HowMade(
                method=info.method, balance=info.balance, seed=info.seed, version=__version__
            ),
            stats=info.stats,
        )

    def _check_edges(
        self, part: int, edge_type: EdgeType, offsets: dict[str, tuple[int, ...]]
    ) -> None:
        """Check an edge file against the nodes: a row per owned destination, known sources."""
        path = edge_file(part, edge_type)
        rows, owned = self._files[path].rows, self._files[node_file(part, edge_type[2])].rows
        if rows != owned:
            msg = (
                f"edge type {edge_key(edge_type)!r} of part {part} has {rows} rows for {owned} "
                "owned destinations"
            )
            raise ArgumentError(msg)
        low, high = self._source_bounds.get(path, (0, -1))
        if low < 0 or high >= offsets[edge_type[0]][-1]:
            msg = (
                f"edge type {edge_key(edge_type)!r} of part {part} has sources {low} to {high}, "
                f"but node type {edge_type[0]!r} has {offsets[edge_type[0]][-1]} nodes"
            )
            raise ArgumentError(msg)
