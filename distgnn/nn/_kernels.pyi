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
def walk(
    relations: list[tuple[_Ints, _Ints, int]],
    start: _Ints,
    key: int,
    dead_end: int | None,
    out: _Ints,
    num_threads: int,
) -> None: ...
def biased_walk(
    relation: tuple[_Ints, _Ints, int],
    start: _Ints,
    key: int,
    p: float,
    q: float,
    out: _Ints,
    num_threads: int,
) -> None: ...
def random_nodes(
    ranges: list[tuple[int, int]],
    start: _Ints,
    key: int,
    out: _Ints,
    num_threads: int,
) -> None: ...
def window_dots(windows: _Ints, x: _Floats, out: _Floats, num_threads: int) -> None: ...
def window_dots_gradient(
    windows: _Ints,
    g: _Floats,
    x: _Floats,
    slot: _Ints | None,
    out: _Floats,
    num_threads: int,
) -> None: ...
def filtered_sum(
    indptr: _Ints,
    order: _Ints | None,
    other: _Ints,
    x: _Floats,
    w: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
def filtered_weight(
    i: _Ints, j: _Ints, a: _Floats, b: _Floats, out: _Floats, num_threads: int
) -> None: ...
def outer_sum(
    indptr: _Ints,
    order: _Ints | None,
    other: _Ints,
    x: _Floats,
    d: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
def outer_project(
    indptr: _Ints,
    order: _Ints | None,
    other: _Ints,
    a: _Floats,
    d: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
def outer_weight(
    i: _Ints, j: _Ints, a: _Floats, x: _Floats, out: _Floats, num_threads: int
) -> None: ...
def low_rank_sum(
    indptr: _Ints,
    order: _Ints | None,
    other: _Ints,
    x: _Floats,
    basis: _Floats,
    weight: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
def low_rank_basis(
    i: _Ints,
    j: _Ints,
    a: _Floats,
    x: _Floats,
    weight: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
def low_rank_weight(
    i: _Ints,
    j: _Ints,
    a: _Floats,
    x: _Floats,
    basis: _Floats,
    out: _Floats,
    num_threads: int,
) -> None: ...
def silu_slope(x: _Floats, s: _Floats, g: _Floats, out: _Floats, num_threads: int) -> None: ...
def silu_curve(
    x: _Floats,
    s: _Floats,
    g: _Floats,
    h: _Floats,
    by_g: _Floats,
    by_x: _Floats,
    num_threads: int,
) -> None: ...
def num_rows_not_zero(rows: _Floats) -> int: ...
