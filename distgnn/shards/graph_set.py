"""Many small graphs (molecules) as one directory of Arrow files, opened by mmap.

```
molecules/
  graphs.json                  format version, columns, number of graphs, sizes and checksums
  part-00000/graphs.arrow      a row per graph: index, num_nodes, num_edges, y, split, and lists:
                               z, pos, x by node; src, dst (numbered within the graph), edge_attr
```

Legend: G graphs, n nodes and e edges of a graph, F features, D edge features, T targets.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import xxhash

from distgnn.exceptions import ArgumentError, ShardCorruptError, ShardError, ShardVersionError
from distgnn.shards.files import AtomicDirectory, storage_errors
from distgnn.shards.manifest import FileEntry, part_folder
from distgnn.shards.reader import read_errors
from distgnn.shards.writer import write_batch

if TYPE_CHECKING:
    import numpy.typing as npt

    Int64s = npt.NDArray[np.int64]

FORMAT_VERSION = 1
MANIFEST = "graphs.json"
NODE_COLUMNS = {"z": np.int64, "pos": np.float32, "x": np.float32}
EDGE_COLUMNS = {"src": np.int64, "dst": np.int64, "edge_attr": np.float32}
MATRICES = ("pos", "x", "edge_attr", "y")


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphArrays:
    """Graphs one after another; what is None is not there."""

    num_nodes: Int64s
    """int64 [G]."""
    num_edges: Int64s
    """int64 [G]."""
    src: Int64s
    """int64 [all edges]: source of each edge, numbered within its graph."""
    dst: Int64s
    """int64 [all edges]: destination of each edge, numbered within its graph."""
    z: Int64s | None = None
    """int64 [all nodes]: atomic numbers."""
    pos: npt.NDArray[np.float32] | None = None
    """float32 [all nodes, 3]."""
    x: npt.NDArray[np.float32] | None = None
    """float32 [all nodes, F]."""
    edge_attr: npt.NDArray[np.float32] | None = None
    """float32 [all edges, D]."""
    y: npt.NDArray[np.float32] | None = None
    """float32 [G, T]."""
    split: npt.NDArray[np.int8] | None = None
    """int8 [G], codes of `distgnn.schema.SPLITS`, -1 for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Manifest:
    name: str
    num_graphs: int
    dims: dict[str, int]
    """Numbers in a row of each column that is there."""
    files: dict[str, FileEntry]
    version: int = FORMAT_VERSION


def write_graphs(
    arrays: GraphArrays, out: Path, *, name: str, num_parts: int = 1, overwrite: bool = False
) -> GraphSet:
    """Write graphs as a directory that is complete or absent, and open it.

    Args:
        arrays: The graphs.
        out: Directory to make.
        name: Name of the set.
        num_parts: Parts, of consecutive graphs; results do not depend on it.
        overwrite: Whether a set at `out` may be replaced.

    Raises:
        ArgumentError: arrays do not fit one another, an edge leaves its graph, or there are more
            parts than graphs.
        OutputExistsError: `out` exists and may not be replaced.
        StorageError: the disk is full or not writable; nothing is left behind.
    """
    dims = _check(arrays, num_parts)
    bounds = [len(arrays.num_nodes) * part // num_parts for part in range(num_parts + 1)]
    files = {}
    with AtomicDirectory(out, marker=MANIFEST, overwrite=overwrite) as folder:
        with storage_errors(out):
            for part in range(num_parts):
                relative = f"{part_folder(part)}/graphs.arrow"
                path = folder.path / relative
                path.parent.mkdir()
                files[relative] = write_batch(
                    path, _part(arrays, dims, bounds[part], bounds[part + 1])
                )
            manifest = _Manifest(
                name=name, num_graphs=len(arrays.num_nodes), dims=dims, files=files
            )
            (folder.path / MANIFEST).write_text(json.dumps(asdict(manifest), indent=1) + "\n")
        folder.commit()
    return GraphSet.open(out)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The mapped columns of a part; lists as their values and offsets in rows."""

    values: dict[str, npt.NDArray[Any]]
    node_ptr: Int64s
    edge_ptr: Int64s


class GraphSet:
    """Many small graphs whose files are mapped into memory (`GraphSet.open`).

    A graph's number is its place in the arrays that were written, however many parts there are.
    """

    def __init__(self, path: Path, manifest: _Manifest, parts: list[_Part]) -> None:
        self.path = path
        self.name = manifest.name
        self.num_graphs = manifest.num_graphs
        self.dims = manifest.dims
        """Numbers in a row of each column that is there (`x`: F, `edge_attr`: D, `y`: T)."""
        self._manifest = manifest
        self._parts = parts
        counts = [len(part.values["num_nodes"]) for part in parts]
        self._bounds = np.r_[0, np.cumsum(counts)].astype(np.int64)
        self.num_nodes: Int64s = np.concatenate([part.values["num_nodes"] for part in parts])
        """int64 [G]."""
        self.num_edges: Int64s = np.concatenate([part.values["num_edges"] for part in parts])
        """int64 [G]."""

    @classmethod
    def open(cls, path: Path | str) -> GraphSet:
        """Open the set in directory `path`: sizes and columns are checked, the data is not read.

        Raises:
            ShardError: `path` holds no set of graphs, or a file is missing.
            ShardVersionError: it is of a newer format.
            ShardCorruptError: a file is cut off or damaged.
        """
        root = Path(path).absolute()
        manifest = _read_manifest(root)
        return cls(root, manifest, [_open_part(root, name, manifest) for name in manifest.files])

    def __len__(self) -> int:
        """Return the number of graphs."""
        return self.num_graphs

    def split(self, code: int) -> Int64s:
        """Return the numbers of the graphs of a split (see `distgnn.schema.SPLITS`), rising.

        Raises:
            ArgumentError: the set has no splits.
        """
        if "split" not in self.dims:
            msg = f"the graphs of {self.name!r} have no split: give one to write_graphs"
            raise ArgumentError(msg)
        found = np.concatenate([part.values["split"] for part in self._parts])
        return np.flatnonzero(found == code)

    def gather(self, numbers: Int64s) -> GraphArrays:
        """Return copies of the graphs of the given `numbers`, int64 [k], in that order.

        Raises:
            ArgumentError: there is no such graph.
        """
        if len(numbers) and not (numbers.min() >= 0 and numbers.max() < self.num_graphs):
            msg = f"graphs {numbers.min()} to {numbers.max()} are not all below {self.num_graphs}"
            raise ArgumentError(msg)
        owners = np.searchsorted(self._bounds, numbers, side="right") - 1
        found: dict[str, list[Any]] = {name: [] for name in self._columns()}
        for number, owner in zip(numbers, owners, strict=True):
            part, row = self._parts[owner], int(number - self._bounds[owner])
            nodes = slice(part.node_ptr[row], part.node_ptr[row + 1])
            edges = slice(part.edge_ptr[row], part.edge_ptr[row + 1])
            for name, values in found.items():
                place: Any = slice(row, row + 1)
                if name in NODE_COLUMNS or name in EDGE_COLUMNS:
                    place = nodes if name in NODE_COLUMNS else edges
                values.append(part.values[name][place])
        return GraphArrays(
            **{
                name: np.concatenate(values) if values else self._parts[0].values[name][:0].copy()
                for name, values in found.items()
            }
        )

    def verify(self) -> None:
        """Read all files and compare them with their checksums.

        Raises:
            ShardCorruptError: one differs.
        """
        for name, entry in self._manifest.files.items():
            path = self.path / name
            with read_errors(path):
                found = xxhash.xxh3_128(path.read_bytes()).hexdigest()
            if found != entry.checksum:
                msg = f"{path} is not what was written: copy the set again, or write it again"
                raise ShardCorruptError(msg)

    def _columns(self) -> list[str]:
        return ["num_nodes", "num_edges", *self.dims]


def _check(arrays: GraphArrays, num_parts: int) -> dict[str, int]:
    """Return the numbers in a row of each column, all lengths and edges checked."""
    num_graphs = len(arrays.num_nodes)
    if not 1 <= num_parts <= max(num_graphs, 1) or num_graphs == 0:
        msg = f"num_parts = {num_parts}, but there are {num_graphs} graphs: from 1 to as many"
        raise ArgumentError(msg)
    lengths = {"num_edges": num_graphs, "y": num_graphs, "split": num_graphs}
    lengths |= dict.fromkeys(NODE_COLUMNS, int(arrays.num_nodes.sum()))
    lengths |= dict.fromkeys(EDGE_COLUMNS, int(arrays.num_edges.sum()))
    dims = {}
    for field in fields(arrays):
        values = getattr(arrays, field.name)
        if values is None or field.name == "num_nodes":
            continue
        if len(values) != lengths[field.name]:
            msg = f"{field.name} has {len(values)} rows, but {lengths[field.name]} are needed"
            raise ArgumentError(msg)
        if field.name != "num_edges":
            dims[field.name] = values.shape[1] if values.ndim == 2 else 1
    owner_size = np.repeat(arrays.num_nodes, arrays.num_edges)
    for end in (arrays.src, arrays.dst):
        outside = np.flatnonzero((end < 0) | (end >= owner_size))
        if len(outside):
            graph = int(np.searchsorted(np.cumsum(arrays.num_edges), outside[0], side="right"))
            msg = (
                f"an edge of graph {graph} names node {end[outside[0]]}, but the graph has "
                f"{arrays.num_nodes[graph]} nodes: number nodes within their graph, from 0"
            )
            raise ArgumentError(msg)
    return dims


def _part(arrays: GraphArrays, dims: dict[str, int], begin: int, end: int) -> Any:
    """Return graphs `begin` to `end` as an Arrow record batch."""
    rows = slice(begin, end)
    node_ptr, edge_ptr = (
        np.r_[0, np.cumsum(counts)] for counts in (arrays.num_nodes, arrays.num_edges)
    )
    columns: dict[str, Any] = {
        "num_nodes": pa.array(arrays.num_nodes[rows].astype(np.int64)),
        "num_edges": pa.array(arrays.num_edges[rows].astype(np.int64)),
    }
    for name, dim in dims.items():
        values = getattr(arrays, name)
        if name == "split":
            columns[name] = pa.array(values[rows].astype(np.int8))
        elif name == "y":
            flat = pa.array(values[rows].astype(np.float32).reshape(-1))
            columns[name] = pa.FixedSizeListArray.from_arrays(flat, dim)
        else:
            ptr = (node_ptr if name in NODE_COLUMNS else edge_ptr)[begin : end + 1]
            dtype = (NODE_COLUMNS | EDGE_COLUMNS)[name]
            flat = pa.array(values[ptr[0] : ptr[-1]].astype(dtype).reshape(-1))
            columns[name] = pa.LargeListArray.from_arrays(pa.array((ptr - ptr[0]) * dim), flat)
    return pa.record_batch(columns)


def _read_manifest(root: Path) -> _Manifest:
    path = root / MANIFEST
    if not path.is_file():
        msg = f"{root} holds no {MANIFEST}: it is no set of graphs (made by write_graphs)"
        raise ShardError(msg)
    with read_errors(path):
        data = json.loads(path.read_text())
        if data["version"] > FORMAT_VERSION:
            msg = f"{path} is of format {data['version']}, this distgnn reads {FORMAT_VERSION}"
            raise ShardVersionError(msg)
        entries = {name: FileEntry(**entry) for name, entry in data.pop("files").items()}
        return _Manifest(**data, files=entries)


def _open_part(root: Path, name: str, manifest: _Manifest) -> _Part:
    path, entry = root / name, manifest.files[name]
    with read_errors(path):
        found = path.stat().st_size
        if found != entry.bytes:
            msg = (
                f"{path} has {found:,} bytes, but {entry.bytes:,} were written: it is cut off or "
                "was changed; copy the set again, or write it again"
            )
            raise ShardCorruptError(msg)
        with pa.memory_map(str(path)) as file:
            batch = pa.ipc.open_file(file).get_batch(0)
    values, pointers = {}, {}
    for column in ("num_nodes", "num_edges", *manifest.dims):
        array, dim = batch.column(column), manifest.dims.get(column, 1)
        is_list = not pa.types.is_integer(array.type)
        flat = (array.flatten() if is_list else array).to_numpy()
        values[column] = flat.reshape(-1, dim) if column in MATRICES else flat
        if column in ("num_nodes", "num_edges"):
            pointers[column] = np.r_[0, np.cumsum(flat)].astype(np.int64)
    return _Part(values, pointers["num_nodes"], pointers["num_edges"])
