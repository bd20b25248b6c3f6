"""Sparse feature columns: struct<indices: list<int32>, values: list<dtype>>, never made dense.

Legend: n rows, nnz stored values, dim features.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import GraphDataError, TableError
from distgnn.schema import FeatureSpec
from distgnn.tables.convert import first_null, is_list
from distgnn.tables.values import convert, misfits, refuse_value, storage_type, stored_dtype

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from distgnn.schema import FeatureDtype
    from distgnn.tables.source import SourceTable

MAX_CHUNK = 2**31 - 1
"""Stored values in one chunk: Arrow's lists have 32-bit offsets."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CSRFeatures:
    """Sparse features of n rows as the three arrays of a CSR matrix."""

    indptr: npt.NDArray[Any]
    """Integers [n + 1]: row r has the values ``indptr[r]:indptr[r + 1]``."""
    indices: npt.NDArray[Any]
    """Integers [nnz], from 0 to dim - 1, each once a row."""
    values: npt.NDArray[Any]
    """Numbers [nnz]; one number stands for nnz equal ones."""
    dim: int
    """Number of features, stored or not."""

    @property
    def num_rows(self) -> int:
        """Number of rows n."""
        return max(len(self.indptr) - 1, 0)


def sparse_features(
    csr: CSRFeatures, source: SourceTable, name: str, dtype: FeatureDtype | None
) -> tuple[FeatureSpec, Any]:
    """Return sparse features in their canonical form, indices rising within each row.

    Args:
        csr: The features.
        source: Where they are from, for messages.
        name: The column's name, for messages.
        dtype: Type in storage; None: as it is.

    Returns:
        The spec, and a ChunkedArray of struct<indices: list<int32>, values: list<dtype>>.

    Raises:
        GraphDataError: an index outside 0 to dim - 1 or twice in a row, NaN or infinity.
        TableError: the three arrays do not fit together.
    """
    where = f"feature column {name!r} of {source.what}"
    indptr, indices = _checked_shape(csr, where)
    stored = dtype or stored_dtype(csr.values.dtype)
    values = convert(csr.values, stored)
    bad = misfits(csr.values, values, stored)
    if bad.any() and len(indices):
        first = int(bad.argmax())
        row = _row(indptr, first)
        refuse_value(csr.values[first], stored, where, source, row, int(indices[first]))
    if len(values) != len(indices):
        values = np.broadcast_to(values, indices.shape)
    order = _row_order(indptr, indices)
    if order is not None:
        indices, values = indices[order], values[order]
    csr = CSRFeatures(indptr=indptr, indices=indices, values=values, dim=csr.dim)
    _check_indices(csr, where, source)
    chunks = [_struct(part, stored) for part in _split(csr)]
    return FeatureSpec(dim=csr.dim, dtype=stored, sparse=True), pa.chunked_array(
        chunks, type=sparse_type(stored)
    )


def sparse_type(dtype: FeatureDtype) -> Any:
    """Return the Arrow type of a sparse feature column."""
    indices, values = pa.list_(pa.int32()), pa.list_(storage_type(dtype))
    return pa.struct([("indices", indices), ("values", values)])


def csr_of_lists(
    indices: Any, values: Any | None, dim: int, source: SourceTable, names: tuple[str, str | None]
) -> CSRFeatures:
    """Return the features that two list columns hold.

    Args:
        indices: Lists of integers.
        values: Lists of numbers of the same lengths; None: all are 1.
        dim: Number of features.
        source: Where they are from, for messages.
        names: Names of the two columns, for messages.

    Raises:
        GraphDataError: a list is null or holds nulls, or a row has more indices than values.
        TableError: a column does not hold lists of numbers.
    """
    indptr, flat = _lists(indices, names[0], source, integers=True)
    if values is None:
        return CSRFeatures(indptr=indptr, indices=flat, values=np.ones(1, np.float32), dim=dim)
    other, numbers = _lists(values, names[1] or "", source, integers=False)
    wrong = np.flatnonzero(np.diff(indptr) != np.diff(other))
    if len(wrong):
        row = int(wrong[0])
        msg = (
            f"the sparse features of {source.what} have {np.diff(indptr)[row]} indices in column "
            f"{names[0]!r} but {np.diff(other)[row]} values in column {names[1]!r} in "
            f"{source.at(row)}; each index needs its value"
        )
        raise GraphDataError(msg)
    return CSRFeatures(indptr=indptr, indices=flat, values=numbers, dim=dim)


def _lists(
    column: Any, name: str, source: SourceTable, *, integers: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Return a list column as offsets int64 [n + 1] and values [nnz]."""
    kind = "integers" if integers else "numbers"
    where = f"column {name!r} of {source.what}"
    value = column.type.value_type if is_list(column.type) else pa.null()
    if not (
        pa.types.is_integer(value)
        or (not integers and (pa.types.is_floating(value) or pa.types.is_boolean(value)))
    ):
        msg = (
            f"{where} has Arrow type {column.type}, but sparse features need a list of {kind} in "
            "each row"
        )
        raise TableError(msg)
    row = first_null(column)
    if row is not None or any(chunk.flatten().null_count for chunk in column.chunks):
        at = "" if row is None else f" in {source.at(row)}"
        msg = f"{where} holds a null{at}; a row without features has an empty list"
        raise GraphDataError(msg)
    lengths = [
        np.full(len(chunk), chunk.type.list_size)
        if pa.types.is_fixed_size_list(chunk.type)
        else np.diff(chunk.offsets.to_numpy())
        for chunk in column.chunks
    ]
    indptr = np.zeros(len(column) + 1, np.int64)
    if lengths:
        np.cumsum(np.concatenate(lengths), out=indptr[1:])
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in column.chunks]
    return indptr, np.concatenate(flat) if flat else np.empty(0, value.to_pandas_dtype())


def _checked_shape(
    csr: CSRFeatures, where: str
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Return indptr as int64 and indices as integers that fit together."""
    indptr = csr.indptr.astype(np.int64, copy=False)
    fits = (
        len(indptr) > 0
        and indptr[0] == 0
        and indptr[-1] == len(csr.indices)
        and bool((np.diff(indptr) >= 0).all())
        and len(csr.values) in (1, len(csr.indices))
        and csr.indices.dtype.kind in "iu"
        and csr.values.dtype.kind in "iufb"
    )
    if not fits:
        msg = (
            f"{where} is no CSR matrix: indptr must rise from 0 to the number of indices, indices "
            f"be integers and values numbers, one an index (found {len(indptr)} {indptr.dtype} "
            f"indptr, {len(csr.indices)} {csr.indices.dtype} indices, {len(csr.values)} "
            f"{csr.values.dtype} values)"
        )
        raise TableError(msg)
    return indptr, csr.indices


def _row_order(
    indptr: npt.NDArray[np.int64], indices: npt.NDArray[Any]
) -> npt.NDArray[np.int64] | None:
    """Return the order that sorts the indices of each row, or None if they are sorted."""
    if len(indices) < 2:
        return None
    starts = np.zeros(len(indices) + 1, np.bool_)
    starts[indptr] = True
    if bool(((indices[1:] >= indices[:-1]) | starts[1:-1]).all()):
        return None
    rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return np.lexsort((indices, rows))


def _check_indices(csr: CSRFeatures, where: str, source: SourceTable) -> None:
    if len(csr.indices) == 0:
        return
    if csr.indices.min() < 0 or csr.indices.max() >= csr.dim:
        position = int(((csr.indices < 0) | (csr.indices >= csr.dim)).argmax())
        at = source.at(_row(csr.indptr, position))
        msg = (
            f"{where} has index {csr.indices[position]} in {at}, but dim is {csr.dim}: indices go "
            "from 0 to dim - 1. Set dim to the number of features"
        )
        raise GraphDataError(msg)
    twice = csr.indices[1:] == csr.indices[:-1]
    starts = np.zeros(len(csr.indices) + 1, np.bool_)
    starts[csr.indptr] = True
    twice &= ~starts[1:-1]
    if twice.any():
        position = int(twice.argmax())
        msg = (
            f"{where} has index {csr.indices[position]} twice in "
            f"{source.at(_row(csr.indptr, position))}; add up or drop the duplicates"
        )
        raise GraphDataError(msg)


def _row(indptr: npt.NDArray[np.int64], position: int) -> int:
    """Return the row that the stored value at `position` belongs to."""
    return int(np.searchsorted(indptr, position, side="right")) - 1


def _split(csr: CSRFeatures) -> Iterator[CSRFeatures]:
    """Yield the rows in pieces of at most `MAX_CHUNK` stored values."""
    start = 0
    while start < csr.num_rows:
        first = csr.indptr[start]
        stop = int(np.searchsorted(csr.indptr, first + MAX_CHUNK, side="right")) - 1
        last = csr.indptr[stop]
        yield CSRFeatures(
            indptr=csr.indptr[start : stop + 1] - first,
            indices=csr.indices[first:last],
            values=csr.values[first:last],
            dim=csr.dim,
        )
        start = stop


def _struct(csr: CSRFeatures, dtype: FeatureDtype) -> Any:
    offsets = pa.array(csr.indptr.astype(np.int32))
    values = pa.array(csr.values, storage_type(dtype))
    lists = [
        pa.ListArray.from_arrays(offsets, pa.array(csr.indices.astype(np.int32, copy=False))),
        pa.ListArray.from_arrays(offsets, values),
    ]
    return pa.StructArray.from_arrays(lists, fields=list(sparse_type(dtype)))
