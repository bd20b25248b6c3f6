import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn import nn as ours_nn
from distgnn.exceptions import ArgumentError
from tests.nn.parity import assert_parity

BATCH = torch.tensor([0, 0, 0, 2, 2, 2, 2])
EDGES = torch.tensor([[0, 1, 2, 3, 6, 5, 2, 2], [1, 2, 0, 4, 5, 6, 2, 0]])


@pytest.mark.parametrize("batch", [BATCH, None], ids=["graphs", "one graph"])
@pytest.mark.parametrize("shape", [(7, 3), (2, 7, 3)], ids=["2d", "3d"])
@pytest.mark.parametrize("name", ["global_add_pool", "global_mean_pool", "global_max_pool"])
def test_global_pools_as_torch_geometric(name, shape, batch):
    x = torch.randn(shape)
    ours, theirs = getattr(ours_nn, name), getattr(pyg, name)
    torch.testing.assert_close(ours(x, batch), theirs(x, batch))
    if batch is not None:
        torch.testing.assert_close(ours(x, batch, 5), theirs(x, batch, 5))


OPTIONS = [
    {},
    {"ratio": 0.3},
    {"ratio": 2},
    {"ratio": 5, "multiplier": 2.0},
    {"min_score": 0.3},
    {"min_score": 0.9},
    {"nonlinearity": "sigmoid"},
    {"nonlinearity": torch.relu},
]


@pytest.mark.parametrize("batch", [BATCH, None], ids=["graphs", "one graph"])
@pytest.mark.parametrize("options", OPTIONS, ids=map(str, range(len(OPTIONS))))
def test_top_k_as_torch_geometric(options, batch):
    torch.manual_seed(2)
    x, edge_attr, attn = torch.randn(7, 3), torch.randn(8, 2), torch.randn(7, 3)
    ours, theirs = ours_nn.TopKPooling(3, **options), pyg.TopKPooling(3, **options)
    assert repr(ours) == repr(theirs)
    assert repr(ours.select) == repr(theirs.select)
    assert_parity(ours, theirs, x, EDGES, edge_attr, batch)
    assert_parity(ours, theirs, x, EDGES, None, batch, attn)


def test_ratio_one_keeps_every_node():
    perm = ours_nn.TopKPooling(3, ratio=1.0)(torch.randn(7, 3), EDGES, batch=BATCH)[4]
    assert sorted(perm.tolist()) == list(range(7))


def test_scores_written_out():
    pool = ours_nn.TopKPooling(1, ratio=2, nonlinearity=lambda score: score)
    pool.select.weight.data.fill_(2.0)
    x = torch.tensor([[1.0], [3.0], [2.0], [0.0]])
    edges = torch.tensor([[0, 1, 2, 1], [1, 2, 1, 3]])
    out, kept_edges, attr, batch, perm, score = pool(x, edges, torch.arange(4))
    assert perm.tolist() == [1, 2]
    assert score.tolist() == [3.0, 2.0]
    assert out.flatten().tolist() == [9.0, 4.0]
    assert kept_edges.tolist() == [[0, 1], [1, 0]]
    assert attr.tolist() == [1, 2]
    assert batch.tolist() == [0, 0]


def test_empty_graph():
    none = torch.empty(2, 0, dtype=torch.int64)
    for options in ({}, {"min_score": 0.5}):
        out = ours_nn.TopKPooling(3, **options)(torch.empty(0, 3), none)
        assert out[0].shape == (0, 3)
        assert out[1].shape == (2, 0)
    assert (
        ours_nn.global_mean_pool(torch.empty(0, 3), torch.empty(0).long(), 2).tolist()
        == [[0.0] * 3] * 2
    )


def test_copies_pickles_resets():
    pool = ours_nn.TopKPooling(3)
    x = torch.randn(7, 3)
    for other in (copy.deepcopy(pool), pickle.loads(pickle.dumps(pool))):
        assert torch.equal(other(x, EDGES)[0], pool(x, EDGES)[0])
    before = pool.select.weight.clone()
    pool.reset_parameters()
    assert not torch.equal(pool.select.weight, before)


def test_bad_input():
    with pytest.raises(ArgumentError, match=r"ratio=1\.5"):
        ours_nn.TopKPooling(3, ratio=1.5)
    with pytest.raises(ArgumentError, match="ratio=0"):
        ours_nn.TopKPooling(3, ratio=0)
    with pytest.raises(ArgumentError, match="did you mean 'tanh'"):
        ours_nn.TopKPooling(3, nonlinearity="tahn")
    with pytest.raises(ArgumentError, match=r"x has shape \[7, 4\], but SelectTopK"):
        ours_nn.TopKPooling(3)(torch.randn(7, 4), EDGES)
    one, two = torch.arange(1), torch.arange(2)
    with pytest.raises(ArgumentError, match="same length"):
        ours_nn.SelectOutput(two, 5, one, 1)
    with pytest.raises(ArgumentError, match=r"node_index has shape \[1, 2\]"):
        ours_nn.SelectOutput(two[None], 5, one, 1)
    with pytest.raises(ArgumentError, match="clusters of one node each"):
        ours_nn.FilterEdges()(ours_nn.SelectOutput(two, 5, two, 3), EDGES)
