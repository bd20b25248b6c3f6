import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn import Node2Vec
from tests.nn.parity import assert_parity

EDGES = torch.tensor([[0, 1, 1, 2, 3, 3, 5], [1, 0, 2, 1, 4, 0, 5]])
SIZES = {"embedding_dim": 4, "walk_length": 5, "context_size": 3, "num_nodes": 7}


def loss(model, pos, neg):
    return model.loss(pos, neg)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("negatives", [1, 3])
def test_as_torch_geometric(sparse, negatives):
    options = {**SIZES, "walks_per_node": 2, "num_negative_samples": negatives}
    ours, theirs = (cls(EDGES, **options) for cls in (Node2Vec, pyg.Node2Vec))
    assert repr(ours) == repr(theirs)
    for name in ("rowptr", "col", "walk_length", "context_size", "EPS"):
        assert str(getattr(ours, name)) == str(getattr(theirs, name))
    pos, neg = theirs.sample(torch.tensor([0, 3, 6]))
    assert_parity(ours, theirs, pos, neg, call=loss)
    assert_parity(ours, theirs)
    assert_parity(ours, theirs, torch.tensor([2, 2, 0]))
    sparse = Node2Vec(EDGES, **options, sparse=True).double()
    sparse.load_state_dict(ours.state_dict())
    sparse.loss(pos, neg).backward()
    theirs.zero_grad()
    theirs.loss(pos, neg).backward()
    torch.testing.assert_close(
        sparse.embedding.weight.grad.to_dense(), theirs.embedding.weight.grad
    )


@pytest.mark.parametrize(("p", "q"), [(1.0, 1.0), (0.5, 2.0)])
def test_windows_lie_as_torch_geometrics(p, q):
    # Every node has one out-edge: walks are certain.
    ring = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]])
    options = {**SIZES, "num_nodes": 6, "walks_per_node": 2, "p": p, "q": q}
    ours, theirs = (cls(ring, **options) for cls in (Node2Vec, pyg.Node2Vec))
    batch = torch.tensor([0, 5, 3])
    assert torch.equal(ours.pos_sample(batch), theirs.pos_sample(batch))
    mine, other = ours.neg_sample(batch), theirs.neg_sample(batch)
    assert mine.shape == other.shape
    assert torch.equal(mine[:6, 0], other[:6, 0])


def test_isolated_nodes_walk_in_place():
    model = Node2Vec(EDGES, **SIZES, walks_per_node=4)
    assert bool((model.pos_sample(torch.tensor([6, 4])).view(-1, 2, 3)[:, 0] == 6).all())
    assert bool((model.pos_sample(torch.tensor([4])) == 4).all())
    edgeless = Node2Vec(EDGES[:, :0], **SIZES)
    assert bool((edgeless.pos_sample(torch.tensor([2])) == 2).all())


@pytest.mark.parametrize("workers", [0, 1])
def test_loader(workers):
    model = Node2Vec(EDGES, **SIZES, walks_per_node=2, num_negative_samples=3)
    sizes, starts = [], set()
    for pos, neg in model.loader(batch_size=4, shuffle=True, num_workers=workers):
        sizes.append((pos.shape, neg.shape))
        starts |= set(pos[: pos.size(0) // 3, 0].tolist())
        assert int(neg.max()) < 7
        model.loss(pos, neg).backward()
    assert sizes == [((24, 3), (72, 3)), ((18, 3), (54, 3))]
    assert starts == set(range(7))


def test_walks_are_repeated_by_the_seed():
    model = Node2Vec(EDGES, **SIZES, walks_per_node=5)
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        found.append(model.sample([0, 1, 2, 3]))
    for a, b, c in zip(*found, strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_learns_two_cliques():
    torch.manual_seed(0)
    clique = torch.combinations(torch.arange(8)).t()
    half = torch.cat([clique, clique + 8], dim=1)
    model = Node2Vec(
        torch.cat([half, half.flip(0)], dim=1), 8, 6, 4, walks_per_node=10, sparse=True
    )
    optimizer = torch.optim.SparseAdam(list(model.parameters()), lr=0.05)
    for _ in range(30):
        for pos, neg in model.loader(batch_size=16):
            optimizer.zero_grad()
            model.loss(pos, neg).backward()
            optimizer.step()
    z, y = model().detach(), torch.arange(16) // 8
    assert model.test(z[::2], y[::2], z[1::2], y[1::2], max_iter=150) == 1.0


def test_copies_pickles_reset():
    model = Node2Vec(EDGES, **SIZES)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(), model())
        assert torch.equal(other.col, model.col)
    before = model().detach().clone()
    model.reset_parameters()
    assert not torch.equal(model(), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context_size": 6}, "context_size=6 must lie between 2 and the 5 nodes of a walk"),
        ({"context_size": 1}, "context_size=1 must"),
        ({"walks_per_node": 0}, "walks_per_node=0"),
        ({"num_negative_samples": 0}, "num_negative_samples=0 must be positive"),
        ({"p": 0.0}, "p=0.0 and q=1.0 must be positive"),
        ({"q": -1.0}, "q=-1.0 must be positive"),
        ({"num_nodes": 4}, "up to 5 and targets up to 5, but there are 4"),
        ({"edge_index": EDGES.float()}, "edge_index has type torch.float32"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ArgumentError, match=message):
        Node2Vec(**{"edge_index": EDGES, **SIZES, **change})


def test_bad_batch():
    model = Node2Vec(EDGES, **SIZES)
    with pytest.raises(ArgumentError, match="batch names node 7, but there are 7"):
        model.pos_sample(torch.tensor([7]))
    with pytest.raises(ArgumentError, match="pos_rw is empty"):
        model.loss(*model.sample([]))
