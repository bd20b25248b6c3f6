"""Samplers: from a sharded graph and a batch of seeds to a `SampledSubgraph`."""

if __name__ != "distgnn.samplers":
    msg = f"this package is imported as 'distgnn.samplers', not as {__name__!r}"
    raise ImportError(msg)

from distgnn.samplers._kernels import BufferPool
from distgnn.samplers.assemble import HopAssembler
from distgnn.samplers.base import BatchSampler, SampledEdges, SampledSubgraph, Sampler
from distgnn.samplers.cluster import ClusterSampler
from distgnn.samplers.fastgcn import FastGCNSampler
from distgnn.samplers.hop import DrawnEdges, HopDrawer
from distgnn.samplers.labor import LaborSampler
from distgnn.samplers.ladies import LadiesSampler
from distgnn.samplers.metapath import MetapathWalks
from distgnn.samplers.negative import NegativeSampler
from distgnn.samplers.neighbor import NeighborSampler
from distgnn.samplers.ppr import PersonalizedPageRank, ScoredNeighbors
from distgnn.samplers.random_partition import RandomPartitionSampler
from distgnn.samplers.registry import SAMPLERS, chooses_seeds, make_sampler, sampler_class
from distgnn.samplers.rows import EdgeRows, NodeRows
from distgnn.samplers.rule import DrawRule
from distgnn.samplers.saint import SaintEdgeSampler, SaintNodeSampler, SaintWalkSampler
from distgnn.samplers.shadow import ShadowSampler
from distgnn.samplers.temporal import TemporalSampler
from distgnn.samplers.walk import RandomWalks
from distgnn.samplers.weighted import WeightedSampler

__all__ = [
    "SAMPLERS",
    "BatchSampler",
    "BufferPool",
    "ClusterSampler",
    "DrawRule",
    "DrawnEdges",
    "EdgeRows",
    "FastGCNSampler",
    "HopAssembler",
    "HopDrawer",
    "LaborSampler",
    "LadiesSampler",
    "MetapathWalks",
    "NegativeSampler",
    "NeighborSampler",
    "NodeRows",
    "PersonalizedPageRank",
    "RandomPartitionSampler",
    "RandomWalks",
    "SaintEdgeSampler",
    "SaintNodeSampler",
    "SaintWalkSampler",
    "SampledEdges",
    "SampledSubgraph",
    "Sampler",
    "ScoredNeighbors",
    "ShadowSampler",
    "TemporalSampler",
    "WeightedSampler",
    "chooses_seeds",
    "make_sampler",
    "sampler_class",
]
