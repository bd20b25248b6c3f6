"""Aggregations: reduce each group (the messages of a target, the nodes of a graph) to one."""

from distgnn.nn.aggr.base import Aggregation
from distgnn.nn.aggr.basic import (
    MaxAggregation,
    MeanAggregation,
    MinAggregation,
    MulAggregation,
    StdAggregation,
    SumAggregation,
    VarAggregation,
)
from distgnn.nn.aggr.lstm import LSTMAggregation
from distgnn.nn.aggr.median import MedianAggregation
from distgnn.nn.aggr.multi import MultiAggregation
from distgnn.nn.aggr.power_mean import PowerMeanAggregation
from distgnn.nn.aggr.scaler import DegreeScalerAggregation
from distgnn.nn.aggr.softmax import SoftmaxAggregation

__all__ = [
    "Aggregation",
    "DegreeScalerAggregation",
    "LSTMAggregation",
    "MaxAggregation",
    "MeanAggregation",
    "MedianAggregation",
    "MinAggregation",
    "MulAggregation",
    "MultiAggregation",
    "PowerMeanAggregation",
    "SoftmaxAggregation",
    "StdAggregation",
    "SumAggregation",
    "VarAggregation",
]
