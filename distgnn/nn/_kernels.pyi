# C++, in distgnn/nn/csrc.

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

_Ints: TypeAlias = npt.NDArray[np.generic]
_Floats: TypeAlias = npt.NDArray[np.generic]

def spmm(
    indptr: _Ints,
    indices: _Ints,
    pos: _Ints | None,
    x: _Floats,
    heads: int,
    weight: _Floats | None,
    row_scale: _Floats | None,
    col_scale: _Floats | None,
    diag: _Floats | None,
    skip_loops: bool,
    out: _Floats,
    num_threads: int,
) -> None: ...
def sddmm(
    indptr: _Ints,
    indices: _Ints,
    pos: _Ints | None,
    g: _Floats,
    x: _Floats,
    heads: int,
    out: _Floats,
    num_threads: int,
) -> None: ...
def extremum(
    indptr: _Ints,
    indices: _Ints,
    x: _Floats,
    minimum: bool,
    out: _Floats,
    num_threads: int,
) -> None: ...
def extremum_share(
    indptr: _Ints,
    indices: _Ints,
    x: _Floats,
    extreme: _Floats,
    g: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
def extremum_gradient(
    indptr: _Ints,
    indices: _Ints,
    x: _Floats,
    extreme: _Floats,
    share: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
