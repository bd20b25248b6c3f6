"""Normalisation of node features."""

from distgnn.nn.norm.batch_norm import BatchNorm
from distgnn.nn.norm.diff_group_norm import DiffGroupNorm
from distgnn.nn.norm.graph_norm import GraphNorm
from distgnn.nn.norm.graph_size_norm import GraphSizeNorm
from distgnn.nn.norm.instance_norm import InstanceNorm
from distgnn.nn.norm.layer_norm import LayerNorm
from distgnn.nn.norm.mean_subtraction_norm import MeanSubtractionNorm
from distgnn.nn.norm.message_norm import MessageNorm
from distgnn.nn.norm.pair_norm import PairNorm

__all__ = [
    "BatchNorm",
    "DiffGroupNorm",
    "GraphNorm",
    "GraphSizeNorm",
    "InstanceNorm",
    "LayerNorm",
    "MeanSubtractionNorm",
    "MessageNorm",
    "PairNorm",
]
