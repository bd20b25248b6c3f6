"""Batches of whole graphs (molecules), as many as fit a budget of graphs, nodes or edges."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError
from distgnn.loader.prefetch import Prefetch
from distgnn.samplers.checks import whole_at_least
from distgnn.samplers.randomness import EpochOrder

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from distgnn.shards.graph_set import GraphArrays, GraphSet

    Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GraphBatch:
    """B graphs as one of N nodes and E edges that has no edge between them.

    What the set does not have is None.
    """

    index: Tensor
    """int64 [B]: numbers of the graphs in their set."""
    batch: Tensor
    """int64 [N]: the graph of each node, from 0 to B - 1."""
    ptr: Tensor
    """int64 [B + 1]: nodes ptr[i]:ptr[i + 1] are those of graph i."""
    edge_index: Tensor
    """int64 [2, E]: sources and destinations among the N nodes."""
    z: Tensor | None = None
    """int64 [N]: atomic numbers."""
    pos: Tensor | None = None
    """float32 [N, 3]."""
    x: Tensor | None = None
    """float32 [N, F]."""
    edge_attr: Tensor | None = None
    """float32 [E, D]."""
    y: Tensor | None = None
    """float32 [B, T]."""

    @property
    def num_graphs(self) -> int:
        """Number of graphs B."""
        return self.index.numel()

    def to(self, device: torch.device | str, *, non_blocking: bool = False) -> Self:
        """Return the batch on `device`."""
        moved: dict[str, Any] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            moved[field.name] = (
                None if value is None else value.to(device, non_blocking=non_blocking)
            )
        return type(self)(**moved)


class GraphLoader:
    """Hands out every graph once an epoch, in batches that keep to a budget.

    Batches are a function of the set, the graphs (as a set), the budget, the seed and the epoch:
    not of parts, threads, or of where an epoch was entered.
    """

    def __init__(
        self,
        graphs: GraphSet,
        numbers: Int64s | None = None,
        *,
        max_graphs: int | None = None,
        max_nodes: int | None = None,
        max_edges: int | None = None,
        shuffle: bool = False,
        seed: int = 0,
        num_threads: int = 0,
        prefetch: int = 4,
        timeout_s: float = 600.0,
    ) -> None:
        """Prepare to load. A batch takes graphs in order for as long as all budgets allow.

        Args:
            graphs: The set.
            numbers: Which graphs, int64 [n], each once; None: all.
            max_graphs: Most graphs of a batch.
            max_nodes: Most nodes of a batch.
            max_edges: Most edges of a batch.
            shuffle: Whether each epoch has its own random order; otherwise that of the numbers.
            seed: Key of that order, at least 0.
            num_threads: Threads that make batches ahead; 0: made when they are asked for.
            prefetch: Batches made ahead.
            timeout_s: How long a batch may take before `LoaderTimeoutError`.

        Raises:
            ArgumentError: no budget is given, or a graph alone is beyond it; there are no graphs,
                or numbers are out of range or given twice.
        """
        self._graphs = graphs
        self._numbers = _checked_numbers(graphs, numbers)
        self._budgets = _checked_budgets(graphs, self._numbers, max_graphs, max_nodes, max_edges)
        self._prefetch = Prefetch(num_threads=num_threads, num_ahead=prefetch, timeout_s=timeout_s)
        seed = whole_at_least("seed", seed, 0)
        self._order = EpochOrder(len(self._numbers), seed=seed) if shuffle else None

    def num_batches(self, epoch: int) -> int:
        """Return the number of batches of an epoch: with other orders other graphs fit together."""
        return len(self._plan(epoch)[1]) - 1

    def epoch(self, epoch: int, start: int = 0) -> Iterator[GraphBatch]:
        """Return the batches of an epoch from number `start` on, in order.

        Raises:
            ArgumentError: `epoch` is negative, or `start` is not a batch of the epoch or its end.
            LoaderTimeoutError: a batch took longer than `timeout_s` (while iterating).
        """
        numbers, bounds = self._plan(whole_at_least("epoch", epoch, 0))

        def make(batch: int) -> GraphBatch:
            chosen = numbers[bounds[batch] : bounds[batch + 1]]
            return collate(chosen, self._graphs.gather(chosen))

        return self._prefetch.epoch(make, len(bounds) - 1, epoch=epoch, start=start)

    def _plan(self, epoch: int) -> tuple[Int64s, list[int]]:
        """Return the order of the graphs and where in it each batch begins, and the end."""
        numbers = self._numbers if self._order is None else self._numbers[self._order.of(epoch)]
        used = [(np.r_[0, np.cumsum(sizes[numbers])], most) for sizes, most in self._budgets]
        bounds = [0]
        while bounds[-1] < len(numbers):
            first = bounds[-1]
            ends = [np.searchsorted(sums, sums[first] + most, side="right") for sums, most in used]
            bounds.append(int(min(ends)) - 1)
        return numbers, bounds


def collate(numbers: Int64s, arrays: GraphArrays) -> GraphBatch:
    """Return graphs of a set as one batch.

    Args:
        numbers: Their numbers, int64 [B].
        arrays: What `GraphSet.gather` gave for them.
    """
    num_nodes = torch.from_numpy(arrays.num_nodes)
    ptr = torch.nn.functional.pad(num_nodes.cumsum(0), (1, 0))
    shift = ptr[:-1].repeat_interleave(torch.from_numpy(arrays.num_edges))
    ends = torch.stack([torch.from_numpy(arrays.src), torch.from_numpy(arrays.dst)])
    rest = {
        name: None if (values := getattr(arrays, name)) is None else torch.from_numpy(values)
        for name in ("z", "pos", "x", "edge_attr", "y")
    }
    return GraphBatch(
        index=torch.from_numpy(numbers.copy()),
        batch=torch.arange(len(numbers)).repeat_interleave(num_nodes),
        ptr=ptr,
        edge_index=ends + shift,
        **rest,
    )


def _checked_numbers(graphs: GraphSet, numbers: Any) -> Int64s:
    if numbers is None:
        return np.arange(len(graphs))
    found = np.asarray(numbers)
    if found.dtype != np.int64 or found.ndim != 1 or len(found) == 0:
        msg = f"numbers must be int64 [n], n at least 1, got {found.dtype} {found.shape}"
        raise ArgumentError(msg)
    if found.min() < 0 or found.max() >= len(graphs) or len(np.unique(found)) < len(found):
        msg = (
            f"numbers {found.min()} to {found.max()} must each be one of the {len(graphs)} graphs, "
            "and none given twice"
        )
        raise ArgumentError(msg)
    return np.sort(found)


def _checked_budgets(
    graphs: GraphSet,
    numbers: Int64s,
    max_graphs: int | None,
    max_nodes: int | None,
    max_edges: int | None,
) -> list[tuple[Int64s, int]]:
    """Return for each budget what every graph takes of it, int64 [G], and how much there is."""
    ones = np.ones(len(graphs), np.int64)
    budgets = []
    for name, sizes, most in (
        ("max_graphs", ones, max_graphs),
        ("max_nodes", graphs.num_nodes, max_nodes),
        ("max_edges", graphs.num_edges, max_edges),
    ):
        if most is None:
            continue
        whole_at_least(name, most, 1)
        largest = numbers[np.argmax(sizes[numbers])]
        if sizes[largest] > most:
            msg = (
                f"{name} = {most}, but graph {largest} alone has {sizes[largest]}: raise the "
                "budget, or leave such graphs out (numbers)"
            )
            raise ArgumentError(msg)
        budgets.append((sizes, most))
    if not budgets:
        msg = "give a budget for a batch: max_graphs, max_nodes or max_edges"
        raise ArgumentError(msg)
    return budgets
