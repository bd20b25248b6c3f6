"""Functions on edge_index, softmax, degree, sampling of negatives."""

from distgnn.nn.utils.coalesce import coalesce
from distgnn.nn.utils.degree import degree
from distgnn.nn.utils.gcn_norm import gcn_norm
from distgnn.nn.utils.index_ptr import index2ptr, ptr2index
from distgnn.nn.utils.loop import (
    add_remaining_self_loops,
    add_self_loops,
    contains_self_loops,
    remove_self_loops,
    segregate_self_loops,
)
from distgnn.nn.utils.negative_sampling import batched_negative_sampling, negative_sampling
from distgnn.nn.utils.num_nodes import maybe_num_nodes
from distgnn.nn.utils.scatter import scatter
from distgnn.nn.utils.softmax import softmax
from distgnn.nn.utils.sort_edge_index import sort_edge_index
from distgnn.nn.utils.structured_negative_sampling import (
    structured_negative_sampling,
    structured_negative_sampling_feasible,
)
from distgnn.nn.utils.trim_to_layer import trim_to_layer

__all__ = [
    "add_remaining_self_loops",
    "add_self_loops",
    "batched_negative_sampling",
    "coalesce",
    "contains_self_loops",
    "degree",
    "gcn_norm",
    "index2ptr",
    "maybe_num_nodes",
    "negative_sampling",
    "ptr2index",
    "remove_self_loops",
    "scatter",
    "segregate_self_loops",
    "softmax",
    "sort_edge_index",
    "structured_negative_sampling",
    "structured_negative_sampling_feasible",
    "trim_to_layer",
]
