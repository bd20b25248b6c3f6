"""The manifest of a sharded graph, `graph.json`: what the directory holds, and how it was made."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import xxhash
from pydantic import TypeAdapter, ValidationError

from distgnn.exceptions import ShardCorruptError, ShardError, ShardVersionError
from distgnn.schema import EdgeType, GraphSchema, NodeType, edge_key

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = "distgnn-shards"
FORMAT_VERSION = 1
"""Raised when a reader of the version before could not read what is written now."""

MANIFEST_NAME = "graph.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEntry:
    """What `graph.json` says of one Arrow file."""

    bytes: int
    rows: int
    """Nodes of a node file, owned destinations of an edge file."""
    checksum: str
    """xxh3_128 of the whole file, 32 hexadecimal digits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HowMade:
    """How the graph was partitioned."""

    method: str
    balance: str
    """What the parts were balanced by: nodes, edges or train."""
    seed: int
    version: str
    """Version of distgnn that wrote the shards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestInfo:
    """What the writer cannot know by itself: given to `ShardWriter.commit`."""

    name: str
    fingerprint: str
    """Content hash of the raw graph (`RawGraph.fingerprint`), independent of the partitioning."""
    method: str
    balance: str = "nodes"
    seed: int = 0
    stats: dict[str, float] = field(default_factory=dict)
    """What the partitioner measured: `edge_cut` (share of edges), `balance` (largest / mean)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The content of `graph.json`."""

    name: str
    fingerprint: str
    """Content hash of the raw graph, independent of the partitioning."""
    schema: GraphSchema
    num_parts: int
    node_offsets: dict[str, tuple[int, ...]]
    """By node type, num_parts + 1 numbers: part p owns the global ids offsets[p]:offsets[p + 1]."""
    edge_counts: dict[str, tuple[int, ...]]
    """For each edge type (by `edge_key`) the number of edges whose destination each part owns."""
    files: dict[str, FileEntry]
    """By path relative to the directory of the graph, with forward slashes."""
    made: HowMade
    stats: dict[str, float]

    def offsets(self, node_type: NodeType) -> tuple[int, ...]:
        """Return the num_parts + 1 bounds of the parts' id ranges (see `node_offsets`)."""
        return self.node_offsets[self.schema.node(node_type).type]

    def num_nodes(self, node_type: NodeType) -> int:
        """Return the number of nodes of one type."""
        return self.offsets(node_type)[-1]

    def num_edges(self, edge_type: EdgeType) -> int:
        """Return the number of edges of one type."""
        return sum(self.edge_counts[edge_key(self.schema.edge(edge_type).type)])


# Built once: it costs milliseconds, and opening a graph should cost one.
_MANIFEST = TypeAdapter(Manifest)


def part_folder(part: int) -> str:
    """Return the folder of part `part` (from 0), relative to the graph."""
    return f"part-{part:05d}"


def node_file(part: int, node_type: NodeType) -> str:
    """Return the path, relative to the graph, of the nodes of one type in one part."""
    return f"{part_folder(part)}/nodes/{_file_name(node_type)}"


def edge_file(part: int, edge_type: EdgeType) -> str:
    """Return the path, relative to the graph, of the edges of one type into one part."""
    return f"{part_folder(part)}/edges/{_file_name(edge_key(edge_type))}"


def _file_name(type_name: str) -> str:
    """Return a file name for any type name: slashes and the like become %2F."""
    return f"{quote(type_name, safe='')}.arrow"


def expected_files(schema: GraphSchema, num_parts: int) -> list[str]:
    """Return the paths of all Arrow files of a graph, part by part."""
    return [
        path
        for part in range(num_parts)
        for path in (
            *(node_file(part, node_type) for node_type in schema.node_types),
            *(edge_file(part, edge_type) for edge_type in schema.edge_types),
        )
    ]


def dump_manifest(manifest: Manifest) -> bytes:
    """Return the text of `graph.json`: format mark, manifest, checksum of both."""
    body: dict[str, Any] = {"format": FORMAT, "format_version": FORMAT_VERSION}
    body |= _MANIFEST.dump_python(manifest, mode="json")
    body["checksum"] = _checksum(body)
    return (json.dumps(body, indent=2) + "\n").encode()


def load_manifest(root: Path) -> Manifest:
    """Read and check `graph.json` in the directory `root`.

    Raises:
        ShardError: there is no such file, or it belongs to another program.
        ShardVersionError: it was written in a newer format.
        ShardCorruptError: it is cut off or damaged.
    """
    path = root / MANIFEST_NAME
    body = _parse(path, _read(path, root))
    _check_format(path, body)
    if body.pop("checksum", None) != _checksum(body):
        msg = f"{path} was changed after it was written: its checksum does not fit. {_REMAKE}"
        raise ShardCorruptError(msg)
    try:
        manifest = _MANIFEST.validate_python(body)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(step) for step in first["loc"])
        msg = f"{path} is damaged at {where!r}: {first['msg']}. {_REMAKE}"
        raise ShardCorruptError(msg) from error
    _check_sums(path, manifest)
    return manifest


_REMAKE = (
    "Copy the graph again from where it came, or partition it again (`distgnn partition ... "
    "--overwrite`)."
)


def _checksum(body: dict[str, Any]) -> str:
    """Return xxh3_128 of the canonical text of `body`, the manifest without its checksum."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return xxhash.xxh3_128_hexdigest(text.encode())


def _read(path: Path, root: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        if not root.exists():
            msg = (
                f"there is no graph at {root}: no such directory. Check the path, or make it "
                "with `distgnn partition`."
            )
        else:
            msg = (
                f"{root} holds no {MANIFEST_NAME}, so it is no partitioned graph. Give the "
                "directory that "
                "`distgnn partition` wrote, not one of its parts or a folder of raw tables."
            )
        raise ShardError(msg) from error
    except OSError as error:
        msg = (
            f"cannot read {path}: {error.strerror}. Check that you may read this file and its "
            "folders."
        )
        raise ShardError(msg) from error


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        msg = f"{path} is cut off or damaged: it is not valid JSON ({error}). {_REMAKE}"
        raise ShardCorruptError(msg) from error
    if not isinstance(body, dict):
        msg = (
            f"{path} is not a manifest of distgnn: it holds a JSON {type(body).__name__}, not an "
            "object."
        )
        raise ShardError(msg)
    return body


def _check_format(path: Path, body: dict[str, Any]) -> None:
    """Refuse files of other programs and of newer versions before anything else is read."""
    found, version = body.pop("format", None), body.pop("format_version", None)
    if found != FORMAT:
        msg = (
            f'{path} is not a manifest of distgnn: its "format" is {found!r}, not {FORMAT!r}. '
            "Give the directory that `distgnn partition` wrote."
        )
        raise ShardError(msg)
    if not isinstance(version, int) or version < 1:
        msg = (
            f'{path} is damaged: its "format_version" is {version!r}, not a positive number. '
            f"{_REMAKE}"
        )
        raise ShardCorruptError(msg)
    if version > FORMAT_VERSION:
        msg = (
            f"{path} is written in format version {version}; this distgnn reads versions up to "
            f"{FORMAT_VERSION}. "
            "Install a newer distgnn (`pip install -U distgnn`), or partition the graph again "
            "with this one."
        )
        raise ShardVersionError(msg)
    body |= {"format": found, "format_version": version}


def _check_sums(path: Path, manifest: Manifest) -> None:
    """Check that the numbers of a manifest agree with one another.

    Raises:
        ShardCorruptError: they do not.
    """
    problem = _problem(manifest)
    if problem:
        msg = f"{path} contradicts itself: {problem}. {_REMAKE}"
        raise ShardCorruptError(msg)


def _problem(manifest: Manifest) -> str | None:
    """Return the first contradiction, or None."""
    schema, parts = manifest.schema, manifest.num_parts
    if parts < 1:
        return f"it names {parts} parts"
    if set(manifest.node_offsets) != set(schema.node_types):
        return "the types in node_offsets are not those of the schema"
    if set(manifest.edge_counts) != {edge_key(edge_type) for edge_type in schema.edge_types}:
        return "the types in edge_counts are not those of the schema"
    if set(manifest.files) != set(expected_files(schema, parts)):
        return "the listed files are not those of its schema and parts"
    for name, offsets in manifest.node_offsets.items():
        if len(offsets) != parts + 1 or offsets[0] != 0 or sorted(offsets) != list(offsets):
            return f"the id ranges of node type {name!r} are {list(offsets)}"
    for name, counts in manifest.edge_counts.items():
        if len(counts) != parts or min(counts) < 0:
            return f"the edge counts of {name!r} are {list(counts)}"
    for part in range(parts):
        for node_type in schema.node_types:
            rows = (
                manifest.node_offsets[node_type][part + 1] - manifest.node_offsets[node_type][part]
            )
            if manifest.files[node_file(part, node_type)].rows != rows:
                return f"the rows of {node_file(part, node_type)} are not its id range of {rows}"
        for edge_type in schema.edge_types:
            rows = manifest.files[node_file(part, edge_type[2])].rows
            if manifest.files[edge_file(part, edge_type)].rows != rows:
                return f"the rows of {edge_file(part, edge_type)} are not its {rows} destinations"
    return None
