"""bfloat16, which numpy lacks: the upper half of a float32, kept as its bits in uint16."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

if TYPE_CHECKING:
    import numpy.typing as npt

DTYPE_KEY = b"distgnn.dtype"
"""Key of the Arrow field metadata whose value ``b"bfloat16"`` marks such a column."""

EXPONENT = np.uint16(0x7F80)
"""All ones here: NaN or infinity."""


def from_float32(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Return the nearest bfloat16 of each value (ties to even), any shape; NaN stays NaN."""
    bits = np.ascontiguousarray(values).view(np.uint32)
    odd = (bits >> 16) & 1
    rounded = ((bits.astype(np.uint64) + 0x7FFF + odd) >> 16).astype(np.uint16)
    rounded[np.isnan(values)] = 0x7FC0
    return rounded


def to_float32(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    """Return the values of bfloat16 numbers, any shape."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def is_nonfinite(bits: npt.NDArray[np.uint16]) -> npt.NDArray[np.bool_]:
    """Return whether each bfloat16 is NaN or infinite."""
    result: npt.NDArray[np.bool_] = (bits & EXPONENT) == EXPONENT
    return result


def widened(column: Any) -> Any:
    """Return a column of fixed_size_list<uint16> that holds bfloat16 bits as one of float32."""
    dtype = pa.list_(pa.float32(), column.type.list_size)
    chunks = [
        pa.FixedSizeListArray.from_arrays(
            pa.array(to_float32(chunk.flatten().to_numpy())), type=dtype
        )
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks, type=dtype)
