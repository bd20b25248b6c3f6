"""A generator of community graphs with power-law degrees, of any size, from a seed."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from distgnn.exceptions import ArgumentError
from distgnn.schema import (
    DEFAULT_EDGE_TYPE,
    DEFAULT_NODE_TYPE,
    EdgeSchema,
    FeatureSpec,
    GraphSchema,
    LabelSpec,
    NodeSchema,
)
from distgnn.tables.raw_graph import RawGraph

_BLOCK = 1 << 20
_MAX_SHARE = 1e-3
"""Largest share of all edge ends that one node may attract in expectation."""

Int64s = npt.NDArray[np.int64]
Float64s = npt.NDArray[np.float64]


def generate(
    num_nodes: int,
    num_edges: int,
    *,
    num_features: int = 128,
    num_classes: int = 16,
    num_communities: int = 64,
    seed: int = 0,
    dtype: Literal["float16", "float32"] = "float32",
    exponent: float = 2.5,
    mixing: float = 0.3,
    signal: float = 0.15,
    train_share: float = 0.5,
) -> RawGraph:
    """Generate a degree-corrected stochastic block model with features and labels.

    Each node belongs to a community and attracts edges in proportion to a weight drawn from a
    Pareto law (Karrer and Newman 2011, https://arxiv.org/abs/1008.3926). An edge joins two nodes of
    one community with probability ``1 - mixing``, and any two nodes otherwise; it is stored in both
    directions. Parallel edges and loops occur as the model draws them. A node's class is that of
    its community; its features are the class's unit vector times ``signal * sqrt(num_features)``
    plus standard normal noise, so that a node alone says little of its class and the mean over its
    neighbours says much.

    Args:
        num_nodes: Number of nodes, at least `num_communities`.
        num_edges: Number of directed edges, even: half of them are drawn, half are their reverses.
        num_features: Features of a node; 0 for none.
        num_classes: Number of classes; communities are dealt to them in turn.
        num_communities: Number of communities, of equal size in expectation.
        seed: Seed of everything drawn; the same seed gives the same graph on every machine.
        dtype: Type of the features.
        exponent: Exponent of the degree distribution's tail, above 2.
        mixing: Probability that an edge ignores communities, in [0, 1].
        signal: Length of a class's mean feature vector in units of the noise's length.
        train_share: Share of the nodes in the training split; the rest is halved into val and test.

    Returns:
        A homogeneous graph: `id` (int64, the row), `x` (fixed-size list), `y` (int64) and `split`
        (int8) of each node, `src` and `dst` (int64) of each edge.

    Raises:
        ArgumentError: a number is out of its range.
    """
    _check(num_nodes, num_edges, num_classes, num_communities, exponent, mixing)
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    community = rng.integers(num_communities, size=num_nodes, dtype=np.int64)
    src, dst = _edges(rng, community, num_communities, num_edges // 2, exponent, mixing)
    label = community % num_classes
    split = np.searchsorted(
        [train_share, (1 + train_share) / 2], rng.random(num_nodes), side="right"
    ).astype(np.int8)
    columns = {"id": pa.array(np.arange(num_nodes)), "y": pa.array(label), "split": pa.array(split)}
    if num_features:
        columns["x"] = _features(rng, label, num_classes, num_features, signal, dtype)
    node = NodeSchema(
        type=DEFAULT_NODE_TYPE,
        features=FeatureSpec(dim=num_features, dtype=dtype) if num_features else None,
        label=LabelSpec(kind="class", dim=num_classes),
        has_split=True,
    )
    return RawGraph(
        schema=GraphSchema(nodes=(node,), edges=(EdgeSchema(type=DEFAULT_EDGE_TYPE),)),
        nodes={DEFAULT_NODE_TYPE: pa.table(columns)},
        edges={
            DEFAULT_EDGE_TYPE: pa.table(
                {
                    "src": pa.array(np.concatenate([src, dst])),
                    "dst": pa.array(np.concatenate([dst, src])),
                }
            )
        },
        name=f"generated-{num_nodes}-{num_edges}-{seed}",
    )


def _check(
    num_nodes: int,
    num_edges: int,
    num_classes: int,
    num_communities: int,
    exponent: float,
    mixing: float,
) -> None:
    for name, value, good, must in [
        ("num_communities", num_communities, num_communities > 0, "> 0"),
        ("num_nodes", num_nodes, num_nodes >= num_communities, f">= {num_communities}"),
        ("num_edges", num_edges, num_edges >= 0 and num_edges % 2 == 0, "even and >= 0"),
        ("num_classes", num_classes, num_classes > 0, "> 0"),
        ("exponent", exponent, exponent > 2, "> 2, or the mean degree has no bound"),
        ("mixing", mixing, 0 <= mixing <= 1, "in [0, 1]"),
    ]:
        if not good:
            msg = f"{name} = {value}: it must be {must}"
            raise ArgumentError(msg)


def _edges(
    rng: np.random.Generator,
    community: Int64s,
    num_communities: int,
    num_pairs: int,
    exponent: float,
    mixing: float,
) -> tuple[Int64s, Int64s]:
    """Draw pairs of nodes: the first by weight, the second by weight in its community or at all."""
    num_nodes = len(community)
    weight = 1 + rng.pareto(exponent - 1, size=num_nodes)
    np.minimum(weight, max(_MAX_SHARE * weight.sum(), 1), out=weight)
    order = np.argsort(community, kind="stable")
    cumulative = np.concatenate([[0.0], np.cumsum(weight[order])])
    bounds = cumulative[np.searchsorted(community[order], np.arange(num_communities + 1))]
    src = np.empty(num_pairs, np.int64)
    dst = np.empty(num_pairs, np.int64)
    for start in range(0, num_pairs, _BLOCK):
        block = slice(start, min(start + _BLOCK, num_pairs))
        size = block.stop - block.start
        src[block] = _draw(rng, order, cumulative, np.zeros(size), np.full(size, cumulative[-1]))
        own = community[src[block]]
        anywhere = rng.random(size) < mixing
        low = np.where(anywhere, 0.0, bounds[own])
        high = np.where(anywhere, cumulative[-1], bounds[own + 1])
        dst[block] = _draw(rng, order, cumulative, low, high)
    return src, dst


def _draw(
    rng: np.random.Generator, order: Int64s, cumulative: Float64s, low: Float64s, high: Float64s
) -> Int64s:
    """Draw nodes by weight: invert the cumulative weights at points of [low, high)."""
    points = low + rng.random(len(low)) * (high - low)
    rank = np.searchsorted(cumulative, points, side="right") - 1
    return order[np.minimum(rank, len(order) - 1)]


def _features(
    rng: np.random.Generator,
    label: Int64s,
    num_classes: int,
    num_features: int,
    signal: float,
    dtype: Literal["float16", "float32"],
) -> pa.Array:
    means = rng.standard_normal((num_classes, num_features), dtype=np.float32)
    means *= signal * np.sqrt(num_features) / np.linalg.norm(means, axis=1, keepdims=True)
    x = np.empty((len(label), num_features), dtype)
    rows = max(1, _BLOCK // num_features)
    for start in range(0, len(label), rows):
        block = label[start : start + rows]
        noise = rng.standard_normal((len(block), num_features), dtype=np.float32)
        x[start : start + rows] = noise + means[block]
    return pa.FixedSizeListArray.from_arrays(pa.array(x.reshape(-1)), num_features)
