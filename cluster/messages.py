"""What the processes of a cluster say to one another: plain data and numpy arrays.

Ray writes the arrays of a message side by side, aligned to 64 bytes, into one object of its store,
and whoever receives it on that machine maps them: nothing here is packed by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from distgnn.samplers import DrawnEdges, DrawRule
    from distgnn.schema import EdgeType, FeatureDtype, NodeType

    Int64s = npt.NDArray[np.int64]

WireDtype = Literal["float32", "float16", "bfloat16", "int8"]
"""Type in which features travel between machines; int8 rows carry a factor each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SamplingRule:
    """What decides the draws of a batch, apart from its seeds, epoch and number."""

    fanouts: Sequence[int] | Mapping[EdgeType, Sequence[int]]
    """Neighbours drawn for a node at each hop, seeds first; -1: all."""
    sampler: str = "neighbor"
    """Name of the sampler, see `distgnn.samplers.SAMPLERS`."""
    replace: bool = False
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the sampler's constructor."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawRequest:
    """The nodes of one hop's frontier that one owner is asked for."""

    rule: DrawRule
    seed: int
    epoch: int
    batch: int
    fanouts: dict[EdgeType, int]
    """For the edge types to draw, at this hop."""
    nodes: dict[NodeType, Int64s]
    """By destination type of these edge types, global ids, int64 [n]; all of the owner's parts."""


@dataclass(frozen=True, slots=True, eq=False)
class DrawReply:
    """What was drawn, for every edge type of the request in the order of its nodes."""

    edges: dict[EdgeType, DrawnEdges]
    """Ids and positions that fit 32 bits travel as uint32."""


class Column(NamedTuple):
    """A column of one node type (by global id) or edge type (by position)."""

    type: NodeType | EdgeType
    name: Literal["x", "y", "edge_attr", "weight"]


@dataclass(frozen=True, slots=True, eq=False)
class EncodedRows:
    """Rows as they travel."""

    values: npt.NDArray[Any]
    """[k, ...]."""
    stored_as: FeatureDtype | None = None
    """Type of features (bfloat16 comes as its bits, uint16); None: any other column, as it is."""
    factors: npt.NDArray[np.float32] | None = None
    """float32 [k]: what to multiply each row with."""


@dataclass(frozen=True, slots=True, eq=False)
class GatherRequest:
    """Rows that one owner is asked for."""

    rows: dict[Column, Int64s]
    """Global ids or positions, all of the owner's parts."""
    wire_dtype: WireDtype = "float32"


@dataclass(frozen=True, slots=True, eq=False)
class GatherReply:
    """The rows, in the order of the request."""

    rows: dict[Column, EncodedRows]


@dataclass(slots=True)
class Traffic:
    """What the making of batches asked of other processes."""

    num_batches: int = 0
    num_calls: int = 0
    num_bytes: int = 0
    """Of arrays in calls and answers."""
    num_cache_hits: int = 0
    num_cache_lookups: int = 0
    """Feature rows of other owners, in the cache or not."""
    hop_s: list[float] = field(default_factory=list)
    """Seconds for each hop, then for the gather."""

    def add(self, other: Traffic) -> None:
        """Add up, the seconds of each hop too."""
        self.num_batches += other.num_batches
        self.num_calls += other.num_calls
        self.num_bytes += other.num_bytes
        self.num_cache_hits += other.num_cache_hits
        self.num_cache_lookups += other.num_cache_lookups
        longest = max(len(self.hop_s), len(other.hop_s))
        mine = self.hop_s + [0.0] * (longest - len(self.hop_s))
        for hop, seconds in enumerate(other.hop_s):
            mine[hop] += seconds
        self.hop_s = mine


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BatchEdges:
    """The sampled edges of one type (see `SampledEdges`), with their columns."""

    indptr: Int64s
    indices: Int64s
    num_per_hop: list[int]
    weight: npt.NDArray[np.float32] | None
    """float32 [E]: weights of the graph's edges and importance weights of the sampler, multiplied;
    None: all edges weigh 1."""
    edge_attr: npt.NDArray[np.float32] | None
    """float32 [E, D]."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WireBatch:
    """A batch as a sampling actor hands it to a trainer."""

    epoch: int
    index: int
    batch_size: int
    nodes: dict[NodeType, Int64s]
    num_nodes_per_hop: dict[NodeType, list[int]]
    edges: dict[EdgeType, BatchEdges]
    x: dict[NodeType, npt.NDArray[np.float32]]
    """Features of the nodes whose parts the trainer has not open, in the order of `nodes`."""
    y: npt.NDArray[Any] | None
    """Labels of the seeds."""
    seed_weight: npt.NDArray[np.float32] | None
    """float32 [B]: factor of each seed's loss, None: 1."""
    traffic: Traffic


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StreamRequest:
    """The batches that a trainer wants of one epoch."""

    stream: str
    """Who asks: a new request ends the one before."""
    number: int
    """Counts the requests of a stream."""
    rule: SamplingRule
    node_type: NodeType
    epoch: int
    batches: list[int]
    """Numbers within the epoch, in the order in which they are wanted."""
    seeds: Int64s
    """Global ids for all of them, one batch after the other."""
    bounds: Int64s
    """int64 [batches + 1]: where each batch begins in `seeds`."""
    open_parts: tuple[int, ...]
    """Parts whose features the trainer gathers by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerInfo:
    """What a sampling actor has opened."""

    name: str
    node: str
    """Name and address of its machine."""
    path: str
    parts: tuple[int, ...]
    fingerprint: str
    """Of the raw graph."""
    layout: str
    """Hash of how nodes and edges lie in parts."""
    version: str
    """Of distgnn."""
    pid: int


def num_bytes(message: object) -> int:
    """Return the size of all arrays in a message, in bytes."""
    if isinstance(message, np.ndarray):
        return message.nbytes
    if isinstance(message, dict):
        return sum(map(num_bytes, message.values()))
    slots = getattr(type(message), "__slots__", ())
    return sum(num_bytes(getattr(message, name)) for name in slots)
