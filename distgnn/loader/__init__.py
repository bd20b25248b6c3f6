"""Loader: from seeds to mini-batches with features and labels, prefetched by threads."""

from distgnn.loader.collate import Collator
from distgnn.loader.events import EventBatch, EventLoader
from distgnn.loader.graph_loader import GraphBatch, GraphLoader
from distgnn.loader.link_batch import LinkBatch
from distgnn.loader.link_loader import LinkLoader
from distgnn.loader.links import Links
from distgnn.loader.malloc import tune_malloc
from distgnn.loader.minibatch import MiniBatch
from distgnn.loader.node_loader import NodeLoader
from distgnn.loader.share import RankShare, SeedSchedule

__all__ = [
    "Collator",
    "EventBatch",
    "EventLoader",
    "GraphBatch",
    "GraphLoader",
    "LinkBatch",
    "LinkLoader",
    "Links",
    "MiniBatch",
    "NodeLoader",
    "RankShare",
    "SeedSchedule",
    "tune_malloc",
]
