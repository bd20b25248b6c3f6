"""One hop: the in-edges that are drawn for given nodes. What the owner of a part answers.

`NeighborSampler` draws all hops of a batch in one call over the parts that are open on this
machine. Where parts are owned by several machines, each hop is a `HopDrawer.draw` at every owner,
and `distgnn.samplers.assemble.HopAssembler` puts the answers together: edge for edge the same
batch, since both draw by the same kernel (`csrc/draw_hop.h`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distgnn.exceptions import ArgumentError, nearest
from distgnn.samplers._kernels import draw_in_edges
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.rule import DrawRule, kernel_rule
from distgnn.schema import edge_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt

    from distgnn.samplers.base import Int64s
    from distgnn.schema import EdgeType
    from distgnn.shards import ShardedGraph


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DrawnEdges:
    """In-edges drawn for n nodes, in the order of the nodes."""

    num_picks: Int64s
    """int64 [n]: number of edges drawn for each node."""
    sources: Int64s
    """int64 [E]: global id of each edge's source."""
    position: Int64s
    """int64 [E]: place of the edge among all edges of the type (`SampledEdges.position`)."""
    weight: npt.NDArray[np.float32] | None = None
    """float32 [E]: importance weights, where the rule gives some."""


class HopDrawer:
    """Draws in-edges of nodes in the parts of a graph that are open here.

    May be used by several threads at once.
    """

    def __init__(
        self,
        graph: ShardedGraph,
        rule: DrawRule | None = None,
        *,
        seed: int = 0,
        num_threads: int = 1,
        in_memory: bool | None = None,
        parts: Sequence[int] | None = None,
    ) -> None:
        """Prepare to draw, which may copy the in-edges into memory.

        Args:
            graph: The graph.
            rule: How edges are drawn; by default uniformly, without replacement.
            seed: Key of all draws, at least 0.
            num_threads: Threads that share a draw; they do not change it.
            in_memory: Whether in-edges are copied (see `NeighborSampler`).
            parts: The parts to open; by default all.

        Raises:
            ArgumentError: a number or part that is not possible, or the graph lacks what the rule
                needs.
            ShardCorruptError: the arrays to be copied point outside the graph, or times of in-edges
                are not sorted.
        """
        self.graph = graph
        self.rule = rule or DrawRule()
        self.seed = whole_at_least("seed", seed, 0)
        self.num_threads = whole_at_least("num_threads", num_threads, 1)
        self._edge_types = list(graph.schema.edge_types)
        self._topology, self._rule = kernel_rule(
            graph, self.rule, self._edge_types, in_memory=in_memory, parts=parts
        )

    def draw(
        self,
        edge_type: EdgeType,
        ids: Int64s,
        *,
        fanout: int,
        epoch: int,
        batch: int,
        times: Int64s | None = None,
    ) -> DrawnEdges:
        """Return the in-edges of one type that are drawn for nodes at one hop.

        Args:
            edge_type: The edge type.
            ids: Global ids of nodes of its destination type, int64 [n], in parts that are open.
            fanout: How many edges are drawn for a node, at least 1, or -1 for all.
            epoch: Number of the epoch, at least 0.
            batch: Number of the batch within the epoch, at least 0.
            times: For draws by time the time as of which each node's in-edges are drawn, int64 [n].

        Raises:
            ArgumentError: an unknown edge type; ids of the wrong type, out of range or of a part
                that is not open; a number that is not possible.
            ShardCorruptError: the graph's arrays point outside themselves.
        """
        if edge_type not in self._edge_types:
            key = "__".join(map(str, edge_type))
            hint = nearest(key, map(edge_key, self._edge_types))
            msg = f"there is no edge type {key!r}{hint}"
            raise ArgumentError(msg)
        num_picks, sources, position, weight = draw_in_edges(
            self._topology,
            self._edge_types.index(edge_type),
            ids,
            times,
            fanout=fanout,
            rule=self._rule,
            seed=self.seed,
            epoch=whole_at_least("epoch", epoch, 0),
            batch=whole_at_least("batch", batch, 0),
            num_threads=self.num_threads,
        )
        return DrawnEdges(num_picks=num_picks, sources=sources, position=position, weight=weight)
