"""Directories that are complete or absent, and files checksummed while they are written."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import glob
import os
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Self

import xxhash

from distgnn.exceptions import OutputExistsError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

_RENAME_EXCHANGE = 2
_AT_FDCWD = -100


class AtomicDirectory:
    """A directory written beside its final name and renamed when it is complete.

    Whatever happens before `commit`, the final name stays as it was. A process that is killed
    leaves only a hidden sibling ``.<name>.<random>.partial``; the next writer of the same name
    removes it (it tells by a lock that dies with its process).
    """

    def __init__(self, out: Path, *, marker: str, overwrite: bool) -> None:
        """Check that `out` may be written.

        Args:
            out: The final name.
            marker: Name of a file that every such directory holds; nothing without it is ever
                replaced.
            overwrite: Whether a complete directory may be replaced.

        Raises:
            OutputExistsError: `out` exists, and may not be replaced.
        """
        self.out = out.resolve()
        self.path = self.out.with_name(f".{self.out.name}.{secrets.token_hex(4)}.partial")
        self._marker = marker
        self._overwrite = overwrite
        self._lock = -1
        with storage_errors(self.out):
            self._check_out()

    def __enter__(self) -> Self:
        with storage_errors(self.out):
            self.out.parent.mkdir(parents=True, exist_ok=True)
            self._remove_abandoned()
            self.path.mkdir()
            self._lock = os.open(self.path, os.O_RDONLY)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # After a commit this removes the directory that was replaced, if there was one.
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def commit(self) -> None:
        """Give the directory its final name, after everything in it has reached the disk.

        Raises:
            OutputExistsError: another process made `out` in the meantime.
            StorageError: the disk failed.
        """
        with storage_errors(self.out):
            for folder, _, _ in os.walk(self.path, topdown=False):
                sync(Path(folder))
        self._check_out()
        with storage_errors(self.out):
            if self.out.exists():
                _exchange(self.path, self.out)
            else:
                self.path.rename(self.out)
            sync(self.out.parent)

    def _check_out(self) -> None:
        if not self.out.exists():
            return
        if not self._overwrite:
            msg = (
                f"{self.out} exists already. Choose another output, or pass --overwrite to "
                "replace it."
            )
            raise OutputExistsError(msg)
        if not self.out.is_dir() or (
            any(self.out.iterdir()) and not (self.out / self._marker).is_file()
        ):
            msg = (
                f"{self.out} is not replaced, although overwriting was asked for: it holds no "
                f"{self._marker}, so it "
                "is something else than a graph of distgnn. Choose another output, or remove it "
                "yourself."
            )
            raise OutputExistsError(msg)

    def _remove_abandoned(self) -> None:
        """Remove what killed writers of the same name left: directories whose lock nobody holds.

        An empty one is left alone: its writer may be about to lock it.
        """
        for path in self.out.parent.glob(f".{glob.escape(self.out.name)}.*.partial"):
            if not any(path.iterdir()):
                continue
            handle = os.open(path, os.O_RDONLY)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
            except BlockingIOError:
                pass
            finally:
                os.close(handle)


class ChecksumFile:
    """A new file that counts and checksums (xxh3_128) what is written to it; pyarrow's sink."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = path.open("xb", buffering=0)
        self._hash = xxhash.xxh3_128()
        self.num_bytes = 0

    @property
    def closed(self) -> bool:
        """Whether the file is closed (pyarrow asks)."""
        return self._file.closed

    @property
    def checksum(self) -> str:
        """xxh3_128 of everything written so far, 32 hexadecimal digits."""
        return self._hash.hexdigest()

    def write(self, data: Any) -> int:
        """Write all of `data` (anything with the buffer protocol); return its number of bytes."""
        view = memoryview(data).cast("B")
        self._hash.update(view)
        done = 0
        while done < len(view):
            # The kernel takes at most 2 GiB at once, and a disk that fills up takes less.
            done += self._file.write(view[done:])
        self.num_bytes += done
        return done

    def flush(self) -> None:
        """Do nothing: nothing is buffered here (pyarrow calls this)."""

    def close(self) -> None:
        """Close the file once its bytes are on the disk (pyarrow calls this too)."""
        if self.closed:
            return
        try:
            os.fsync(self._file.fileno())
        finally:
            self._file.close()


def replace_file(out: Path, data: bytes) -> None:
    """Write `data` to the file `out`, which is afterwards complete, or as it was before.

    Raises:
        StorageError: it cannot be written.
    """
    beside = out.with_name(f".{out.name}.{secrets.token_hex(4)}.partial")
    with storage_errors(out, len(data)):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            beside.write_bytes(data)
            beside.replace(out)
        finally:
            beside.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the entries of a directory, are on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def storage_errors(path: Path, num_bytes: int | None = None) -> Iterator[None]:
    """Turn an OSError into a StorageError: path, bytes needed and free, the next step.

    Args:
        path: What is being written.
        num_bytes: How many bytes that takes, if known.

    Raises:
        StorageError: the code inside raised OSError.
    """
    try:
        yield
    except OSError as error:
        needed = (
            ""
            if num_bytes is None
            else f" ({num_bytes:,} bytes needed, {_free_bytes(path):,} free on this disk)"
        )
        msg = (
            f"cannot write {path}: {error.strerror or error}{needed}. {_next_step(error)} "
            "Nothing partial is left behind."
        )
        raise StorageError(msg) from error


def _next_step(error: OSError) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "Free space on that disk, or choose an output on a larger one."
    if error.errno == errno.EFBIG:
        return "Raise the limit on file sizes (`ulimit -f`), or use more parts."
    if error.errno in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return "Choose a folder that you may write to."
    if error.errno == errno.ENAMETOOLONG:
        return "Shorten the names of node and edge types, or the output's."
    return "Check the disk, or choose another output."


def _free_bytes(path: Path) -> int:
    folder = next(parent for parent in path.absolute().parents if parent.exists())
    return shutil.disk_usage(folder).free


def _exchange(new: Path, old: Path) -> None:
    """Swap two directories: in one step where the kernel can (Linux), else by two renames."""
    renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if renameat2 is not None:
        new_bytes, old_bytes = os.fsencode(new), os.fsencode(old)
        if renameat2(_AT_FDCWD, new_bytes, _AT_FDCWD, old_bytes, _RENAME_EXCHANGE) == 0:
            return
        code = ctypes.get_errno()
        if code not in {errno.ENOSYS, errno.EINVAL}:
            raise OSError(code, os.strerror(code), str(old))
    aside = new.with_suffix(".replaced")
    old.rename(aside)
    try:
        new.rename(old)
    except OSError:
        aside.rename(old)
        raise
    aside.rename(new)
