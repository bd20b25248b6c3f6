"""Columns of shard files: the Arrow type of each role, its canonical form, its numpy view.

Legend: n rows of a file, E edges of a file, nnz stored values of a sparse matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, ShardCorruptError
from distgnn.shards.views import SparseRows

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.schema import FeatureDtype, FeatureSpec, LabelSpec

STORAGE: dict[FeatureDtype, Any] = {
    "bfloat16": pa.uint16(),
    "float16": pa.float16(),
    "float32": pa.float32(),
    "float64": pa.float64(),
    "int8": pa.int8(),
    "uint8": pa.uint8(),
    "int16": pa.int16(),
    "int32": pa.int32(),
    "int64": pa.int64(),
    "bool": pa.uint8(),
}
"""Arrow type of one value. Arrow packs bool into bits and lacks bfloat16: so these."""

MARKED: tuple[FeatureDtype, ...] = ("bfloat16", "bool")
"""Types whose Arrow type does not tell them: the field's metadata says so under `DTYPE_KEY`."""

DTYPE_KEY = b"distgnn.dtype"


def numpy_dtype(dtype: FeatureDtype) -> np.dtype[Any]:
    """Return the numpy type of a view of stored features; bfloat16 comes as its bits, uint16."""
    return np.dtype(np.uint16 if dtype == "bfloat16" else dtype)


def widen(values: npt.NDArray[Any], dtype: FeatureDtype) -> npt.NDArray[np.float32]:
    """Return stored features of type `dtype` (any shape) as float32, as in a gathered batch."""
    if dtype == "bfloat16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32)


def feature_type(spec: FeatureSpec) -> Any:
    """Return the Arrow type of a feature column in a shard."""
    value = STORAGE[spec.dtype]
    if spec.sparse:
        return pa.struct([("indices", pa.large_list(pa.int32())), ("values", pa.large_list(value))])
    return pa.list_(value, spec.dim)


def label_types(spec: LabelSpec) -> tuple[Any, ...]:
    """Return the Arrow types that a label column may have."""
    if spec.kind == "class":
        return (pa.int64(),)
    if spec.kind == "multilabel":
        return (pa.list_(pa.int8(), spec.dim), pa.list_(pa.float32(), spec.dim))
    values = pa.list_(pa.float32(), spec.dim)
    return (pa.float32(), values) if spec.dim == 1 else (values,)


def contiguous(column: Any, where: str) -> Any:
    """Return a chunked column as one array.

    Raises:
        ArgumentError: its strings or lists need 64-bit offsets.
    """
    if column.num_chunks == 1:
        return column.chunk(0)
    try:
        return column.unify_dictionaries().combine_chunks()
    except pa.ArrowInvalid as error:
        msg = (
            f"{where} holds more than 2^31 bytes or values in one part: use more parts, or a "
            f"large_{column.type} column"
        )
        raise ArgumentError(msg) from error


def require_no_nulls(array: Any, where: str) -> None:
    """Refuse a role column that holds nulls, in itself or within its lists.

    Raises:
        ArgumentError: it does.
    """
    if array.null_count:
        msg = (
            f"{where} holds {array.null_count} nulls; fill or drop those rows before the graph "
            "is partitioned"
        )
        raise ArgumentError(msg)
    if is_variable_list(array.type) or pa.types.is_fixed_size_list(array.type):
        require_no_nulls(array.flatten(), where)
    elif pa.types.is_struct(array.type):
        for child in array.flatten():
            require_no_nulls(child, where)


def canonical(array: Any, dtype: Any, where: str) -> Any:
    """Return `array`, free of nulls, as Arrow type `dtype`, copying offsets and bits at most.

    Lists may come with 32-bit offsets and differently named items, bool may come packed; values
    keep their type.

    Raises:
        ArgumentError: the values are of another type or the lists of another length.
    """
    if array.type == dtype:
        return array
    if pa.types.is_fixed_size_list(dtype) and pa.types.is_fixed_size_list(array.type):
        if array.type.list_size == dtype.list_size:
            values = canonical(array.flatten(), dtype.value_type, where)
            return pa.FixedSizeListArray.from_arrays(values, type=dtype)
    elif pa.types.is_large_list(dtype) and is_variable_list(array.type):
        offsets, values = list_parts(array)
        return pa.LargeListArray.from_arrays(
            offsets, canonical(values, dtype.value_type, where), type=dtype
        )
    elif pa.types.is_struct(dtype) and pa.types.is_struct(array.type):
        fields = {array.type.field(i).name: child for i, child in enumerate(array.flatten())}
        if set(fields) == {field.name for field in dtype}:
            children = [canonical(fields[field.name], field.type, where) for field in dtype]
            return pa.StructArray.from_arrays(children, fields=list(dtype))
    elif pa.types.is_boolean(array.type) and dtype == pa.uint8():
        return array.cast(dtype)
    msg = f"{where} has Arrow type {array.type}, but the schema of the graph asks for {dtype}"
    raise ArgumentError(msg)


def check_sparse(array: Any, spec: FeatureSpec, where: str) -> None:
    """Check that a `canonical` sparse feature column is a matrix of spec.dim columns.

    Raises:
        ArgumentError: a row has more indices than values, or an index is out of range.
    """
    offsets, indices = list_parts(array.field("indices"))
    if not offsets.equals(list_parts(array.field("values"))[0]):
        msg = f"{where}: the rows of 'indices' and of 'values' differ in length"
        raise ArgumentError(msg)
    columns = indices.to_numpy()
    if len(columns) and (columns.min() < 0 or columns.max() >= spec.dim):
        msg = f"{where} has indices {columns.min()} to {columns.max()}, outside 0 to {spec.dim - 1}"
        raise ArgumentError(msg)


def list_parts(array: Any) -> tuple[Any, Any]:
    """Return the offsets (int64 [n + 1], from 0) and the values of a list array without nulls."""
    offsets = array.offsets.to_numpy().astype(np.int64)
    return pa.array(offsets - offsets[0]), array.flatten()


def numeric_view(array: Any, dtype: np.dtype[Any], where: str) -> npt.NDArray[Any]:
    """Return the values of a fixed-width array as a read-only view, without touching them.

    Raises:
        ShardCorruptError: it holds nulls, or fewer bytes than its length says.
    """
    if array.null_count:
        msg = (
            f"{where} holds nulls, which a writer of this format never leaves: the file is damaged"
        )
        raise ShardCorruptError(msg)
    count, data = len(array), array.buffers()[1]
    if count == 0:
        return np.empty(0, dtype)
    needed = (array.offset + count) * dtype.itemsize
    if data is None or data.size < needed:
        msg = (
            f"{where} holds {0 if data is None else data.size} bytes where its length says "
            f"{needed}: the file is damaged"
        )
        raise ShardCorruptError(msg)
    return np.frombuffer(data, dtype, count=count, offset=array.offset * dtype.itemsize)


def list_view(array: Any, where: str) -> tuple[npt.NDArray[np.int64], Any]:
    """Return a large_list array as (offsets int64 [n + 1] view, values).

    Raises:
        ShardCorruptError: the offsets are missing, or do not span the values.
    """
    if len(array) == 0:
        return np.zeros(1, np.int64), array.values.slice(0, 0)
    raw = array.buffers()[1]
    if array.null_count or raw is None or raw.size < 8 * (len(array) + 1):
        msg = f"{where} has no offset for each of its {len(array)} rows: the file is damaged"
        raise ShardCorruptError(msg)
    offsets = np.frombuffer(raw, np.int64, count=len(array) + 1)
    if offsets[0] != 0 or offsets[-1] != len(array.values):
        msg = (
            f"{where} has offsets {offsets[0]} to {offsets[-1]} for {len(array.values)} values: "
            "the file is damaged"
        )
        raise ShardCorruptError(msg)
    return offsets, array.values


def feature_view(array: Any, spec: FeatureSpec, where: str) -> npt.NDArray[Any] | SparseRows:
    """Return a feature column as a view: [n, dim], or `SparseRows`."""
    dtype = numpy_dtype(spec.dtype)
    if not spec.sparse:
        return numeric_view(array.values, dtype, where).reshape(len(array), spec.dim)
    indptr, indices = list_view(array.field("indices"), f"{where}.indices")
    _, values = list_view(array.field("values"), f"{where}.values")
    if len(indices) != len(values):
        msg = f"{where} holds {len(indices)} indices but {len(values)} values: the file is damaged"
        raise ShardCorruptError(msg)
    return SparseRows(
        indptr=indptr,
        indices=numeric_view(indices, np.dtype(np.int32), f"{where}.indices"),
        values=numeric_view(values, dtype, f"{where}.values"),
        dim=spec.dim,
    )


def label_view(array: Any, where: str) -> npt.NDArray[Any]:
    """Return a label column as a view: int64 [n], float32 [n], or int8 or float32 [n, dim]."""
    if pa.types.is_fixed_size_list(array.type):
        values = numeric_view(
            array.values, np.dtype(array.type.value_type.to_pandas_dtype()), where
        )
        return values.reshape(len(array), array.type.list_size)
    return numeric_view(array, np.dtype(array.type.to_pandas_dtype()), where)


def is_variable_list(dtype: Any) -> bool:
    """Return whether `dtype` is that of lists of any length."""
    return bool(pa.types.is_list(dtype) or pa.types.is_large_list(dtype))
