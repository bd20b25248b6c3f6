"""Files of object stores and web servers, copied to a local cache so that they can be mapped.

A location is a URL of any file system that pyarrow (s3, gs, hdfs, abfs) or fsspec (the others)
opens; credentials and endpoints come from where those look for them, such as the environment
variables ``AWS_ACCESS_KEY_ID`` and ``AWS_ENDPOINT_URL``.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.fs
import xxhash

from distgnn.exceptions import StorageError, TableError

if TYPE_CHECKING:
    from collections.abc import Callable

CACHE_VARIABLE = "DISTGNN_CACHE"
"""Environment variable that names the folder of the cache; by default ~/.cache/distgnn."""

COPY_BYTES = 8 << 20

_URL = re.compile(r"([a-z][a-z0-9+.-]+):/{1,2}([^/].*)", re.DOTALL)


def as_url(path: Path | str) -> str | None:
    """Return the URL that `path` is, or None: it is a local path.

    A `Path` made of a URL has lost one of its slashes, which is put back.
    """
    found = _URL.fullmatch(str(path))
    return None if found is None else f"{found.group(1)}://{found.group(2)}"


def file_system(url: str) -> tuple[Any, str]:
    """Return the file system of a URL (pyarrow's interface), and the path in it.

    Raises:
        TableError: nobody knows this kind of URL.
    """
    try:
        return pa.fs.FileSystem.from_uri(url)  # type: ignore[no-any-return]
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        pass
    try:
        import fsspec

        system, path = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        msg = f"{url} cannot be opened: {error}. Install the fsspec package of that kind of URL"
        raise TableError(msg) from error
    return pa.fs.PyFileSystem(pa.fs.FSSpecHandler(system)), path


def fetch(url: str) -> Path:
    """Return a local copy of a remote file, kept in the cache until the remote one changes.

    Raises:
        StorageError: it cannot be read, or not be written here.
        TableError: there is no such file.
    """
    system, path = file_system(url)
    info = guarded(url, lambda: system.get_file_info(path))
    if info.type == pa.fs.FileType.NotFound:
        msg = f"there is no file {url}; check the address"
        raise TableError(msg)
    key = xxhash.xxh3_64_hexdigest(f"{url} {info.size} {info.mtime_ns}".encode())
    local = cache_folder() / "files" / key / Path(path).name
    if not local.exists():
        download(system, path, local, url)
    return local


def download(system: Any, path: str, local: Path, url: str) -> None:
    """Copy a remote file to a local one, which is complete or absent.

    Raises:
        StorageError: it cannot be read, or not be written here.
    """

    def copy() -> None:
        local.parent.mkdir(parents=True, exist_ok=True)
        beside = local.with_name(f".{local.name}.{secrets.token_hex(4)}.partial")
        try:
            with system.open_input_file(path) as source, beside.open("wb") as sink:
                shutil.copyfileobj(source, sink, COPY_BYTES)
            beside.replace(local)
        finally:
            beside.unlink(missing_ok=True)

    guarded(url, copy)


def list_files(url: str) -> list[str]:
    """Return the URLs of a remote file, of the files of a folder, or those that fit a pattern.

    Raises:
        StorageError: the file system does not answer.
    """
    system, path = file_system(url)
    scheme, options = url.split("://")[0], "".join(url.partition("?")[1:])
    folder, _, name = path.rstrip("/").rpartition("/")
    is_pattern = any(sign in name for sign in "*?[")
    if not is_pattern:
        info = guarded(url, lambda: system.get_file_info(path.rstrip("/")))
        if info.type == pa.fs.FileType.File:
            return [url]
        folder, name = path.rstrip("/"), "*"
    selector = pa.fs.FileSelector(folder, allow_not_found=True)
    found = guarded(url, lambda: system.get_file_info(selector))
    names = sorted(
        item.path
        for item in found
        if item.type == pa.fs.FileType.File
        and fnmatch(item.base_name, name)
        and item.base_name[0] not in "._"
    )
    return [f"{scheme}://{name.removeprefix('/')}{options}" for name in names]


def cache_folder() -> Path:
    """Return the folder of the cache."""
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named) if named else Path.home() / ".cache" / "distgnn"


def guarded(url: str, call: Callable[[], Any]) -> Any:
    """Call a function of a file system; say in its error which URL it was about.

    Raises:
        StorageError: it failed.
    """
    try:
        return call()
    except OSError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        msg = (
            f"cannot read or write {url}: {reason}. Check the address, your credentials and the "
            f"network, and that the cache {cache_folder()} can be written ({CACHE_VARIABLE} names "
            "another)"
        )
        raise StorageError(msg) from error
