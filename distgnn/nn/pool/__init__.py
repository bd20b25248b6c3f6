"""Pooling: graphs to rows, and graphs to smaller graphs."""

from distgnn.nn.pool.connect import Connect, ConnectOutput, FilterEdges
from distgnn.nn.pool.glob import global_add_pool, global_max_pool, global_mean_pool
from distgnn.nn.pool.select import Select, SelectOutput, SelectTopK
from distgnn.nn.pool.topk_pooling import TopKPooling

__all__ = [
    "Connect",
    "ConnectOutput",
    "FilterEdges",
    "Select",
    "SelectOutput",
    "SelectTopK",
    "TopKPooling",
    "global_add_pool",
    "global_max_pool",
    "global_mean_pool",
]
