"""Functions on edges: sorting, merging, self-loops, subgraphs, negatives, softmax per target."""

from distgnn.nn.utils.coalesce import coalesce
from distgnn.nn.utils.degree import degree
from distgnn.nn.utils.dropout_edge import dropout_edge
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
from distgnn.nn.utils.one_hot import one_hot
from distgnn.nn.utils.scatter import scatter
from distgnn.nn.utils.softmax import softmax
from distgnn.nn.utils.sort_edge_index import sort_edge_index
from distgnn.nn.utils.sparse_tensor import to_edge_index, to_sparse_tensor
from distgnn.nn.utils.spmm import spmm
from distgnn.nn.utils.structured_negative_sampling import (
    structured_negative_sampling,
    structured_negative_sampling_feasible,
)
from distgnn.nn.utils.subgraph import k_hop_subgraph, subgraph
from distgnn.nn.utils.trim_to_layer import trim_to_layer
from distgnn.nn.utils.undirected import is_undirected, to_undirected

__all__ = [
    "add_remaining_self_loops",
    "add_self_loops",
    "batched_negative_sampling",
    "coalesce",
    "contains_self_loops",
    "degree",
    "dropout_edge",
    "gcn_norm",
    "index2ptr",
    "is_undirected",
    "k_hop_subgraph",
    "maybe_num_nodes",
    "negative_sampling",
    "one_hot",
    "ptr2index",
    "remove_self_loops",
    "scatter",
    "segregate_self_loops",
    "softmax",
    "sort_edge_index",
    "spmm",
    "structured_negative_sampling",
    "structured_negative_sampling_feasible",
    "subgraph",
    "to_edge_index",
    "to_sparse_tensor",
    "to_undirected",
    "trim_to_layer",
]
