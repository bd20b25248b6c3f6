import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg

from distgnn.exceptions import ArgumentError, MetapathError
from distgnn.nn import MetaPath2Vec
from tests.nn.parity import assert_parity

WRITES, REVERSED, IN, HOLDS = (
    ("a", "w", "p"), ("p", "r", "a"), ("p", "v", "v"), ("v", "h", "p"),
)  # fmt: skip
EDGES = {
    WRITES: torch.tensor([[0, 1, 1], [0, 1, 2]]),
    REVERSED: torch.tensor([[0, 1, 2], [0, 1, 1]]),
    IN: torch.tensor([[0, 2], [0, 1]]),
    HOLDS: torch.tensor([[0], [0]]),
}
PATH = [WRITES, IN, HOLDS, REVERSED]
SIZES = {"embedding_dim": 4, "metapath": PATH, "walk_length": 6, "context_size": 3}
# Rows: a 0-1, p 2-4, v 5-6, dummy 7.
PUBLIC = ("num_nodes_dict", "start", "end", "dummy_idx", "walk_length", "context_size", "metapath")


def loss(model, pos, neg):
    return model.loss(pos, neg)


@pytest.mark.parametrize("negatives", [1, 2])
@pytest.mark.parametrize("counts", [None, {"a": 3, "p": 4, "v": 2}])
def test_as_torch_geometric(counts, negatives):
    options = {**SIZES, "num_nodes_dict": counts, "num_negative_samples": negatives}
    ours, theirs = (
        cls(EDGES, **options, walks_per_node=2) for cls in (MetaPath2Vec, pyg.MetaPath2Vec)
    )
    assert repr(ours) == repr(theirs)
    for name in PUBLIC:
        assert getattr(ours, name) == getattr(theirs, name)
    pos, neg = next(iter(theirs.loader(batch_size=2)))
    assert_parity(ours, theirs, pos, neg, call=loss)
    for node_type in ("a", "p", "v"):
        assert_parity(ours, theirs, node_type)
        assert_parity(ours, theirs, node_type, torch.tensor([1, 0, 1]))
    mine = next(iter(ours.loader(batch_size=2)))
    assert [part.shape for part in mine] == [pos.shape, neg.shape]


def test_walks_that_are_certain_as_torch_geometrics():
    edges = {**EDGES, WRITES: EDGES[WRITES][:, :2]}  # one edge a node at most
    ours, theirs = (cls(edges, **SIZES) for cls in (MetaPath2Vec, pyg.MetaPath2Vec))
    pos, _ = next(iter(ours.loader(batch_size=2)))
    assert torch.equal(pos, next(iter(theirs.loader(batch_size=2)))[0])
    assert pos.view(-1, 2, 3)[:, 1].tolist() == [[1, 3, 7], [3, 7, 7], *[[7, 7, 7]] * 3]


def test_negative_walks_keep_types_and_never_meet_the_dummy():
    model = MetaPath2Vec(EDGES, **SIZES, walks_per_node=200, num_negative_samples=2)
    neg = model.neg_sample(torch.tensor([0, 1]))
    first = neg[: 2 * 200 * 2]  # the first window of each walk
    assert set(first[:, 0].tolist()) == {0, 1}
    assert set(first[:, 1].tolist()) == {2, 3, 4}
    assert set(first[:, 2].tolist()) == {5, 6}


def test_walks_take_every_edge():
    model = MetaPath2Vec(EDGES, **SIZES, walks_per_node=100)
    pos = model.pos_sample(torch.tensor([1]))
    assert set(map(tuple, pos[:100].tolist())) == {(1, 3, 7), (1, 4, 6)}


@pytest.mark.parametrize("workers", [0, 1])
def test_loader(workers):
    model = MetaPath2Vec(EDGES, **SIZES, sparse=True)
    for pos, neg in model.loader(batch_size=1, num_workers=workers):
        model.zero_grad()
        model.loss(pos, neg).backward()
        assert model.embedding.weight.grad.is_sparse


def test_walks_shorter_than_the_metapath():
    model = MetaPath2Vec(EDGES, 4, PATH, walk_length=1, context_size=2)
    assert model.pos_sample(torch.tensor([0])).tolist() == [[0, 2]]


def test_copies_pickles_reset():
    model = MetaPath2Vec(EDGES, **SIZES)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other("p"), model("p"))
    before = model("p").detach().clone()
    model.reset_parameters()
    assert not torch.equal(model("p"), before)


def test_accuracy():
    torch.manual_seed(0)
    model = MetaPath2Vec(EDGES, **SIZES)
    z = torch.cat([torch.randn(20, 4) + 3, torch.randn(20, 4) - 3])
    y = torch.arange(40) // 20
    assert model.test(z[::2], y[::2], z[1::2], y[1::2]) == 1.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metapath": [WRITES, HOLDS]}, r"does not chain: .* ends at 'p', but .* starts at 'v'"),
        ({"metapath": [("a", "w", "x")]}, r"\('a', 'w', 'x'\) of metapath is not in"),
        ({"metapath": []}, "metapath is empty"),
        ({"context_size": 8}, "context_size=8 must lie between 2 and the 7 nodes"),
        ({"walks_per_node": 0}, "walks_per_node=0"),
        ({"num_nodes_dict": {"a": 1, "p": 3, "v": 2}}, "sources up to 1 .* there are 1 and 3"),
    ],
)
def test_bad_arguments(change, message):
    with pytest.raises(ArgumentError, match=message):
        MetaPath2Vec(**{"edge_index_dict": EDGES, **SIZES, **change})


def test_walks_longer_than_an_open_metapath():
    with pytest.raises(
        MetapathError, match=r"walk_length=5 is longer .* close the metapath"
    ) as error:
        MetaPath2Vec(EDGES, 4, [WRITES, IN], walk_length=5, context_size=2)
    assert isinstance(error.value, AttributeError)


def test_bad_nodes():
    model = MetaPath2Vec(EDGES, **SIZES)
    with pytest.raises(ArgumentError, match="'pp' is not in the metapath"):
        model("pp")
    with pytest.raises(ArgumentError, match="batch names node 3, but there are 3"):
        model("p", torch.tensor([3]))
    with pytest.raises(ArgumentError, match="batch names node 2, but there are 2"):
        model.pos_sample(torch.tensor([2]))
