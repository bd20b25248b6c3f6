"""What nodes weigh: what every part should get an equal share of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from distgnn.exceptions import PartitionError, nearest
from distgnn.partition.adjacency import int64_column
from distgnn.schema import SPLITS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from distgnn.schema import NodeType
    from distgnn.tables.raw_graph import RawGraph

Balance = Literal["nodes", "edges", "train"]
BALANCES: tuple[Balance, ...] = get_args(Balance)


def check_balance(balance: str) -> Balance:
    """Return `balance` if it is one of `BALANCES`.

    Raises:
        PartitionError: it is not.
    """
    for known in BALANCES:
        if balance == known:
            return known
    msg = f"there is no balance {balance!r}{nearest(balance, BALANCES)}"
    raise PartitionError(msg)


def balance_weights(raw: RawGraph, balance: Balance) -> npt.NDArray[np.int64]:
    """Return what every node of the union graph weighs under each constraint, int64 [N, C].

    The first constraint is what `balance` names: nodes (1 each), edges (edges into the node) or
    train (1 for a training node). Edges and train come with the node count as a second constraint,
    without which the smallest cut would put nearly all nodes of no weight in one part.

    Raises:
        PartitionError: the graph has no training nodes, and `balance` is train.
    """
    num_nodes = sum(raw.num_nodes(node_type) for node_type in raw.schema.node_types)
    return weights_of(
        num_nodes, balance, lambda: in_edges(raw) if balance == "edges" else training_nodes(raw)
    )


def weights_of(
    num_nodes: int, balance: Balance, counts: Callable[[], Mapping[NodeType, npt.NDArray[np.int64]]]
) -> npt.NDArray[np.int64]:
    """Return what every node weighs (see `balance_weights`).

    Args:
        num_nodes: Nodes of all types.
        balance: What to balance.
        counts: Called unless `balance` is nodes: for each node type, in order, the edges into every
            node, or 1 for a training node.

    Raises:
        PartitionError: there are no training nodes, and `balance` is train.
    """
    ones = np.ones(num_nodes, np.int64)
    if balance == "nodes":
        return ones[:, None]
    weights = np.concatenate(list(counts().values()))
    if not weights.any():
        if balance == "edges":
            return ones[:, None]
        msg = (
            "balance 'train' needs training nodes, and no node table has a split column with any. "
            "Name a split column in the graph file, or balance 'nodes' or 'edges'."
        )
        raise PartitionError(msg)
    return np.stack([weights, ones], axis=1)


def in_edges(raw: RawGraph) -> dict[str, npt.NDArray[np.int64]]:
    """Return the number of edges into every node, by node type, int64 [n] each."""
    counts = {t: np.zeros(raw.num_nodes(t), np.int64) for t in raw.schema.node_types}
    for edge_type in raw.schema.edge_types:
        target = edge_type[2]
        dst = int64_column(raw.edges[edge_type], "dst")
        counts[target] += np.bincount(dst, minlength=raw.num_nodes(target))
    return counts


def training_nodes(raw: RawGraph) -> dict[str, npt.NDArray[np.int64]]:
    """Return 1 for every training node and 0 for others, by node type, int64 [n] each."""
    marks = {}
    for node in raw.schema.nodes:
        if node.has_split:
            split = raw.nodes[node.type].column("split").to_numpy()
            marks[node.type] = (split == SPLITS["train"]).astype(np.int64)
        else:
            marks[node.type] = np.zeros(raw.num_nodes(node.type), np.int64)
    return marks
