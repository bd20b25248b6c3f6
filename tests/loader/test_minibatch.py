import numpy as np
import pytest
import torch

from distgnn.exceptions import ArgumentError
from distgnn.loader import NodeLoader
from distgnn.samplers import NeighborSampler
from distgnn.testing.graphs import BY, CITES, WRITES


@pytest.fixture
def papers_batch(papers_graph):
    """Seeds are the raw rows 0 and 3 (global ids 0 and 4), with all in-edges of two hops."""
    sampler = NeighborSampler(papers_graph, [-1, -1])
    return next(NodeLoader(papers_graph, sampler, np.array([4, 0]), batch_size=2).epoch(0))


@pytest.fixture
def scholars_batch(scholars_graph):
    """The seed is paper row 1 (global id 2), with all in-edges of two hops."""
    sampler = NeighborSampler(scholars_graph, [-1, -1])
    loader = NodeLoader(scholars_graph, sampler, np.array([2]), node_type="paper", batch_size=1)
    return next(loader.epoch(0))


def test_a_hand_made_batch(papers_batch):
    batch = papers_batch
    assert (batch.node_type, batch.batch_size, batch.epoch, batch.index) == ("paper", 2, 0, 0)
    assert batch.n_id.tolist() == [0, 4, 3, 5, 1, 2]
    assert batch.x[:, 0].tolist() == [0, 30, 10, 40, 20, 50]
    assert batch.x.dtype == torch.float32
    assert batch.y.tolist() == [0, 0]
    assert batch.num_sampled_nodes_per_hop == [2, 2, 2]
    assert batch.num_sampled_edges_per_hop == [3, 5]
    assert batch.adj.indptr.tolist() == [0, 1, 3, 7, 8]
    assert batch.adj.indices.tolist() == [2, 0, 3, 0, 0, 4, 1, 5]
    assert batch.adj.num_src == 6
    # Edges with the raw rows 2, 5, 4, 0, 7, 1, 3, 6.
    assert batch.adj.weight.tolist() == [1.5, 3.0, 2.5, 0.5, 4.0, 1.0, 2.0, 3.5]
    assert batch.edge_index.tolist() == [[2, 0, 3, 0, 0, 4, 1, 5], [0, 1, 1, 2, 2, 2, 2, 3]]


def test_a_hand_made_heterogeneous_batch(scholars_batch):
    batch = scholars_batch
    assert batch.node_type == "paper"
    assert batch.n_id_dict["author"].tolist() == [1, 0, 2]
    assert batch.n_id_dict["paper"].tolist() == [2, 1, 0, 3]
    assert list(batch.x_dict) == ["paper"]
    # Sparse float16 rows 1, 3, 0, 2 made dense.
    assert batch.x_dict["paper"].tolist() == [
        [0] * 5,
        [0, 4, 5, 0, 0],
        [1, 0, 0, 2, 0],
        [0, 0, 0, 0, 3],
    ]
    assert batch.y.tolist() == [[1, 1]]
    assert batch.edge_attr_dict[WRITES].ravel().tolist() == [1, 2, 5, 4, 3, 0]
    assert {name: adj.num_src for name, adj in batch.adj_dict.items()} == {
        WRITES: 3,
        CITES: 4,
        BY: 4,
    }
    assert {name: adj.num_dst for name, adj in batch.adj_dict.items()} == {
        WRITES: 4,
        CITES: 4,
        BY: 3,
    }
    assert batch.num_sampled_nodes_dict == {"author": [0, 3, 0], "paper": [1, 3, 0]}
    assert batch.num_sampled_edges_dict == {WRITES: [3, 3], CITES: [3, 2], BY: [0, 6]}
    assert all(adj.weight is None for adj in batch.adj_dict.values())


def test_views_of_one_type_say_which_types_there_are(scholars_batch, papers_batch):
    assert scholars_batch.x.shape == (4, 5)
    with pytest.raises(
        ArgumentError, match=r"`adj` is for graphs of one type.*author__writes__paper"
    ):
        _ = scholars_batch.adj
    with pytest.raises(ArgumentError, match=r"`n_id` is .* node types author, paper"):
        _ = scholars_batch.n_id
    with pytest.raises(ArgumentError, match="has no edge features, so no `edge_attr`"):
        _ = papers_batch.edge_attr
    assert scholars_batch.edge_attr.shape == (6, 1)


def test_labels_may_be_absent(scholars_graph):
    sampler = NeighborSampler(scholars_graph, [1])
    loader = NodeLoader(scholars_graph, sampler, np.arange(3), node_type="author", batch_size=3)
    assert next(loader.epoch(0)).y is None


def tensors(batch):
    yield from batch.x_dict.values()
    yield from batch.n_id_dict.values()
    yield from batch.edge_attr_dict.values()
    for adj in batch.adj_dict.values():
        yield from (
            tensor for tensor in (adj.indptr, adj.indices, adj.weight) if tensor is not None
        )
    if batch.y is not None:
        yield batch.y


@pytest.mark.parametrize("name", ["papers_batch", "scholars_batch"])
def test_to_moves_every_tensor(request, name):
    batch = request.getfixturevalue(name)
    moved = batch.to("meta")
    assert all(tensor.is_meta for tensor in tensors(moved))
    assert len(list(tensors(moved))) == len(list(tensors(batch)))
    assert not any(tensor.is_meta for tensor in tensors(batch))
    assert moved.num_sampled_nodes_dict == batch.num_sampled_nodes_dict
    assert all(
        tensor.is_meta for tensor in tensors(batch.to(torch.device("meta"), non_blocking=True))
    )


def test_to_the_same_device_shares_memory(papers_batch):
    same = papers_batch.to("cpu")
    pairs = zip(tensors(papers_batch), tensors(same), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in pairs)


@pytest.mark.gpu
def test_pinned_batches_are_copied_in_the_background(papers_batch):
    pinned = papers_batch.pin_memory()
    assert all(tensor.is_pinned() for tensor in tensors(pinned))
    on_gpu = pinned.to("cuda", non_blocking=True)
    torch.cuda.synchronize()
    pairs = zip(tensors(papers_batch), tensors(on_gpu), strict=True)
    assert all(torch.equal(a, b.cpu()) for a, b in pairs)


def test_pinning_copies_every_tensor(papers_batch, monkeypatch):
    """Without a GPU there is no page-locked memory: count who is asked for it."""
    monkeypatch.setattr(torch.Tensor, "pin_memory", torch.Tensor.clone)
    pinned = papers_batch.pin_memory()
    pairs = list(zip(tensors(papers_batch), tensors(pinned), strict=True))
    assert all(torch.equal(a, b) and a.data_ptr() != b.data_ptr() for a, b in pairs)


def test_tensors_can_be_trained_on(papers_batch):
    """Memory from outside of torch is as good as its own: autograd, in-place operations."""
    x = papers_batch.x
    weight = torch.ones(2, 1, requires_grad=True)
    (x @ weight).sum().backward()
    assert weight.grad.ravel().tolist() == x.sum(0).tolist()
    x.mul_(2)
    assert papers_batch.x[1].tolist() == [60, 62]
