"""Telling the C library to keep the memory that is freed.

Training on a CPU allocates and frees the same large tensors in every step. By default glibc gives
each back to the system and asks for it again, and the system clears every page: a ReLU into a fresh
30k x 256 tensor takes 19 ms, 2 ms once freed blocks are kept.
"""

from __future__ import annotations

import ctypes
import sys

# Parameters of mallopt(3), from glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_TOP_PAD = -2
M_MMAP_THRESHOLD = -3

KEEP_UP_TO_BYTES = 1 << 30
"""Blocks up to this size come from the heap, and this much free memory at its top is kept."""
GROW_BY_BYTES = 64 << 20


def tune_malloc() -> bool:
    """Make glibc keep freed blocks of up to 1 GiB for this process; for training on a CPU.

    Costs memory: the process keeps what it used at its peak. Child processes are not affected.

    Returns:
        Whether it was done; False where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None or not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        return False
    settings = {
        M_MMAP_THRESHOLD: KEEP_UP_TO_BYTES,
        M_TRIM_THRESHOLD: KEEP_UP_TO_BYTES,
        M_TOP_PAD: GROW_BY_BYTES,
    }
    return all(
        mallopt(ctypes.c_int(name), ctypes.c_int(value)) == 1 for name, value in settings.items()
    )
