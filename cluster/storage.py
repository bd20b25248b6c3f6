"""Where Ray Train keeps copies of checkpoints: any place that pyarrow or fsspec can open."""

from __future__ import annotations

from typing import TYPE_CHECKING

import fsspec
import pyarrow as pa
from pyarrow import fs

from distgnn.exceptions import ConfigError, OutputExistsError

if TYPE_CHECKING:
    from pathlib import Path


def open_storage(uri: str) -> tuple[fs.FileSystem, str]:
    """Return the file system of `uri` and the path in it.

    Raises:
        ConfigError: neither pyarrow nor fsspec knows such a URI, or it cannot be reached.
    """
    try:
        filesystem, path = fs.FileSystem.from_uri(uri)
    except (pa.ArrowInvalid, OSError) as first:
        try:
            opened, path = fsspec.core.url_to_fs(uri)
        except (ValueError, ImportError, OSError) as error:
            msg = (
                f"cluster.storage = {uri!r} cannot be opened: {first}; {error}. Give a folder or "
                "a URI such as s3://bucket/folder"
            )
            raise ConfigError(msg) from error
        filesystem = fs.PyFileSystem(fs.FSSpecHandler(opened))
    return filesystem, path.rstrip("/")


def check_storage(uri: str, run_dir: Path, *, resume: bool) -> None:
    """Refuse to begin a run where the storage holds one of the same name.

    Raises:
        OutputExistsError: it does, and `resume` is False.
    """
    filesystem, path = open_storage(uri)
    place = f"{path}/{run_dir.name}"
    if not resume and filesystem.get_file_info(place).type != fs.FileType.NotFound:
        msg = (
            f"cluster.storage = {uri!r} holds checkpoints of a run {run_dir.name!r} already: "
            "continue it with --resume, or choose another run_dir or storage"
        )
        raise OutputExistsError(msg)
