from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

def build_adjacency(
    blocks: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], int, int, int, int]],
    num_nodes: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
def ldg(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.int64],
    order: NDArray[np.int32],
    num_parts: int,
    slack: float,
) -> NDArray[np.int32]: ...
def fennel(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.int64],
    order: NDArray[np.int32],
    num_parts: int,
    slack: float,
) -> NDArray[np.int32]: ...
def rebalance(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    weights: NDArray[np.int64],
    assignment: NDArray[np.int32],
    num_parts: int,
    slack: float,
) -> NDArray[np.int32]: ...
def group_by_part(
    part_of: NDArray[np.int32], num_parts: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def build_csc(
    src: NDArray[np.int64],
    dst: NDArray[np.int64],
    time: NDArray[np.int64] | None,
    num_src: int,
    dst_id: NDArray[np.int64],
    num_threads: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]: ...
def count_cut(
    src: NDArray[np.int64],
    dst: NDArray[np.int64],
    part_of_src: NDArray[np.int32],
    part_of_dst: NDArray[np.int32],
) -> int: ...
