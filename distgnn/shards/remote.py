"""Sharded graphs on object stores: read through a local cache, written file by file."""

from __future__ import annotations

import shutil
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import xxhash

from distgnn.exceptions import OutputExistsError, ShardError
from distgnn.shards.manifest import MANIFEST_NAME, load_manifest
from distgnn.tables.remote import (
    COPY_BYTES,
    as_url,
    cache_folder,
    download,
    file_system,
    guarded,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

NUM_STREAMS = 8
"""Files copied at once."""


def local_graph(path: Path | str) -> Path:
    """Return `path`, or for a URL a local copy of the graph there.

    The copy is kept in the cache, and used as long as the manifest at the URL stays the same.

    Raises:
        ShardError: there is no graph at the URL.
        StorageError: it cannot be read, or not be written here.
    """
    url = as_url(path)
    if url is None:
        return Path(path)
    system, root = file_system(url)
    manifest = f"{root}/{MANIFEST_NAME}"
    info = guarded(url, lambda: system.get_file_info(manifest))
    if info.type != pa.fs.FileType.File:
        msg = (
            f"there is no graph at {url}: it holds no {MANIFEST_NAME}. Check the address, or make "
            "it with `distgnn partition`"
        )
        raise ShardError(msg)
    with guarded(url, lambda: system.open_input_file(manifest)) as source:
        text = source.read()
    key = xxhash.xxh3_128_hexdigest(url.encode() + text)
    local = cache_folder() / "graphs" / key / Path(root).name
    if (local / MANIFEST_NAME).exists():
        return local
    local.mkdir(parents=True, exist_ok=True)
    (local / f"{MANIFEST_NAME}.partial").write_bytes(text)
    _download_files(system, root, local, url)
    # Last: it says that all files are there.
    (local / f"{MANIFEST_NAME}.partial").replace(local / MANIFEST_NAME)
    return local


@contextmanager
def output_folder(out: Path | str, *, overwrite: bool) -> Iterator[Path]:
    """Give the folder to write a graph to: `out`, or for a URL one that is uploaded at the end.

    The manifest is uploaded last, so that a graph is there once it is complete.

    Args:
        out: A local directory, or a URL.
        overwrite: Whether a graph at a URL may be replaced.

    Raises:
        OutputExistsError: there is a graph at the URL, and it may not be replaced.
        StorageError: the URL cannot be written.
    """
    url = as_url(out)
    if url is None:
        yield Path(out)
        return
    system, root = file_system(url)
    manifest = f"{root}/{MANIFEST_NAME}"
    exists = guarded(url, lambda: system.get_file_info(manifest)).type == pa.fs.FileType.File
    if exists and not overwrite:
        msg = f"{url} exists already. Choose another output, or pass --overwrite to replace it."
        raise OutputExistsError(msg)
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        local = Path(folder, Path(root).name)
        yield local
        if exists:
            guarded(url, lambda: system.delete_file(manifest))
        files = sorted(p for p in local.rglob("*") if p.is_file() and p.name != MANIFEST_NAME)
        for file in [*files, local / MANIFEST_NAME]:
            target = f"{root}/{file.relative_to(local).as_posix()}"
            guarded(url, lambda: _upload(system, file, target))  # noqa: B023 - called at once


def _upload(system: pa.fs.FileSystem, file: Path, target: str) -> None:
    system.create_dir(target.rpartition("/")[0], recursive=True)
    with file.open("rb") as source, system.open_output_stream(target) as sink:
        shutil.copyfileobj(source, sink, COPY_BYTES)


def _download_files(system: pa.fs.FileSystem, root: str, local: Path, url: str) -> None:
    """Copy the files that the manifest names and that are not there yet."""
    staged = local.parent / "manifest"
    staged.mkdir(exist_ok=True)
    shutil.copyfile(local / f"{MANIFEST_NAME}.partial", staged / MANIFEST_NAME)
    names = list(load_manifest(staged).files)
    with ThreadPoolExecutor(NUM_STREAMS) as pool:
        copies = [
            pool.submit(download, system, f"{root}/{name}", local / name, f"{url}/{name}")
            for name in names
            if not (local / name).exists()
        ]
        for copy in copies:
            copy.result()
