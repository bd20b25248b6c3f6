"""Functions on edge_index, softmax, degree, sampling of negatives."""

from distgnn.nn.utils.degree import degree
from distgnn.nn.utils.gcn_norm import gcn_norm
from distgnn.nn.utils.loop import (
    add_remaining_self_loops,
    add_self_loops,
    contains_self_loops,
    remove_self_loops,
    segregate_self_loops,
)
from distgnn.nn.utils.num_nodes import maybe_num_nodes
from distgnn.nn.utils.scatter import scatter
from distgnn.nn.utils.softmax import softmax
from distgnn.nn.utils.trim_to_layer import trim_to_layer

__all__ = [
    "add_remaining_self_loops",
    "add_self_loops",
    "contains_self_loops",
    "degree",
    "gcn_norm",
    "maybe_num_nodes",
    "remove_self_loops",
    "scatter",
    "segregate_self_loops",
    "softmax",
    "trim_to_layer",
]
