"""Reading of TensorFlow checkpoints without TensorFlow.

A checkpoint (a "tensor bundle") is a sorted table, ``PREFIX.index``, from names to where each
tensor lies in the raw files ``PREFIX.data-00000-of-0000N``. The table is LevelDB's:
https://github.com/google/leveldb/blob/main/doc/table_format.md; its values are protocol buffers:
https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/protobuf/tensor_bundle.proto.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.exceptions import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_TRAILER_BYTES = 5  # a byte that names the compression, and a checksum
_DTYPES: dict[int, np.dtype[Any]] = {
    1: np.dtype("<f4"),
    2: np.dtype("<f8"),
    3: np.dtype("<i4"),
    9: np.dtype("<i8"),
}

Message = dict[int, list[int | bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class BundleEntry:
    """Where a tensor lies."""

    dtype: int
    """TensorFlow's number of the type, see `_DTYPES`."""
    shape: tuple[int, ...]
    shard: int
    offset: int
    """First byte in the shard's file."""
    num_bytes: int


def read_index(path: Path) -> tuple[dict[str, BundleEntry], int]:
    """Read the table of a checkpoint.

    Args:
        path: The file ``PREFIX.index``.

    Returns:
        The entry of each name, and the number of data files.

    Raises:
        CheckpointError: The file is missing, is no such table, or is cut off.
    """
    table = _read(path)
    try:
        values = dict(_table(table))
        header = _message(values.pop(b""))
        entries = {name.decode(): _entry(value) for name, value in values.items()}
        return entries, _number(header, 1)
    except (IndexError, KeyError, struct.error, UnicodeDecodeError) as error:
        raise _damaged(path, "it ends early or is no TensorFlow checkpoint") from error


def read_bundle(prefix: Path) -> dict[str, npt.NDArray[np.generic]]:
    """Read all tensors of numbers in a checkpoint.

    Args:
        prefix: Path of the checkpoint, without ``.index`` and ``.data-*``.

    Returns:
        The tensor of each name; what is no tensor of numbers is left out.

    Raises:
        CheckpointError: A file is missing, cut off or of another format.
    """
    entries, num_shards = read_index(prefix.with_name(f"{prefix.name}.index"))
    shards: dict[int, bytes] = {}
    tensors = {}
    for name, entry in entries.items():
        if entry.dtype not in _DTYPES:
            continue
        path = prefix.with_name(f"{prefix.name}.data-{entry.shard:05d}-of-{num_shards:05d}")
        if entry.shard not in shards:
            shards[entry.shard] = _read(path)
        tensors[name] = _tensor(name, entry, shards[entry.shard], path)
    return tensors


def _tensor(name: str, entry: BundleEntry, shard: bytes, path: Path) -> npt.NDArray[np.generic]:
    dtype = _DTYPES[entry.dtype]
    size = int(np.prod(entry.shape, dtype=np.int64))
    if entry.num_bytes != size * dtype.itemsize or entry.offset + entry.num_bytes > len(shard):
        raise _damaged(path, f"{name} of shape {list(entry.shape)} is not in it whole")
    return np.frombuffer(shard, dtype, size, entry.offset).reshape(entry.shape)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        msg = f"{path} is missing: a TensorFlow checkpoint is an .index file and its .data files"
        raise CheckpointError(msg) from error


def _table(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield all keys and values of a sorted table."""
    (magic,) = struct.unpack_from("<Q", data, len(data) - 8)
    if magic != _MAGIC:
        raise KeyError(magic)
    footer = data[-_FOOTER_BYTES:]
    _, at = _handle(footer, 0)
    index, _ = _handle(footer, at)
    for _, value in _block(data, index):
        handle, _ = _handle(value, 0)
        yield from _block(data, handle)


def _block(data: bytes, handle: tuple[int, int]) -> Iterator[tuple[bytes, bytes]]:
    """Yield the keys and values of a block; a key gives what it shares with the one before."""
    offset, size = handle
    compression = data[offset + size]
    if compression != 0 or offset + size + _TRAILER_BYTES > len(data):
        raise KeyError(compression)
    block = data[offset : offset + size]
    (num_restarts,) = struct.unpack_from("<I", block, size - 4)
    end = size - 4 * (num_restarts + 1)
    key, at = b"", 0
    while at < end:
        shared, at = _varint(block, at)
        own, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + own]
        at += own
        yield key, block[at : at + length]
        at += length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = _varint(data, at)
    size, at = _varint(data, at)
    return (offset, size), at


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number of base 128 at `at`, lowest digit first, and the position behind it."""
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _message(data: bytes) -> Message:
    """Return the values of each field of a protocol buffer; nested messages stay bytes."""
    fields: Message = {}
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        field, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == 0:
            value, at = _varint(data, at)
        else:
            size, at = _varint(data, at) if wire == 2 else ({1: 8, 5: 4}[wire], at)
            value = data[at : at + size]
            at += size
        fields.setdefault(field, []).append(value)
    return fields


def _number(message: Message, field: int) -> int:
    value = message.get(field, [0])[0]
    if not isinstance(value, int):
        raise KeyError(field)
    return value


def _nested(message: Message, field: int) -> list[Message]:
    return [_message(value) for value in message.get(field, []) if isinstance(value, bytes)]


def _entry(data: bytes) -> BundleEntry:
    fields = _message(data)
    shape = [_number(dim, 1) for shape in _nested(fields, 2) for dim in _nested(shape, 2)]
    return BundleEntry(
        dtype=_number(fields, 1),
        shape=tuple(shape),
        shard=_number(fields, 3),
        offset=_number(fields, 4),
        num_bytes=_number(fields, 5),
    )


def _damaged(path: Path, what: str) -> CheckpointError:
    msg = f"{path} cannot be read: {what}. Fetch the file once more"
    return CheckpointError(msg)
