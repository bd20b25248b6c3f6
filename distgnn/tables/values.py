"""Numbers as features are stored: their type, and which of them it cannot hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args

import numpy as np
import pyarrow as pa

from distgnn.exceptions import ArgumentError, GraphDataError
from distgnn.schema import FeatureDtype
from distgnn.tables import bfloat16

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.tables.source import SourceTable

WIDER: dict[str, FeatureDtype] = {"uint16": "int32", "uint32": "int64", "uint64": "int64"}
"""Unsigned integers that are no `FeatureDtype`, and what they become."""

FLOATS: tuple[FeatureDtype, ...] = ("bfloat16", "float16", "float32", "float64")


def stored_dtype(dtype: np.dtype[Any]) -> FeatureDtype:
    """Return the feature type that keeps numbers of a numpy type as they are, or a wider one."""
    return cast("FeatureDtype", WIDER.get(dtype.name, dtype.name))


def storage_type(dtype: FeatureDtype) -> Any:
    """Return the Arrow type of one value of type `dtype`.

    Raises:
        ArgumentError: there is no such type.
    """
    if dtype not in get_args(FeatureDtype):
        msg = f"{dtype!r} is no type of features; known: {', '.join(get_args(FeatureDtype))}"
        raise ArgumentError(msg)
    return pa.uint16() if dtype == "bfloat16" else pa.type_for_alias(dtype)


def convert(values: npt.NDArray[Any], dtype: FeatureDtype) -> npt.NDArray[Any]:
    """Return numbers as type `dtype`, bfloat16 as bits; `misfits` tells what was lost."""
    with np.errstate(over="ignore", invalid="ignore"):
        if dtype == "bfloat16":
            return bfloat16.from_float32(values.astype(np.float32, copy=False))
        return values.astype(dtype, copy=False)


def misfits(
    values: npt.NDArray[Any], stored: npt.NDArray[Any], dtype: FeatureDtype
) -> npt.NDArray[np.bool_]:
    """Return which values are not finite, or not what they were in a type of integers.

    Args:
        values: Numbers as given.
        stored: The same as `convert` returns them; may be `values` itself.
        dtype: Their type.
    """
    if dtype == "bfloat16":
        return bfloat16.is_nonfinite(stored)
    if dtype in FLOATS:
        return cast("npt.NDArray[np.bool_]", ~np.isfinite(stored))
    if values.dtype == stored.dtype:
        return np.zeros(len(values), np.bool_)
    return cast("npt.NDArray[np.bool_]", values != stored)


def refuse_value(
    value: Any, dtype: FeatureDtype, where: str, source: SourceTable, row: int, feature: int
) -> None:
    """Raise the error for a value that `misfits` found.

    Raises:
        GraphDataError: always.
    """
    problem = (
        "fill in or drop such rows, they would turn the whole model into NaN"
        if not np.isfinite(value)
        else f"{dtype} cannot hold it: give another `feature_dtype`"
    )
    msg = f"{where} is {value} in {source.at(row)}, feature {feature}; {problem}"
    raise GraphDataError(msg)
