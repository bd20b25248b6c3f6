"""The compiled kernels, loaded in one place; each is described in its header in ``csrc/``."""

from __future__ import annotations

from distgnn.exceptions import MissingDependencyError

try:
    from distgnn.partition._kernels import (
        AdjacencyBuilder,
        Clusterer,
        Refiner,
        Streamer,
        add_cluster_edges,
        build_adjacency,
        build_csc,
        build_rows,
        count_cut,
        group_by_part,
        hash_texts,
        rebalance,
    )
except ImportError as error:
    msg = (
        f"the compiled kernels of distgnn.partition cannot be loaded ({error}). Compile them: "
        "`pip install --editable .` in the repository, or `pip install --force-reinstall distgnn`."
    )
    raise MissingDependencyError(msg) from error

__all__ = [
    "AdjacencyBuilder",
    "Clusterer",
    "Refiner",
    "Streamer",
    "add_cluster_edges",
    "build_adjacency",
    "build_csc",
    "build_rows",
    "count_cut",
    "group_by_part",
    "hash_texts",
    "rebalance",
]
