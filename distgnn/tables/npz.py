"""Numpy archives (.npz): reading arrays, and graphs that name their arrays as is usual."""

from __future__ import annotations

import re
import zipfile
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import TableError, nearest
from distgnn.schema import SPLITS
from distgnn.tables.arrays import EdgeArrays, NodeArrays, from_arrays
from distgnn.tables.edges import EdgeOptions
from distgnn.tables.features import fixed_lists
from distgnn.tables.sparse import CSRFeatures

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    import numpy.typing as npt

    from distgnn.tables.raw_graph import RawGraph


class Archive:
    """A .npz file; arrays are read when they are asked for. Never unpickles."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            TableError: it is missing, or no whole .npz file.
        """
        self.path = path
        try:
            self._stream = path.open("rb")
        except OSError as error:
            msg = f"cannot read {path}: {error.strerror}; check the path"
            raise TableError(msg) from None
        try:
            self._file = self._load()
        except BaseException:
            self._stream.close()  # numpy leaves it open
            raise

    def _load(self) -> Any:
        try:
            file = np.load(self._stream, allow_pickle=False)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(error) from error
        if not isinstance(file, np.lib.npyio.NpzFile):
            msg = f"{self.path} holds one array, not several by name; write it with numpy.savez"
            raise TableError(msg)
        return file

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._stream.close()

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""
        return list(self._file.files)

    def __contains__(self, name: str) -> bool:
        return name in self._file.files

    def get(self, name: str) -> npt.NDArray[Any] | None:
        """Return an array, or None if there is none of that name."""
        if name not in self:
            return None
        return self[name]

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Return an array.

        Raises:
            TableError: there is none of that name, it is damaged, or it holds Python objects.
        """
        if name not in self:
            msg = f"{self.path} has no array {name!r}{nearest(name, self.names)}"
            raise TableError(msg)
        try:
            array: npt.NDArray[Any] = self._file[name]
        except (OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
            raise self._damaged(error) from error
        except ValueError as error:
            msg = (
                f"array {name!r} of {self.path} cannot be read: {error}; arrays of Python objects "
                "would run code when read and are refused, write numbers or text"
            )
            raise TableError(msg) from error
        return array

    def csr(self, prefix: str) -> CSRFeatures:
        """Return the sparse matrix in ``{prefix}_indptr``, ``_indices``, ``_data``, ``_shape``.

        Raises:
            TableError: one of the arrays is missing or damaged.
        """
        parts = [self[f"{prefix}_{part}"] for part in ("indptr", "indices", "data", "shape")]
        indptr, indices, values, shape = parts
        return CSRFeatures(indptr=indptr, indices=indices, values=values, dim=int(shape[1]))

    def _damaged(self, error: Exception) -> TableError:
        msg = (
            f"{self.path} is no whole .npz file ({error}): it is cut off, damaged, or of another "
            "format. Write or copy it again"
        )
        return TableError(msg)


def read_npz(path: Path, *, name: str | None = None) -> RawGraph:
    """Return the homogeneous graph in a .npz file whose arrays have the usual names.

    `edge_index` [2, E], or `edge_index_half` with each undirected edge once (the reverse copies are
    appended); and as far as they are there `x` [N, F] or as CSR `x_indptr`, `x_indices`, `x_data`
    (length 1: all values are equal), `x_shape`; `y` [N]; `train_mask`, `val_mask`, `test_mask` bool
    [N], or `split` [N]; `num_nodes`. Other arrays are left out: name them in a TOML file.

    Args:
        path: The file.
        name: For messages and reports; None: the file's name without ending.

    Raises:
        GraphDataError: values that make no graph.
        TableError: the file is missing or damaged, or an array is missing or of the wrong type.
    """
    with Archive(path) as archive:
        half = "edge_index_half" in archive
        edges = EdgeArrays(
            index=archive["edge_index_half" if half else "edge_index"],
            options=EdgeOptions(undirected=half),
        )
        return from_arrays(npz_nodes(archive), edges, name=name or path.stem)


def npz_nodes(archive: Archive) -> NodeArrays:
    """Return the nodes of an archive whose arrays have the names that `read_npz` knows."""
    masks = {split: archive[f"{split}_mask"] for split in SPLITS if f"{split}_mask" in archive}
    num_nodes = archive.get("num_nodes")
    return NodeArrays(
        x=archive.csr("x") if "x_indptr" in archive else archive.get("x"),
        y=archive.get("y"),
        split=masks or archive.get("split"),
        num_nodes=None if num_nodes is None else int(num_nodes),
    )


_ROW = re.compile(r"(.+)\[(\d+)\]")


def npz_column(archive: Archive, name: str) -> Any:
    """Return an array as an Arrow column.

    Args:
        archive: The file.
        name: Name of an array [n] or [n, k] (a column of lists), or ``array[i]``: row i of an
            array [k, n], for example ``edge_index[0]``.

    Raises:
        TableError: there is no such array or row, or it has another number of dimensions.
    """
    row = _ROW.fullmatch(name)
    if row is None or name in archive:
        values = archive[name]
    else:
        values = archive[row[1]]
        if values.ndim != 2 or int(row[2]) >= len(values):
            msg = f"{archive.path} has no {name!r}: {row[1]!r} has shape {list(values.shape)}"
            raise TableError(msg)
        values = values[int(row[2])]
    if values.ndim not in (1, 2) or (values.ndim == 2 and values.dtype.kind not in "iufb"):
        msg = (
            f"array {name!r} of {archive.path} is {values.dtype} {list(values.shape)}; a column is "
            "an array [n], or [n, k] of numbers"
        )
        raise TableError(msg)
    return pa.array(values) if values.ndim == 1 else fixed_lists(values)
