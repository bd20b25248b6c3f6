"""Graphs of any size from a seed: power-law degrees, communities, features and labels.

A degree-corrected stochastic block model (Karrer and Newman, "Stochastic blockmodels and community
structure in networks", 2011), drawn edge by edge:

- Each node has a community, drawn evenly, and a weight from a Pareto law, so that the number of
  nodes of a degree falls off as ``degree ** -exponent``.
- One end of an edge is drawn by weight among all nodes; the other by weight within the community of
  the first with probability `homophily`, else among all. No loops, no duplicates.
- Each community belongs to one class. The label of a node is the class of its community, except
  that a share `label_noise` of the nodes has a random one.
- Features are a unit vector of the node's class times `signal`, plus standard normal noise in each
  dimension. Own features say little about the label, the mean over neighbours says much.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from distgnn.exceptions import ArgumentError, nearest
from distgnn.tables import EdgeArrays, EdgeOptions, NodeArrays, from_arrays

if TYPE_CHECKING:
    import numpy.typing as npt

    from distgnn.tables import RawGraph

    Int64s = npt.NDArray[np.int64]

FloatDtype = Literal["bfloat16", "float16", "float32", "float64"]

BLOCK_ROWS = 1 << 16
"""Rows of features drawn at a time, which bounds the working memory."""

MAX_ROUNDS = 100
"""Rounds of drawing until there are enough different edges."""

MAX_TIME = 1_000_000
"""Edge times are drawn from 0 to this, exclusive."""


def generate(
    num_nodes: int,
    num_edges: int,
    *,
    num_features: int = 128,
    num_classes: int = 16,
    num_communities: int = 64,
    seed: int = 0,
    dtype: FloatDtype = "float32",
    undirected: bool = True,
    exponent: float = 2.5,
    homophily: float = 0.8,
    signal: float = 1.0,
    label_noise: float = 0.05,
    split: tuple[float, float, float] = (0.5, 0.25, 0.25),
    weighted: bool = False,
    timed: bool = False,
) -> RawGraph:
    """Return a homogeneous graph drawn from `seed`; the module says how.

    The same arguments give the same graph. Edges depend on neither features nor labels.

    Args:
        num_nodes: Number of nodes.
        num_edges: Number of directed edges; an even one if `undirected`.
        num_features: Features of a node; 0: none.
        num_classes: Number of classes.
        num_communities: Number of communities, at least `num_classes`.
        seed: Not negative.
        dtype: Type of the features in storage.
        undirected: Whether each edge comes in both directions.
        exponent: Of the power law of the degrees, above 2.
        homophily: Probability that an edge is drawn within a community, 0 to 1.
        signal: Length of the class vector in the features; the noise has length 1 a dimension.
        label_noise: Share of nodes with a random label, 0 to 1.
        split: Shares of training, validation and test nodes, drawn at random.
        weighted: Whether edges have a weight, float32 between 0.5 and 1.5.
        timed: Whether edges have a time, int64 from 0 to 999,999.

    Raises:
        ArgumentError: an argument is outside its range, or so many edges cannot be found.
    """
    given = dict(locals())
    _check(given)
    structure, features, labels, attributes = np.random.SeedSequence(seed).spawn(4)
    plan = _Plan.draw(np.random.default_rng(structure), num_nodes, num_communities, exponent)
    count = num_edges // 2 if undirected else num_edges
    index = _draw_edges(
        np.random.default_rng(structure.spawn(1)[0]), plan, count, homophily, undirected=undirected
    )
    rng = np.random.default_rng(labels)
    classes = plan.community % num_classes
    x = _features(
        np.random.default_rng(features), classes, num_classes, num_features, signal, dtype
    )
    nodes = NodeArrays(
        x=x,
        feature_dtype=None if x is None else dtype,
        y=_noisy(rng, classes, num_classes, label_noise),
        split=_splits(rng, num_nodes, split),
        num_nodes=num_nodes,
        num_classes=num_classes,
    )
    rng = np.random.default_rng(attributes)
    edges = EdgeArrays(
        index=index,
        weight=rng.random(count, np.float32) + np.float32(0.5) if weighted else None,
        time=rng.integers(0, MAX_TIME, count) if timed else None,
        options=EdgeOptions(undirected=undirected),
    )
    return from_arrays(nodes, edges, name=f"generated-{num_nodes}-{num_edges}-{seed}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Plan:
    """Where edges may fall. Nodes stand sorted by community; `order` gives their real numbers."""

    community: Int64s
    """int64 [num_nodes]: community of each node, by its real number."""
    order: Int64s
    """int64 [num_nodes]: real number of each node in sorted order."""
    cumulative: npt.NDArray[np.float64]
    """float64 [num_nodes + 1]: sums of the weights of the nodes before each, in sorted order."""

    @classmethod
    def draw(
        cls, rng: np.random.Generator, num_nodes: int, num_communities: int, exponent: float
    ) -> _Plan:
        community = rng.integers(0, num_communities, num_nodes)
        # Degrees follow the weights: P(weight > w) = w ** (1 - exponent).
        weights = (1.0 - rng.random(num_nodes)) ** (-1.0 / (exponent - 1.0))
        np.minimum(weights, np.sqrt(num_nodes), out=weights)
        cumulative = np.zeros(num_nodes + 1)
        np.cumsum(weights, out=cumulative[1:])
        return cls(
            community=community, order=np.argsort(community, kind="stable"), cumulative=cumulative
        )

    def draw_ends(
        self, rng: np.random.Generator, count: int, homophily: float
    ) -> tuple[Int64s, Int64s]:
        """Draw both ends of `count` edges, as places in sorted order."""
        total, ends = self.cumulative[-1], np.cumsum(np.bincount(self.community))
        # In rising order, which changes nothing but that look-ups hit the cache.
        first = self._place(np.sort(rng.random(count)) * total)
        low = np.zeros(count)
        span = np.full(count, total)
        inside = np.flatnonzero(rng.random(count) < homophily)
        mine = self.community[self.order[first[inside]]]
        start = self.cumulative[np.concatenate([[0], ends[:-1]])[mine]]
        low[inside], span[inside] = start, self.cumulative[ends[mine]] - start
        span *= rng.random(count)
        return first, self._place(low + span)

    def _place(self, points: npt.NDArray[np.float64]) -> Int64s:
        """Return the node in whose stretch of the summed weights each point lies."""
        found = np.searchsorted(self.cumulative, points, side="right") - 1
        return np.minimum(found, len(self.order) - 1)


def _draw_edges(
    rng: np.random.Generator, plan: _Plan, count: int, homophily: float, *, undirected: bool
) -> Int64s:
    """Return `count` different edges without loops, int64 [2, count], by real node numbers."""
    size = len(plan.order)
    keys = np.empty(0, np.int64)
    for _ in range(MAX_ROUNDS):
        missing = count - len(keys)
        if missing <= 0:
            break
        src, dst = plan.draw_ends(rng, missing + missing // 8 + 16, homophily)
        if undirected:
            src, dst = np.minimum(src, dst), np.maximum(src, dst)
        fresh = (src * size + dst)[src != dst]
        keys = np.sort(np.concatenate([keys, fresh]))  # np.unique hashes: five times slower
        keys = keys[np.diff(keys, prepend=-1) > 0]
    surplus = len(keys) - count
    if surplus < 0:
        msg = (
            f"{count} different edges were asked for, but after {MAX_ROUNDS} rounds of drawing "
            f"there are {len(keys)} among {size} nodes; ask for fewer edges, more nodes or a lower "
            "homophily"
        )
        raise ArgumentError(msg)
    keys = np.delete(keys, rng.choice(len(keys), surplus, replace=False))
    return np.stack([plan.order[keys // size], plan.order[keys % size]])


def _features(
    rng: np.random.Generator,
    classes: Int64s,
    num_classes: int,
    num_features: int,
    signal: float,
    dtype: FloatDtype,
) -> npt.NDArray[Any] | None:
    """Return features [N, num_features]; for bfloat16 as float32."""
    if num_features == 0:
        return None
    centre = rng.standard_normal((num_classes, num_features), np.float32)
    centre *= np.float32(signal) / np.linalg.norm(centre, axis=1, keepdims=True)
    x = np.empty((len(classes), num_features), "float32" if dtype == "bfloat16" else dtype)
    for start in range(0, len(classes), BLOCK_ROWS):
        block = classes[start : start + BLOCK_ROWS]
        noise = rng.standard_normal((len(block), num_features), np.float32)
        noise += centre[block]
        x[start : start + len(block)] = noise
    return x


def _noisy(
    rng: np.random.Generator, classes: Int64s, num_classes: int, label_noise: float
) -> Int64s:
    random = rng.random(len(classes)) < label_noise
    return np.where(random, rng.integers(0, num_classes, len(classes)), classes)


def _splits(
    rng: np.random.Generator, num_nodes: int, shares: tuple[float, float, float]
) -> npt.NDArray[np.int8]:
    """Return split codes: exactly the rounded share of each, at random."""
    bounds = np.round(np.cumsum(shares) * num_nodes).astype(np.int64)
    codes = np.full(num_nodes, -1, np.int8)
    for code, (start, stop) in enumerate(zip([0, *bounds[:-1]], bounds, strict=True)):
        codes[start:stop] = code
    return rng.permutation(codes)


def _check(given: dict[str, Any]) -> None:
    """Check the arguments of `generate`.

    Raises:
        ArgumentError: one is outside its range.
    """
    nodes, edges, communities = given["num_nodes"], given["num_edges"], given["num_communities"]
    most = nodes * (nodes - 1)
    split = given["split"]
    conditions = {
        "num_nodes": (nodes >= 1, "at least 1"),
        "num_edges": (0 <= edges <= most, f"0 to num_nodes * (num_nodes - 1) = {most}"),
        "num_features": (given["num_features"] >= 0, "not negative"),
        "num_classes": (given["num_classes"] >= 1, "at least 1"),
        "num_communities": (communities >= given["num_classes"], "at least num_classes"),
        "seed": (given["seed"] >= 0, "not negative"),
        "exponent": (given["exponent"] > 2, "above 2, or degrees have no mean"),
        "homophily": (0 <= given["homophily"] <= 1, "0 to 1"),
        "label_noise": (0 <= given["label_noise"] <= 1, "0 to 1"),
        "split": (min(split) >= 0 and sum(split) < 1 + 1e-9, "shares that add up to at most 1"),
    }
    for name, (holds, wanted) in conditions.items():
        if not holds:
            msg = f"{name} is {given[name]}; it must be {wanted}"
            raise ArgumentError(msg)
    if given["undirected"] and edges % 2:
        msg = f"num_edges is {edges}; undirected edges come in pairs: give an even number"
        raise ArgumentError(msg)
    dtype, known = given["dtype"], get_args(FloatDtype)
    if dtype not in known:
        msg = f"{dtype!r} is no type of generated features{nearest(dtype, known)}"
        raise ArgumentError(msg)
