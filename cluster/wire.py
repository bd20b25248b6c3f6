"""Feature rows as they travel, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from distgnn.cluster.messages import EncodedRows
from distgnn.samplers._kernels import place_rows

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.cluster.messages import WireDtype
    from distgnn.schema import FeatureSpec

    Int64s = npt.NDArray[np.int64]
    Float32s = npt.NDArray[np.float32]

ITEM_BYTES: dict[str, int] = {
    "float32": 4, "float64": 8, "float16": 2, "bfloat16": 2, "int8": 1, "uint8": 1, "bool": 1,
    "int16": 2, "int32": 4, "int64": 8,
}  # fmt: skip
"""Of a value, by the type in which it is stored."""

_LARGEST_INT8 = 127.0


def travels_as_stored(spec: FeatureSpec, wire_dtype: WireDtype) -> bool:
    """Return whether rows are sent as they are stored: nothing is lost, and it is no larger."""
    return not spec.sparse and ITEM_BYTES[spec.dtype] <= ITEM_BYTES[wire_dtype]


def encode(rows: Float32s, wire_dtype: WireDtype) -> EncodedRows:
    """Return rows (float32 [k, D]) in the type in which they are sent.

    Values beyond float16's range become infinite. bfloat16 is rounded to nearest, ties to even.
    int8 is symmetric: a row is divided by its largest magnitude over 127, so its error is at most
    half of that.
    """
    if wire_dtype == "float32":
        return EncodedRows(rows, "float32")
    if wire_dtype == "float16":
        with np.errstate(over="ignore"):
            return EncodedRows(rows.astype(np.float16), "float16")
    if wire_dtype == "bfloat16":
        return EncodedRows(_bfloat16_bits(rows), "bfloat16")
    factors = np.abs(rows).max(axis=1, initial=0.0) / np.float32(_LARGEST_INT8)
    divisors = np.where(factors > 0, factors, 1)
    return EncodedRows(np.rint(rows / divisors[:, None]).astype(np.int8), "int8", factors)


def place(
    target: npt.NDArray[Any], places: Int64s, rows: EncodedRows, picks: Int64s | None = None
) -> None:
    """Write rows to ``target[places]``; rows ``picks`` only, where they are given."""
    if rows.stored_as is None:
        target[places] = rows.values if picks is None else rows.values[picks]
        return
    place_rows(
        target, places, rows.values, stored_as=rows.stored_as, factors=rows.factors, picks=picks
    )


def _bfloat16_bits(rows: Float32s) -> npt.NDArray[np.uint16]:
    bits = rows.view(np.uint32)
    rounded = bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))
    # Rounding must not carry a NaN into the sign.
    kept: npt.NDArray[np.uint32] = np.where(np.isnan(rows), bits | np.uint32(0x400000), rounded)
    return (kept >> np.uint32(16)).astype(np.uint16)
