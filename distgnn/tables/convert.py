"""Arrow columns to and from numpy, and where in a column the first bad value lies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt


def is_list(dtype: Any) -> bool:
    """Whether `dtype` is one of Arrow's list types, of fixed or varying length."""
    types = pa.types
    tests = (types.is_list, types.is_large_list, types.is_fixed_size_list)
    return any(test(dtype) for test in tests)


def is_text(dtype: Any) -> bool:
    """Whether `dtype` is a string type."""
    return bool(pa.types.is_string(dtype) or pa.types.is_large_string(dtype))


def is_number(dtype: Any) -> bool:
    """Whether `dtype` is an integer, a float or bool."""
    types = pa.types
    return bool(types.is_integer(dtype) or types.is_floating(dtype) or types.is_boolean(dtype))


def to_numpy(column: Any) -> npt.NDArray[Any]:
    """Return a column of numbers without nulls as one array: a view if it has one chunk."""
    chunks = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    arrays: list[npt.NDArray[Any]] = [chunk.to_numpy(zero_copy_only=False) for chunk in chunks]
    if len(arrays) == 1:
        return arrays[0]
    return np.concatenate(arrays) if arrays else np.empty(0, column.type.to_pandas_dtype())


def from_numpy(values: npt.NDArray[Any]) -> Any:
    """Return a one-dimensional array as a column of one chunk, which shares its memory."""
    return pa.chunked_array([pa.array(values)])


def plain(column: Any) -> Any:
    """Return a column (Array or ChunkedArray) as ChunkedArray, dictionaries and views decoded."""
    column = without_views(column)
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column


def without_views(column: Any) -> Any:
    """Return a column as ChunkedArray, string_view and binary_view as string and binary."""
    column = column if isinstance(column, pa.ChunkedArray) else pa.chunked_array([column])
    if pa.types.is_string_view(column.type):
        return column.cast(pa.string())
    return column.cast(pa.binary()) if pa.types.is_binary_view(column.type) else column


def first_row(column: Any, bad: Callable[[Any], npt.NDArray[np.bool_]]) -> int | None:
    """Return the first row for which `bad`, given a chunk, returns True, or None."""
    start = 0
    for chunk in column.chunks:
        found = bad(chunk)
        if found.any():
            return start + int(found.argmax())
        start += len(chunk)
    return None


def first_null(column: Any) -> int | None:
    """Return the first row that is null, or None."""
    if not column.null_count:
        return None
    return first_row(column, lambda chunk: chunk.is_null().to_numpy(zero_copy_only=False))
