"""Graphs of points in space, and their edges as undirected pairs."""

from __future__ import annotations

import torch
from torch import Tensor

from distgnn.exceptions import ArgumentError, nearest
from distgnn.nn.ops import torch_cluster

FLOWS = ("source_to_target", "target_to_source")


def radius_graph(
    x: Tensor,
    r: float,
    batch: Tensor | None = None,
    loop: bool = False,
    max_num_neighbors: int = 32,
    flow: str = "source_to_target",
    num_workers: int = 1,
    batch_size: int | None = None,
) -> Tensor:
    """Connect every point to the points within distance `r` of the same example (torch-cluster).

    Where a point has more than `max_num_neighbors` others around it, which ones are kept is up to
    torch-cluster's search: not the nearest, and not both directions of an edge. Distances follow
    from the points, so that gradients are taken through these, not through the edges.

    Args:
        x: Points, float [N, D] (half precision is searched in float32).
        r: Radius, in the unit of `x`.
        batch: Example of each point, int64 [N], ascending; None: one example.
        loop: Add an edge from every point to itself; it counts as a neighbour.
        max_num_neighbors: Greatest number of edges that lead to a point.
        flow: ``"source_to_target"``: edges (neighbour, point); else (point, neighbour).
        num_workers: Threads of the search; taken when `batch` is None or one example.
        batch_size: Number of examples; None: counted.

    Returns:
        edge_index, int64 [2, E], sorted by point.

    Raises:
        ArgumentError: A wrong shape, a radius or number of neighbours that is not positive, an
            unsorted `batch`, a coordinate that is not finite.
        MissingDependencyError: torch-cluster is not installed.
    """
    _check_search(x, r, batch, max_num_neighbors, flow)
    points = x.detach()
    if points.dtype in (torch.float16, torch.bfloat16):
        points = points.float()
    edge_index: Tensor = torch_cluster().radius_graph(
        points, r, batch, loop, max_num_neighbors, flow, num_workers, batch_size
    )
    return edge_index


def undirected_pairs(edge_index: Tensor, num_nodes: int) -> Tensor | None:
    """Return one direction of every edge, if the edges come in both; else None.

    What depends on the distance alone is then needed for half of the edges. Loops and parallel
    edges also give None.

    Args:
        edge_index: Edges, int64 [2, E].
        num_nodes: Number of nodes.

    Returns:
        The edges with ``source < target``, int64 [2, E / 2], or None.
    """
    source, target = edge_index
    half = edge_index[:, source < target]
    if 2 * half.size(1) != edge_index.size(1):
        return None
    other = edge_index[:, source > target]
    keys = (half[0] * num_nodes + half[1]).sort().values
    other_keys = (other[1] * num_nodes + other[0]).sort().values
    if not torch.equal(keys, other_keys) or bool((keys.diff() == 0).any()):
        return None
    return half


def _check_search(
    x: Tensor, r: float, batch: Tensor | None, max_num_neighbors: int, flow: str
) -> None:
    if x.dim() != 2 or not x.is_floating_point():
        msg = f"points are {x.dtype} of shape {list(x.shape)}, expected floats [N, D]"
        raise ArgumentError(msg)
    if not r > 0:
        msg = f"the radius is {r}, expected a distance above 0 in the unit of the points"
        raise ArgumentError(msg)
    if max_num_neighbors < 1:
        msg = f"max_num_neighbors={max_num_neighbors}, expected at least 1"
        raise ArgumentError(msg)
    if flow not in FLOWS:
        msg = f"flow={flow!r} is unknown{nearest(flow, FLOWS)}"
        raise ArgumentError(msg)
    _check_finite(x)
    if batch is not None:
        check_batch(batch, x.size(0))


def _check_finite(x: Tensor) -> None:
    if bool(x.isfinite().all()):
        return
    row = int((~x.isfinite()).any(dim=1).nonzero()[0])
    msg = (
        f"point {row} is {x[row].tolist()}: coordinates must be finite; drop or repair the example"
    )
    raise ArgumentError(msg)


def check_batch(batch: Tensor, num_points: int) -> None:
    """Check that `batch` names an example for every point, in ascending order.

    Raises:
        ArgumentError: Another shape or type, or not ascending.
    """
    if batch.dtype != torch.int64 or batch.shape != (num_points,):
        msg = f"batch is {batch.dtype} of shape {list(batch.shape)}, expected int64 [{num_points}]"
        raise ArgumentError(msg)
    if num_points > 0 and (int(batch[0]) < 0 or bool((batch.diff() < 0).any())):
        msg = (
            "batch must start at 0 or above and ascend: the search takes the points of an example "
            "to be one range; sort the points by batch"
        )
        raise ArgumentError(msg)
