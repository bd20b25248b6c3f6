"""Reading all of a sharded graph to find damage: what `distgnn verify` does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import xxhash
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from distgnn.exceptions import ShardCorruptError
from distgnn.schema import SPLITS, edge_key
from distgnn.shards.columns import list_view
from distgnn.shards.manifest import edge_file, load_manifest, node_file
from distgnn.shards.reader import REFETCH, ShardedGraph, read_errors
from distgnn.shards.views import SparseRows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    from distgnn.schema import EdgeSchema, LabelSpec, NodeSchema
    from distgnn.shards.manifest import Manifest
    from distgnn.shards.views import EdgeShard

    Int64s = npt.NDArray[np.int64]

BLOCK_BYTES = 1 << 24
BLOCK_EDGES = 1 << 22
"""Edges looked at together; bounds the memory of the checks to some hundred MB."""

NAMED_FILES = 5
"""Damaged files that a message names; of the others it gives the number."""


def verify(path: Path | str, *, progress: bool = True) -> None:
    """Read every file of the graph in directory `path` and check that it is what was written.

    First the checksums of all files, then what they hold: `index` and `eid` are permutations,
    offsets rise, sources exist, in-neighbours are in order, labels and splits are in range, counts
    add up.

    Args:
        path: Directory of the graph.
        progress: Whether to show a progress bar (on stderr).

    Raises:
        ShardError: there is no graph, or a file is missing or unreadable.
        ShardVersionError: the graph is of a newer format.
        ShardCorruptError: something is damaged; the message names the files.
    """
    root = Path(path).absolute()
    manifest = load_manifest(root)
    total = sum(entry.bytes for entry in manifest.files.values())
    with _bar(shown=progress) as bar:
        checksums = bar.add_task("checksums", total=total)
        _check_checksums(root, manifest, lambda done: bar.advance(checksums, done))
        contents = bar.add_task("contents", total=total)
        for done in _check_contents(ShardedGraph.open(root)):
            bar.advance(contents, manifest.files[done].bytes)


def _bar(*, shown: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(stderr=True), disable=not shown)


def _check_checksums(root: Path, manifest: Manifest, advance: Callable[[int], None]) -> None:
    damaged = []
    for relative, entry in manifest.files.items():
        path = root / relative
        with read_errors(path):
            found, size = file_checksum(path, advance), path.stat().st_size
        if size != entry.bytes:
            damaged.append(f"{path} has {size:,} bytes instead of {entry.bytes:,}")
        elif found != entry.checksum:
            damaged.append(f"{path} has other bytes than were written")
    if damaged:
        more = f" and {len(damaged) - NAMED_FILES} more" if len(damaged) > NAMED_FILES else ""
        msg = f"{len(damaged)} of {len(manifest.files)} files are damaged: "
        msg += f"{'; '.join(damaged[:NAMED_FILES])}{more}. {REFETCH}"
        raise ShardCorruptError(msg)


def file_checksum(path: Path, advance: Callable[[int], None] = lambda _: None) -> str:
    """Return xxh3_128 of the file at `path`; `advance` is told the bytes of each block."""
    digest = xxhash.xxh3_128()
    with path.open("rb", buffering=0) as file:
        buffer = bytearray(BLOCK_BYTES)
        while size := file.readinto(buffer):
            digest.update(memoryview(buffer)[:size])
            advance(size)
    return digest.hexdigest()


def _check_contents(graph: ShardedGraph) -> Iterator[str]:
    """Check all files, yielding the relative path of each when it is done."""
    for node in graph.schema.nodes:
        seen = _Permutation(graph.num_nodes(node.type))
        for part in range(graph.num_parts):
            path = node_file(part, node.type)
            _check_nodes(graph, node, part)
            seen.add(graph.nodes(node.type, part).index, f"{path}: index")
            yield path
        seen.check(f"column 'index' of node type {node.type!r}")
    for edge in graph.schema.edges:
        seen = _Permutation(graph.num_edges(edge.type))
        index = graph.column(edge.type[0], "index")
        for part in range(graph.num_parts):
            path = edge_file(part, edge.type)
            _check_edges(graph, edge, part, index)
            seen.add(graph.edges(edge.type, part).eid, f"{path}: eid")
            yield path
        seen.check(f"column 'eid' of edge type {edge_key(edge.type)!r}")


def _check_nodes(graph: ShardedGraph, schema: NodeSchema, part: int) -> None:
    where, nodes = node_file(part, schema.type), graph.nodes(schema.type, part)
    nodes.columns.validate(full=True)
    if nodes.split is not None:
        _check_range(nodes.split, -1, max(SPLITS.values()), f"{where}: split")
    if nodes.y is not None:
        _check_labels(nodes.y, schema.label, f"{where}: y")
    if isinstance(nodes.x, SparseRows):
        _check_sparse(nodes.x, nodes.column("x"), f"{where}: x")


def _check_edges(graph: ShardedGraph, schema: EdgeSchema, part: int, index: Int64s) -> None:
    where, edges = edge_file(part, schema.type), graph.edges(schema.type, part)
    count = graph.manifest.edge_counts[edge_key(schema.type)][part]
    if edges.num_edges != count:
        _fail(f"{where} holds {edges.num_edges} edges, but the manifest says {count}")
    _check_offsets(edges.indptr, f"{where}: src")
    for name in edges.columns.schema.names:
        if not np.array_equal(list_view(edges.columns.column(name), where)[0], edges.indptr):
            _fail(f"{where}: the lists of {name!r} have other lengths than those of 'src'")
    edges.columns.validate(full=True)
    _check_range(edges.src, 0, len(index) - 1, f"{where}: src")
    _check_order(edges, index, where)
    if edges.y is not None:
        _check_labels(edges.y, schema.label, f"{where}: y")
    if isinstance(edges.edge_attr, SparseRows):
        _check_sparse(edges.edge_attr, edges.column("edge_attr"), f"{where}: edge_attr")


def _check_order(edges: EdgeShard, index: Int64s, where: str) -> None:
    """Check that in-neighbours rise by (time,) index and eid, in blocks of adjacent pairs."""
    for start in range(0, edges.num_edges - 1, BLOCK_EDGES):
        stop = min(start + BLOCK_EDGES, edges.num_edges - 1)
        first, second = slice(start, stop), slice(start + 1, stop + 1)
        by_index, by_eid = index[edges.src[start : stop + 1]], edges.eid
        wrong = by_index[:-1] > by_index[1:]
        wrong |= (by_index[:-1] == by_index[1:]) & (by_eid[first] >= by_eid[second])
        if edges.time is not None:
            wrong &= edges.time[first] == edges.time[second]
            wrong |= edges.time[first] > edges.time[second]
        # The last edge of one row and the first of the next are no pair.
        low, high = np.searchsorted(edges.indptr, [start, stop], side="right")
        wrong[edges.indptr[low:high] - start - 1] = False
        if wrong.any():
            row = int(np.searchsorted(edges.indptr, start + int(wrong.argmax()), side="right")) - 1
            _fail(f"{where}: the in-neighbours of row {row} are not in order")


def _check_labels(y: npt.NDArray[Any], spec: LabelSpec | None, where: str) -> None:
    if spec is not None and spec.kind == "class":
        _check_range(y, -1, spec.dim - 1, where)
    elif spec is not None and spec.kind == "multilabel" and y.dtype == np.int8:
        _check_range(y, -1, 1, where)


def _check_sparse(x: SparseRows, column: Any, where: str) -> None:
    _check_offsets(x.indptr, where)
    if not np.array_equal(list_view(column.field("values"), where)[0], x.indptr):
        _fail(f"{where}: its indices and its values have rows of different lengths")
    _check_range(x.indices, 0, x.dim - 1, f"{where}.indices")
    falls = np.diff(x.indices) <= 0
    starts = x.indptr[(x.indptr > 0) & (x.indptr < len(x.indices))]
    falls[starts - 1] = False
    if falls.any():
        _fail(f"{where}: the indices of a row do not rise")


def _check_offsets(offsets: Int64s, where: str) -> None:
    if offsets[0] != 0 or (np.diff(offsets) < 0).any():
        _fail(f"{where}: the offsets do not rise from 0")


def _check_range(values: npt.NDArray[Any], low: int, high: int, where: str) -> None:
    if len(values) and (values.min() < low or values.max() > high):
        _fail(f"{where} holds values {values.min()} to {values.max()}, outside {low} to {high}")


def _fail(problem: str) -> None:
    msg = (
        f"{problem}, although its checksum is right: it was written so, by a faulty program or "
        "by hand. "
        "Partition the graph again (`distgnn partition ... --overwrite`)."
    )
    raise ShardCorruptError(msg)


class _Permutation:
    """Checks, in constant memory, that numbers seen in pieces are 0 to n - 1, each once.

    They are if all lie in that range and a 64-bit hash, summed over them, is that of the range: a
    wrong list passes by chance once in 2^64. The hash is the finalizer of splitmix64 (Steele, Lea,
    Flood, OOPSLA 2014, figure 16).
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._seen = 0
        self._sum = 0

    def add(self, values: Int64s, where: str) -> None:
        """Take the next piece."""
        _check_range(values, 0, self._count - 1, where)
        self._seen += len(values)
        self._sum += _hash_sum(values)

    def check(self, where: str) -> None:
        """Check the pieces taken together."""
        wanted = 0
        for start in range(0, self._count, BLOCK_EDGES):
            wanted += _hash_sum(np.arange(start, min(start + BLOCK_EDGES, self._count)))
        if self._seen != self._count or self._sum % 2**64 != wanted % 2**64:
            _fail(f"{where} does not hold each of 0 to {self._count - 1} once")


def _hash_sum(values: Int64s) -> int:
    total = 0
    for start in range(0, len(values), BLOCK_EDGES):
        z = values[start : start + BLOCK_EDGES].astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        total += int((z ^ (z >> np.uint64(31))).sum(dtype=np.uint64))
    return total
