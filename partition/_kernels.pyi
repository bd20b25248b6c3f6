from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

class AdjacencyBuilder:
    def __init__(self, num_nodes: int) -> None: ...
    def count(
        self,
        src: NDArray[np.int64],
        dst: NDArray[np.int64],
        src_first: int,
        num_src: int,
        dst_first: int,
        num_dst: int,
    ) -> None: ...
    def scatter(
        self,
        src: NDArray[np.int64],
        dst: NDArray[np.int64],
        src_first: int,
        num_src: int,
        dst_first: int,
        num_dst: int,
    ) -> None: ...
    def finish(self) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...

class Streamer:
    def __init__(
        self,
        weights: NDArray[np.int64],
        num_parts: int,
        slack: float,
        rule: str,
        edges_per_node: float,
        assignment: NDArray[np.int32] | None = None,
    ) -> None: ...
    def place(
        self,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        nodes: NDArray[np.int32],
        rows: NDArray[np.int32] | None = None,
    ) -> None: ...
    def restart(self) -> None: ...
    @property
    def assignment(self) -> NDArray[np.int32]: ...

class Clusterer:
    def __init__(self, weights: NDArray[np.int64], capacity: Sequence[int]) -> None: ...
    def visit(
        self,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        nodes: NDArray[np.int32],
        rows: NDArray[np.int32] | None = None,
    ) -> int: ...
    @property
    def labels(self) -> NDArray[np.int32]: ...

class Refiner:
    def __init__(
        self,
        weights: NDArray[np.int64],
        assignment: NDArray[np.int32],
        num_parts: int,
        slack: float,
    ) -> None: ...
    def visit(
        self,
        indptr: NDArray[np.int64],
        indices: NDArray[np.int32],
        nodes: NDArray[np.int32],
        rows: NDArray[np.int32] | None = None,
    ) -> int: ...
    @property
    def assignment(self) -> NDArray[np.int32]: ...

def add_cluster_edges(
    indptr: NDArray[np.int64],
    indices: NDArray[np.int32],
    nodes: NDArray[np.int32],
    rows: NDArray[np.int32] | None,
    labels: NDArray[np.int32],
    matrix: NDArray[np.int32],
) -> None: ...
def build_rows(
    rows: NDArray[np.int32], neighbours: NDArray[np.int32], num_rows: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
def hash_texts(data: NDArray[np.uint8], offsets: NDArray[np.int64]) -> NDArray[np.uint64]: ...
def build_adjacency(
    blocks: Sequence[tuple[NDArray[np.int64], NDArray[np.int64], int, int, int, int]],
    num_nodes: int,
) -> tuple[NDArray[np.int64], NDArray[np.int32]]: ...
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
