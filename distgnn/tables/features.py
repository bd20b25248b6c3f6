"""Feature columns: dense ones as fixed-size lists, sparse ones as lists of indices and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distgnn.exceptions import GraphDataError, TableError
from distgnn.schema import FeatureSpec
from distgnn.tables import bfloat16
from distgnn.tables.convert import first_null, first_row, is_list, is_number
from distgnn.tables.values import (
    FLOATS,
    convert,
    misfits,
    refuse_value,
    storage_type,
    stored_dtype,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from distgnn.schema import FeatureDtype
    from distgnn.tables.source import SourceTable


def dense_features(
    column: Any, source: SourceTable, name: str, dtype: FeatureDtype | None
) -> tuple[FeatureSpec, Any]:
    """Return a dense feature column in its canonical form.

    Args:
        column: Lists of numbers, all of one length, or numbers (one feature).
        source: Where it is from, for messages.
        name: The column's name, for messages.
        dtype: Type in storage; None: as it is.

    Returns:
        The spec, and a ChunkedArray of fixed_size_list<dtype, dim>.

    Raises:
        GraphDataError: a null, NaN or infinity, a number that `dtype` cannot hold, or lists of
            different lengths.
        TableError: the column does not hold numbers or lists of numbers.
    """
    where = f"feature column {name!r} of {source.what}"
    _refuse_null(column, where, source)
    value_type = column.type.value_type if is_list(column.type) else column.type
    if not is_number(value_type):
        msg = (
            f"{where} has Arrow type {column.type}; features are numbers, lists of numbers, or "
            "several columns of numbers. Encode text and times as numbers, or name the column "
            "under `columns` to keep it as it is"
        )
        raise TableError(msg)
    dim = _common_length(column, where, source)
    stored = dtype or stored_dtype(np.dtype(value_type.to_pandas_dtype()))
    chunks, start = [], 0
    for chunk in column.chunks:
        chunks.append(_dense_chunk(chunk, dim, stored, where, source, start))
        start += len(chunk)
    result = pa.chunked_array(chunks, type=pa.list_(storage_type(stored), dim))
    return FeatureSpec(dim=dim, dtype=stored), result


def join_columns(columns: Sequence[Any], source: SourceTable, names: Sequence[str]) -> Any:
    """Return several columns of numbers as one column of lists.

    The lists have the smallest type that holds all columns.

    Raises:
        GraphDataError: a column holds a null.
        TableError: a column does not hold numbers.
    """
    for column, name in zip(columns, names, strict=True):
        where = f"feature column {name!r} of {source.what}"
        if not is_number(column.type):
            msg = (
                f"{where} has Arrow type {column.type}, but a list of feature columns must name "
                "columns of numbers"
            )
            raise TableError(msg)
        _refuse_null(column, where, source)
    dtype = np.result_type(*(column.type.to_pandas_dtype() for column in columns))
    joined = np.empty((source.num_rows, len(columns)), dtype)
    for i, column in enumerate(columns):
        joined[:, i] = column.to_numpy()
    return pa.chunked_array([fixed_lists(joined)])


def fixed_lists(values: npt.NDArray[Any]) -> Any:
    """Return a matrix [n, dim] as fixed_size_list array; shares memory if it is C-contiguous."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    return pa.FixedSizeListArray.from_arrays(flat, type=pa.list_(flat.type, values.shape[1]))


def feature_field(name: str, spec: FeatureSpec, dtype: Any) -> Any:
    """Return the Arrow field of a feature column of Arrow type `dtype`."""
    metadata = {bfloat16.DTYPE_KEY: b"bfloat16"} if spec.dtype == "bfloat16" else None
    return pa.field(name, dtype, metadata=metadata)


def _refuse_null(column: Any, where: str, source: SourceTable) -> None:
    row = first_null(column)
    if row is None and is_list(column.type) and any(c.flatten().null_count for c in column.chunks):
        row = first_row(column, _has_inner_null)
    if row is not None:
        msg = (
            f"{where} is null in {source.at(row)}; fill in or drop such rows, a missing feature is "
            "never taken as 0"
        )
        raise GraphDataError(msg)


def _has_inner_null(chunk: Any) -> npt.NDArray[np.bool_]:
    bad = np.zeros(len(chunk), np.bool_)
    nulls = chunk.flatten().is_null()
    parents = pc.list_parent_indices(chunk).filter(nulls).to_numpy()
    bad[parents.astype(np.int64)] = True
    return bad


def _common_length(column: Any, where: str, source: SourceTable) -> int:
    """Return the length of all lists of a column; 1 if it holds numbers."""
    if not is_list(column.type):
        return 1
    if pa.types.is_fixed_size_list(column.type):
        dim = int(column.type.list_size)
    else:
        dim = next((len(chunk[0]) for chunk in column.chunks if len(chunk)), 0)
        row = first_row(column, lambda chunk: pc.list_value_length(chunk).to_numpy() != dim)
        if row is not None:
            msg = (
                f"{where} has {dim} values in row 0 but {len(column[row])} in {source.at(row)}; "
                "dense features have the same number in each row. For sparse features give "
                "`features = { indices = ..., values = ..., dim = ... }`"
            )
            raise GraphDataError(msg)
    if dim == 0 and len(column):
        msg = f"{where} holds empty lists; leave `features` out if there are none"
        raise GraphDataError(msg)
    return dim


def _dense_chunk(
    chunk: Any, dim: int, dtype: FeatureDtype, where: str, source: SourceTable, start: int
) -> Any:
    """Return a chunk, whose first row is row `start` of the table, in its canonical form."""
    flat = chunk.flatten() if is_list(chunk.type) else chunk
    wanted = storage_type(dtype)
    if flat.type != wanted or dtype in FLOATS:
        values = flat.to_numpy(zero_copy_only=False)
        stored = convert(values, dtype)
        bad = misfits(values, stored, dtype)
        if bad.any():
            first = int(bad.argmax())
            refuse_value(values[first], dtype, where, source, start + first // dim, first % dim)
        if flat.type != wanted or dtype == "bfloat16":
            flat = pa.array(stored, wanted)
    return pa.FixedSizeListArray.from_arrays(flat, type=pa.list_(wanted, dim))
