"""Models get the adjacency in the form that they ask for, and the same rows come out."""

import pytest
import torch
from torch import nn

from distgnn.csc import CSC
from distgnn.loader import NodeLoader
from distgnn.nn import GraphSAGE
from distgnn.samplers import NeighborSampler, RandomPartitionSampler
from distgnn.tasks.forward import seed_rows, square
from distgnn.testing.graphs import papers


def mean(x, source, target):
    total = torch.zeros_like(x).index_add(0, target, x[source])
    count = torch.bincount(target, minlength=len(x)).clamp(min=1)[:, None]
    return total / count + x


class TakesEdgeIndex(nn.Module):
    def forward(self, x, edge_index):
        return mean(mean(x, *edge_index), *edge_index)


class TakesAdj(nn.Module):
    def forward(self, x, adj):
        assert adj.num_dst == adj.num_src == len(x)
        source, target = adj.edge_index()
        return mean(mean(x, source, target), source, target)


class TakesHops(nn.Module):
    def forward(self, x, edge_index, num_sampled_nodes_per_hop, num_sampled_edges_per_hop):
        assert edge_index.num_dst < len(x) == sum(num_sampled_nodes_per_hop)
        assert edge_index.num_edges == sum(num_sampled_edges_per_hop)
        return TakesAdj()(x, square(edge_index))


class TakesWeights(nn.Module):
    def forward(self, x, edge_index, edge_weight=None):
        return torch.full((len(x), 1), -1.0 if edge_weight is None else float(edge_weight.sum()))


@pytest.fixture
def batch(tmp_path):
    graph = papers().write(tmp_path / "graph")
    sampler = NeighborSampler(graph, [-1, -1])
    loader = NodeLoader(
        graph, sampler, graph.global_id_of_index("paper")[3:5].copy(), batch_size=2, num_threads=0
    )
    return next(loader.epoch(0))


def test_every_form_gives_the_same_rows_of_the_seeds(batch):
    expected = seed_rows(TakesEdgeIndex(), batch)
    assert expected.shape == (2, 2)
    for model in (TakesAdj(), TakesHops()):
        assert torch.equal(seed_rows(model, batch), expected)


def test_a_ddp_wrapper_is_looked_through(batch):
    torch.distributed.init_process_group(
        "gloo", store=torch.distributed.HashStore(), rank=0, world_size=1
    )
    try:
        model = nn.parallel.DistributedDataParallel(Weighted())
        assert torch.equal(seed_rows(model, batch), seed_rows(TakesAdj(), batch))
    finally:
        torch.distributed.destroy_process_group()


class Weighted(TakesAdj):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, x, adj):
        return self.scale * super().forward(x, adj)


def test_edge_weights_are_passed_where_there_are_some(batch):
    weights = batch.adj.weight
    assert seed_rows(TakesWeights(), batch).unique().tolist() == [float(weights.sum())]
    batch.adj.weight = None
    assert seed_rows(TakesWeights(), batch).unique().tolist() == [-1.0]


def test_square_adds_empty_rows():
    adj = square(CSC(torch.tensor([0, 2]), torch.tensor([1, 2]), 3))
    assert adj.indptr.tolist() == [0, 2, 2, 2]
    assert adj.edge_index().tolist() == [[1, 2], [0, 0]]


def test_every_row_of_an_induced_subgraph_is_computed_by_every_layer(tmp_path):
    graph = papers().write(tmp_path / "graph")
    seeds = graph.global_id_of_index("paper")[[1, 3]]
    sampler = RandomPartitionSampler(graph, seeds, num_parts=1)
    whole = next(NodeLoader(graph, sampler, num_threads=0).epoch(0))
    drawn = next(
        NodeLoader(
            graph, NeighborSampler(graph, [-1] * 4), seeds.copy(), batch_size=2, num_threads=0
        ).epoch(0)
    )
    model = GraphSAGE(2, 4, 4, 3).eval()  # deeper than the subgraph has hops
    torch.testing.assert_close(seed_rows(model, whole), seed_rows(model, drawn))
