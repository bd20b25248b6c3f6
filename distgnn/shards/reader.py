"""Opening a sharded graph by mmap."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, PartNotOpenError, ShardCorruptError, ShardError
from distgnn.shards.layout import check_arrow_schema, edge_shard, node_shard
from distgnn.shards.manifest import MANIFEST_NAME, edge_file, load_manifest, node_file
from distgnn.shards.remote import local_graph

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    import numpy.typing as npt

    from distgnn.schema import EdgeSchema, EdgeType, GraphSchema, NodeSchema, NodeType
    from distgnn.shards.manifest import Manifest
    from distgnn.shards.views import EdgeShard, NodeShard

    Int64s = npt.NDArray[np.int64]


class ShardedGraph:
    """A partitioned graph whose files are mapped into memory, never copied (`ShardedGraph.open`).

    Nodes have global ids: part p owns the contiguous range ``offsets[p]:offsets[p + 1]`` of each
    node type. `index` is the row in the raw table, the same whatever the partitioning. All views
    are read-only and stay valid after the graph is gone. May be used from many threads, and
    pickled (it is opened again by its path).

    A machine that holds some of the parts opens those: counts, schema and `offsets` are those of
    the whole graph, and whatever lies in another part is a PartNotOpenError.
    """

    def __init__(
        self, path: Path, manifest: Manifest, parts: tuple[int, ...] | None = None
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.parts = tuple(range(manifest.num_parts)) if parts is None else parts
        """The parts that are open here, in rising order."""
        self._offsets = {
            name: np.array(bounds, np.int64) for name, bounds in manifest.node_offsets.items()
        }
        for bounds in self._offsets.values():
            bounds.setflags(write=False)
        self._nodes: dict[tuple[NodeType, int], NodeShard] = {}
        self._edges: dict[tuple[EdgeType, int], EdgeShard] = {}
        self._by_index: dict[NodeType, Int64s] = {}
        self._identity = _identity(path)

    @classmethod
    def open(cls, path: Path | str, parts: Iterable[int] | None = None) -> ShardedGraph:
        """Open the graph in directory `path`: check the manifest, file sizes and Arrow schemas.

        The data itself is neither read nor checked: `distgnn verify` does that.

        Args:
            path: The directory that `distgnn partition` wrote, or its URL: then its files are
                copied to a local cache (see `distgnn.shards.remote`) and mapped from there.
            parts: Numbers of the parts to open; by default all. Beside the manifest only their
                files are needed on this machine.

        Raises:
            ArgumentError: there is no such part.
            ShardError: `path` is no sharded graph, or a file is missing or unreadable.
            ShardVersionError: it is of a newer format.
            ShardCorruptError: the manifest is damaged, or a file is cut off or foreign.
        """
        root = local_graph(path).absolute()
        chosen = None if parts is None else tuple(sorted(set(parts)))
        graph = cls(root, load_manifest(root), chosen)
        graph._check_files()
        return graph

    def __reduce__(self) -> tuple[Any, ...]:
        return ShardedGraph.open, (self.path, self.parts)

    def __repr__(self) -> str:
        opened = "" if self.is_whole else f", parts={self.parts}"
        return f"ShardedGraph({str(self.path)!r}, num_parts={self.num_parts}{opened})"

    @property
    def schema(self) -> GraphSchema:
        """All node and edge types."""
        return self.manifest.schema

    @property
    def num_parts(self) -> int:
        """Number of parts."""
        return self.manifest.num_parts

    @property
    def is_whole(self) -> bool:
        """Whether all parts are open here."""
        return len(self.parts) == self.num_parts

    @property
    def fingerprint(self) -> str:
        """Content hash of the raw graph, the same however it is partitioned."""
        return self.manifest.fingerprint

    def offsets(self, node_type: NodeType) -> Int64s:
        """Return the bounds of the parts' ranges of global ids, int64 [num_parts + 1], read-only.

        Raises:
            ArgumentError: there is no such node type.
        """
        return self._offsets[self.schema.node(node_type).type]

    def num_nodes(self, node_type: NodeType) -> int:
        """Return the number of nodes of one type."""
        return self.manifest.num_nodes(node_type)

    def num_edges(self, edge_type: EdgeType) -> int:
        """Return the number of edges of one type."""
        return self.manifest.num_edges(edge_type)

    def owner(self, node_type: NodeType, ids: Int64s) -> Int64s:
        """Return the part that owns each of the global `ids` (int64 [k]), int64 [k].

        Raises:
            ArgumentError: an id is outside the node type's range.
        """
        bounds = self.offsets(node_type)
        ids = np.asarray(ids, np.int64)
        if len(ids) and (ids.min() < 0 or ids.max() >= bounds[-1]):
            msg = (
                f"ids {ids.min()} to {ids.max()} are outside 0 to {bounds[-1] - 1}, the nodes of "
                f"type {node_type!r}"
            )
            raise ArgumentError(msg)
        return np.searchsorted(bounds, ids, side="right") - 1

    def nodes(self, node_type: NodeType, part: int) -> NodeShard:
        """Return the nodes of one type that `part` owns, as mapped views.

        Raises:
            ArgumentError: there is no such type or part.
            PartNotOpenError: the part is not open here.
            ShardError: the graph was replaced since it was opened.
            ShardCorruptError: the file is damaged.
        """
        key = (node_type, self._check_open(part))
        if key not in self._nodes:
            schema = self.schema.node(node_type)
            path, batch = self._map(node_file(part, node_type), schema)
            self._nodes[key] = node_shard(schema, batch, path)
        return self._nodes[key]

    def edges(self, edge_type: EdgeType, part: int) -> EdgeShard:
        """Return the edges of one type into the nodes that `part` owns, as mapped views.

        Raises:
            ArgumentError: there is no such type or part.
            PartNotOpenError: the part is not open here.
            ShardError: the graph was replaced since it was opened.
            ShardCorruptError: the file is damaged.
        """
        key = (edge_type, self._check_open(part))
        if key not in self._edges:
            schema = self.schema.edge(edge_type)
            path, batch = self._map(edge_file(part, edge_type), schema)
            self._edges[key] = edge_shard(schema, batch, path)
        return self._edges[key]

    def arrow_column(self, node_type: NodeType, name: str) -> Any:
        """Return any column over all parts, by global id, as an Arrow chunked array.

        Nothing is copied. Raises ArgumentError for an unknown type, KeyError for an unknown column.
        """
        return pa.chunked_array(
            [self.nodes(node_type, part).column(name) for part in range(self.num_parts)]
        )

    def column(self, node_type: NodeType, name: str) -> npt.NDArray[Any]:
        """Return a role column (index, dense x, y, split, time) over all parts, by global id.

        Returns:
            A new array [N, ...], or a view if there is one part.

        Raises:
            ArgumentError: the node type has no such role column, or it is sparse.
        """
        return _concatenate([self._role(node_type, part, name) for part in range(self.num_parts)])

    def gather(self, node_type: NodeType, name: str, ids: Int64s) -> npt.NDArray[Any]:
        """Return rows of a role column (see `column`) for global `ids` (int64 [k]), [k, ...].

        Raises:
            ArgumentError: an id is out of range, or the node type has no such role column.
        """
        owners, bounds = self.owner(node_type, ids), self.offsets(node_type)
        first = self._role(node_type, self.parts[0], name)
        out = np.empty((len(ids), *first.shape[1:]), first.dtype)
        for part in np.unique(owners):
            mine = owners == part
            out[mine] = self._role(node_type, int(part), name)[ids[mine] - bounds[part]]
        return out

    def index_of(self, node_type: NodeType, ids: Int64s) -> Int64s:
        """Return the raw row of each of the global `ids` (int64 [k]), int64 [k]."""
        return self.gather(node_type, "index", ids)

    def ids_of(self, node_type: NodeType, ids: Int64s) -> Any:
        """Return the user's own id of each of the global `ids` (int64 [k]), an Arrow array [k]."""
        self.owner(node_type, ids)
        return self.arrow_column(node_type, "id").take(pa.array(ids)).combine_chunks()

    def global_id_of_index(self, node_type: NodeType) -> Int64s:
        """Return the global id of every raw row, int64 [N]: the inverse of `index`, kept."""
        if node_type not in self._by_index:
            index = self.column(node_type, "index")
            inverse = np.empty(len(index), np.int64)
            inverse[index] = np.arange(len(index))
            inverse.setflags(write=False)
            self._by_index[node_type] = inverse
        return self._by_index[node_type]

    def _role(self, node_type: NodeType, part: int, name: str) -> npt.NDArray[Any]:
        nodes = self.nodes(node_type, part)
        found = {
            "index": nodes.index,
            "x": nodes.x,
            "y": nodes.y,
            "split": nodes.split,
            "time": nodes.time,
        }.get(name)
        if not isinstance(found, np.ndarray):
            msg = (
                f"node type {node_type!r} has no dense role column {name!r} (use arrow_column "
                "for other columns)"
            )
            raise ArgumentError(msg)
        return found

    def _check_part(self, part: int) -> int:
        if not 0 <= part < self.num_parts:
            msg = f"part {part} is outside 0 to {self.num_parts - 1}"
            raise ArgumentError(msg)
        return part

    def _check_open(self, part: int) -> int:
        if self._check_part(part) in self.parts:
            return part
        msg = (
            f"part {part} of {self.path} is not open here, only {_listed(self.parts)}: ask the "
            "machine that holds it, or open the graph with that part"
        )
        raise PartNotOpenError(msg)

    def _check_files(self) -> None:
        if not self.parts:
            msg = f"no part of {self.path} is named: give the number of one at least"
            raise ArgumentError(msg)
        for part in self.parts:
            self._check_part(part)
            for node in self.schema.nodes:
                self._check_file(node_file(part, node.type), node)
            for edge in self.schema.edges:
                self._check_file(edge_file(part, edge.type), edge)

    def _check_file(self, relative: str, schema: NodeSchema | EdgeSchema) -> None:
        path, wanted = self.path / relative, self.manifest.files[relative].bytes
        with read_errors(path):
            found = path.stat().st_size
            if found != wanted:
                msg = (
                    f"{path} has {found:,} bytes, but {wanted:,} were written: it is cut off or "
                    f"was changed. {REFETCH}"
                )
                raise ShardCorruptError(msg)
            with pa.memory_map(str(path)) as file:
                check_arrow_schema(schema, pa.ipc.open_file(file).schema, str(path))

    def _map(self, relative: str, schema: NodeSchema | EdgeSchema) -> tuple[str, Any]:
        """Return path and record batch of a file; the batch keeps it mapped, but not open."""
        path, entry = self.path / relative, self.manifest.files[relative]
        with read_errors(path), pa.memory_map(str(path)) as file:
            reader = pa.ipc.open_file(file)
            check_arrow_schema(schema, reader.schema, str(path))
            batch = reader.get_batch(0)
            batch.validate()
        if _identity(self.path) != self._identity:
            msg = f"{self.path} was replaced after it was opened: open it again"
            raise ShardError(msg)
        if batch.num_rows != entry.rows:
            msg = (
                f"{path} holds {batch.num_rows} rows, but {entry.rows} were written: it is "
                f"damaged. {REFETCH}"
            )
            raise ShardCorruptError(msg)
        return str(path), batch


REFETCH = (
    "Copy it again from where the graph came, or partition the graph again (`distgnn partition "
    "... --overwrite`)."
)


@contextmanager
def read_errors(path: Path) -> Iterator[None]:
    """Turn errors while reading `path` into those of this package.

    Raises:
        ShardError: the file is missing or may not be read.
        ShardCorruptError: it is not the Arrow file that was written.
    """
    try:
        yield
    except FileNotFoundError as error:
        msg = f"{path} is missing from the graph. {REFETCH}"
        raise ShardError(msg) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        if isinstance(error, OSError) and error.errno:
            msg = (
                f"cannot read {path}: {os.strerror(error.errno)}. Check that you may read this "
                "file and its folders."
            )
            raise ShardError(msg) from error
        # Arrow raises many kinds for metadata that it cannot parse, OSError without a number too.
        reason = str(error).splitlines()[0]
        msg = f"{path} is no readable Arrow file ({reason}): it is damaged. {REFETCH}"
        raise ShardCorruptError(msg) from error


def _listed(parts: tuple[int, ...]) -> str:
    return ("part " if len(parts) == 1 else "parts ") + ", ".join(map(str, parts))


def _identity(root: Path) -> tuple[int, int] | None:
    """Return what tells a manifest from one that replaces it: inode and time; None if gone."""
    try:
        found = (root / MANIFEST_NAME).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _concatenate(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
