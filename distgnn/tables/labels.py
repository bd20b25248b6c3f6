"""Label, split, weight and time columns in their canonical form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from distgnn.exceptions import GraphDataError, TableError
from distgnn.schema import SPLITS, UNLABELLED, LabelKind, LabelSpec
from distgnn.tables.convert import first_null, from_numpy, is_list, is_number, is_text, to_numpy
from distgnn.tables.features import dense_features, fixed_lists

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from distgnn.tables.source import SourceTable

ANY_CLASSES = 2**62
"""As `num_classes` of a window of rows: the other windows decide how many classes there are."""

SPLIT_NAMES = {**SPLITS, "valid": SPLITS["val"], "validation": SPLITS["val"], "": -1, "none": -1}
"""Words that a split column of text may hold."""


def label_column(
    column: Any,
    source: SourceTable,
    name: str,
    kind: LabelKind | None = None,
    num_classes: int | None = None,
) -> tuple[LabelSpec, Any]:
    """Return a label column in its canonical form.

    Args:
        column: Integers (classes; null is unlabelled), floats (values), or lists of either.
        source: Where it is from, for messages.
        name: The column's name, for messages.
        kind: None: by type: integers are classes, floats values, lists of integers or bool
            multilabel, lists of floats values.
        num_classes: Classes are 0 to num_classes - 1; None: one more than the largest.

    Returns:
        The spec, and a ChunkedArray of int64 (class), fixed_size_list<int8> (multilabel),
        float32 or fixed_size_list<float32> (value).

    Raises:
        GraphDataError: a class outside its range, a multilabel entry that is not 0 or 1, NaN.
        TableError: the type of the column fits no kind of label.
    """
    where = f"label column {name!r} of {source.what}"
    kind = kind or _kind(column.type, where)
    if kind == "class":
        return _classes(column, source, where, num_classes)
    if kind == "multilabel":
        return _multilabel(dense_features(column, source, name, None)[1], source, where)
    spec, lists = dense_features(column, source, name, "float32")
    if not is_list(column.type):
        lists = pa.chunked_array([chunk.flatten() for chunk in lists.chunks], type=pa.float32())
    return LabelSpec(kind="value", dim=spec.dim), lists


def split_of_column(column: Any, source: SourceTable, name: str) -> Any:
    """Return a split column as int8 codes of `SPLITS`, -1 for none.

    Args:
        column: Text ("train", "val" or "valid" or "validation", "test", "" or null for none), or
            integers (0, 1, 2, -1 or null for none).
        source: Where it is from, for messages.
        name: The column's name, for messages.

    Raises:
        GraphDataError: a value that names no split.
        TableError: neither text nor integers.
    """
    where = f"split column {name!r} of {source.what}"
    if pa.types.is_null(column.type):
        column = column.cast(pa.int8())
    if is_text(column.type):
        words = pa.array(list(SPLIT_NAMES), column.type)
        codes = np.array(list(SPLIT_NAMES.values()), np.int8)
        known = pc.fill_null(column, "")
        found = to_numpy(pc.fill_null(pc.index_in(known, value_set=words), -1))
        bad, result = found < 0, codes[found]
    elif pa.types.is_integer(column.type):
        values = to_numpy(pc.fill_null(column, -1))
        bad = (values < -1) | (values > max(SPLITS.values()))
        result = values.astype(np.int8)
    else:
        msg = (
            f"{where} has Arrow type {column.type}; give text (train, val, test) or integers (0, "
            "1, 2), or boolean columns as `split = { train = ..., val = ..., test = ... }`"
        )
        raise TableError(msg)
    if bad.any():
        row = int(bad.argmax())
        msg = (
            f"{where} is {column[row].as_py()!r} in {source.at(row)}, which names no split; known: "
            "train or 0, val or 1, test or 2, and nothing or -1 for none"
        )
        raise GraphDataError(msg)
    return from_numpy(result)


def split_of_masks(masks: Mapping[str, Any], source: SourceTable) -> Any:
    """Return the split that boolean columns name, as int8 codes of `SPLITS`, -1 for none.

    Args:
        masks: For each split its column.
        source: Where they are from, for messages.

    Raises:
        GraphDataError: a row is in two splits, or a mask is null.
        TableError: a mask is not boolean.
    """
    result = np.full(source.num_rows, -1, np.int8)
    for name, column in masks.items():
        where = f"the {name} mask of {source.what}"
        if not pa.types.is_boolean(column.type):
            msg = f"{where} has Arrow type {column.type}; masks are boolean"
            raise TableError(msg)
        row = first_null(column)
        if row is not None:
            msg = f"{where} is null in {source.at(row)}; masks are true or false"
            raise GraphDataError(msg)
        mask = to_numpy(column)
        twice = mask & (result >= 0)
        if twice.any():
            row = int(twice.argmax())
            other = next(key for key, code in SPLITS.items() if code == result[row])
            msg = (
                f"the splits of {source.what} overlap: {int(twice.sum())} rows are in both "
                f"{other!r} and {name!r}, the first of them {source.at(row)}; each row belongs to "
                "one split at most, or results on the test rows mean nothing"
            )
            raise GraphDataError(msg)
        result[mask] = SPLITS[name]
    return from_numpy(result)


def weight_column(column: Any, source: SourceTable, name: str) -> Any:
    """Return edge weights as float32.

    Raises:
        GraphDataError: a weight is null, NaN, infinite or negative.
        TableError: they are not numbers.
    """
    where = f"weight column {name!r} of {source.what}"
    if not is_number(column.type):
        msg = f"{where} has Arrow type {column.type}; weights are numbers"
        raise TableError(msg)
    row = first_null(column)
    if row is None:
        with np.errstate(over="ignore"):
            values = to_numpy(column).astype(np.float32)
        bad = ~(np.isfinite(values) & (values >= 0))
        if not bad.any():
            return from_numpy(values)
        row = int(bad.argmax())
    msg = (
        f"{where} is {column[row].as_py()} in {source.at(row)}; weights are finite and not "
        "negative (they are used as probabilities and in sums). Keep signed values as `features`"
    )
    raise GraphDataError(msg)


def time_column(column: Any, source: SourceTable, name: str) -> Any:
    """Return times as int64: integers as they are, timestamps and dates as microseconds.

    Raises:
        GraphDataError: a time is null.
        TableError: neither integers, timestamps nor dates.
    """
    where = f"time column {name!r} of {source.what}"
    types = pa.types
    if types.is_timestamp(column.type) or types.is_date(column.type):
        column = column.cast(pa.timestamp("us", getattr(column.type, "tz", None)), safe=False)
    elif not types.is_integer(column.type):
        msg = f"{where} has Arrow type {column.type}; times are integers, timestamps or dates"
        raise TableError(msg)
    row = first_null(column)
    if row is not None:
        msg = f"{where} is null in {source.at(row)}; fill in or drop such rows"
        raise GraphDataError(msg)
    return column.cast(pa.int64())


def _kind(dtype: Any, where: str) -> LabelKind:
    value_type = dtype.value_type if is_list(dtype) else dtype
    if pa.types.is_floating(value_type):
        return "value"
    if pa.types.is_integer(value_type) or pa.types.is_boolean(value_type):
        return "multilabel" if is_list(dtype) else "class"
    msg = (
        f"{where} has Arrow type {dtype}; labels are integers (classes 0, 1, ...), floats (values "
        "to predict), or lists of them (0 and 1 for several labels at once). Number text labels "
        "first"
    )
    raise TableError(msg)


def _classes(
    column: Any, source: SourceTable, where: str, num_classes: int | None
) -> tuple[LabelSpec, Any]:
    if not (pa.types.is_integer(column.type) or pa.types.is_boolean(column.type)):
        msg = f"{where} has Arrow type {column.type}; classes are integers from 0"
        raise TableError(msg)
    values: npt.NDArray[np.int64] = to_numpy(pc.fill_null(column.cast(pa.int64()), UNLABELLED))
    highest = int(values.max(initial=UNLABELLED))
    limit = highest + 1 if num_classes is None else num_classes
    bad = (values < UNLABELLED) | (values >= limit)
    if bad.any():
        row = int(bad.argmax())
        is_given = num_classes is not None and num_classes != ANY_CLASSES
        end = f"{limit - 1} (num_classes is {limit})" if is_given else "one less"
        msg = (
            f"{where} is {values[row]} in {source.at(row)}; classes go from 0 to {end}, and -1 "
            "or null means unlabelled"
        )
        raise GraphDataError(msg)
    if limit == 0:
        msg = f"{where} labels no row: all are -1 or null; leave `label` out, or check the column"
        raise GraphDataError(msg)
    return LabelSpec(kind="class", dim=limit), from_numpy(values)


def _multilabel(lists: Any, source: SourceTable, where: str) -> tuple[LabelSpec, Any]:
    dim = lists.type.list_size
    flat = [chunk.flatten().to_numpy(zero_copy_only=False) for chunk in lists.chunks]
    values = np.concatenate(flat) if flat else np.empty(0, np.int8)
    bad = (values != 0) & (values != 1)
    if bad.any():
        position = int(bad.argmax())
        msg = (
            f"{where} is {values[position]} in {source.at(position // dim)}, label "
            f"{position % dim}; several labels at once are lists of 0 and 1"
        )
        raise GraphDataError(msg)
    matrix = values.astype(np.int8).reshape(-1, dim)
    return LabelSpec(kind="multilabel", dim=dim), pa.chunked_array([fixed_lists(matrix)])
