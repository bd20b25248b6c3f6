from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

_Int64s: TypeAlias = npt.NDArray[np.int64]

class BufferPool:
    def __init__(self) -> None: ...
    @property
    def num_free_blocks(self) -> int: ...
    @property
    def num_free_bytes(self) -> int: ...

class Topology:
    def __init__(
        self,
        nodes: list[tuple[_Int64s, list[_Int64s | None]]],
        edges: list[tuple[int, int, int, list[tuple[_Int64s, _Int64s] | int]]],
        *,
        in_memory: bool,
        num_threads: int,
    ) -> None: ...

class Weights:
    def __init__(
        self,
        topology: Topology,
        *,
        edges: list[list[npt.NDArray[np.float32] | None] | None],
        num_threads: int,
    ) -> None: ...

class Times:
    def __init__(
        self,
        topology: Topology,
        *,
        edges: list[list[_Int64s | None] | None],
        nodes: list[list[_Int64s | None] | None],
        num_threads: int,
    ) -> None: ...

class Rule:
    def __init__(
        self, *, pick: str, replace: bool, up_to: bool, weights: Weights | None, times: Times | None
    ) -> None: ...

def draw_in_edges(
    topology: Topology,
    edge_type: int,
    ids: _Int64s,
    times: _Int64s | None,
    *,
    fanout: int,
    rule: Rule,
    seed: int,
    epoch: int,
    batch: int,
    num_threads: int,
) -> tuple[_Int64s, _Int64s, _Int64s, npt.NDArray[np.float32] | None]: ...

class Numbering:
    def __init__(self) -> None: ...
    def label(self, ids: _Int64s) -> _Int64s: ...
    def nodes(self, begin: int = 0) -> _Int64s: ...
    def __len__(self) -> int: ...

class NeighborSampler:
    def __init__(
        self,
        topology: Topology,
        *,
        fanouts: Sequence[Sequence[int]],
        rule: Rule,
        disjoint: bool,
        max_table_bytes: int,
    ) -> None: ...
    def sample(
        self,
        seeds: list[_Int64s | None],
        times: _Int64s | None,
        *,
        seed: int,
        epoch: int,
        batch: int,
        num_threads: int,
    ) -> tuple[
        list[tuple[_Int64s, _Int64s | None, list[int]]],
        list[tuple[_Int64s, _Int64s, _Int64s, npt.NDArray[np.float32] | None, list[int]]],
    ]: ...

class DenseRows:
    def __init__(
        self,
        pool: BufferPool,
        offsets: _Int64s,
        parts: Sequence[npt.NDArray[Any] | None],
        stored_as: str,
    ) -> None: ...
    def gather(self, ids: _Int64s, num_threads: int = 1) -> npt.NDArray[Any]: ...

class SparseRows:
    def __init__(
        self,
        pool: BufferPool,
        offsets: _Int64s,
        parts: list[tuple[_Int64s, npt.NDArray[np.int32], npt.NDArray[Any]] | None],
        dim: int,
        stored_as: str,
    ) -> None: ...
    def gather(self, ids: _Int64s, num_threads: int = 1) -> npt.NDArray[np.float32]: ...

def split_by_owner(
    pool: BufferPool,
    offsets: _Int64s,
    owner_of_part: Sequence[int],
    num_owners: int,
    ids: _Int64s,
) -> tuple[_Int64s, _Int64s, list[int]]: ...
def merge_draws(
    pool: BufferPool,
    num_nodes: int,
    answers: list[tuple[_Int64s, _Int64s, npt.NDArray[Any], npt.NDArray[Any]]],
) -> tuple[_Int64s, _Int64s, _Int64s]: ...
def place_rows(
    target: npt.NDArray[np.float32],
    places: _Int64s,
    rows: npt.NDArray[Any],
    *,
    stored_as: str,
    factors: npt.NDArray[np.float32] | None = None,
    picks: _Int64s | None = None,
) -> None: ...

class IdTable:
    def __init__(self, ids: _Int64s) -> None: ...
    def find(self, ids: _Int64s) -> _Int64s: ...

class Adjacency:
    def __init__(
        self, topology: Topology, edge_type: int, *, outgoing: bool, is_timed: bool
    ) -> None: ...
    @property
    def key(self) -> int: ...
    def contains(self, nodes: _Int64s, neighbors: _Int64s) -> npt.NDArray[np.bool_]: ...

def derive_key(parent: int, value: int) -> int: ...
def random_walks(
    adjacency: Adjacency,
    starts: _Int64s,
    *,
    key: int,
    walks_per_start: int,
    num_steps: int,
    p: float,
    q: float,
    restart: float,
    num_threads: int,
) -> _Int64s: ...
def metapath_walks(
    path: list[Adjacency],
    starts: _Int64s,
    *,
    key: int,
    walks_per_start: int,
    num_steps: int,
    num_threads: int,
) -> _Int64s: ...
def forward_push(
    adjacency: Adjacency,
    seeds: _Int64s,
    *,
    alpha: float,
    epsilon: float,
    top_k: int,
    num_threads: int,
) -> tuple[_Int64s, _Int64s, npt.NDArray[np.float64]]: ...

class NegativeSampler:
    def __init__(
        self,
        incoming: Adjacency,
        *,
        kind: str,
        num_negatives: int,
        exclude: bool,
        power: float,
        node_times: list[_Int64s],
        edge_times: list[_Int64s],
    ) -> None: ...
    def sample(
        self,
        src: _Int64s,
        dst: _Int64s,
        *,
        numbers: _Int64s,
        times: _Int64s | None,
        key: int,
        num_threads: int,
    ) -> tuple[_Int64s, _Int64s]: ...

class Inducer:
    def __init__(self, topology: Topology, *, max_table_bytes: int) -> None: ...
    def induce(
        self, nodes: list[_Int64s], *, num_threads: int
    ) -> list[tuple[_Int64s, _Int64s, _Int64s]]: ...
    def step(self, edge_type: int, nodes: _Int64s, words: npt.NDArray[np.uint64]) -> _Int64s: ...

class ShadowSampler:
    def __init__(
        self,
        topology: Topology,
        *,
        fanouts: Sequence[Sequence[int]],
        replace: bool,
        max_table_bytes: int,
    ) -> None: ...
    def sample(
        self, seeds: _Int64s, *, seed_type: int, seed: int, epoch: int, batch: int, num_threads: int
    ) -> tuple[list[_Int64s], list[tuple[_Int64s, _Int64s, _Int64s]]]: ...
