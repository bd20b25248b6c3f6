import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg
from torch_geometric.nn.models.lightgcn import BPRLoss as PygBPRLoss
from torch_sparse import SparseTensor

from distgnn.exceptions import ArgumentError
from distgnn.nn import BPRLoss, LightGCN
from distgnn.nn.adjacency import to_csc
from distgnn.nn.models import lightgcn
from distgnn.nn.sparse import gather_sum
from tests.nn.parity import assert_parity

NODES = 9
g = torch.Generator().manual_seed(0)
# Users 0-3, items 4-8; a repeated interaction, user 3 and item 8 without any.
HALF = torch.tensor([[0, 0, 1, 1, 2, 2, 0], [4, 5, 5, 6, 4, 7, 5]])
EDGES = torch.cat([HALF, HALF.flip(0)], dim=1)
WEIGHT = torch.rand(14, generator=g)
PAIRS = torch.tensor([[0, 3, 2, 1], [4, 8, 5, 1]])
ADJ_T = SparseTensor(row=EDGES[1], col=EDGES[0], sparse_sizes=(NODES, NODES))


def models(num_layers=2, alpha=None, **kwargs):
    return [cls(NODES, 4, num_layers, alpha, **kwargs) for cls in (LightGCN, pyg.LightGCN)]


@pytest.mark.parametrize("num_layers", [0, 1, 3])
@pytest.mark.parametrize("alpha", [None, 0.3, "vector"])
def test_as_torch_geometric(num_layers, alpha):
    alpha = torch.arange(1.0, num_layers + 2) if alpha == "vector" else alpha
    ours, theirs = models(num_layers, alpha)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    torch.testing.assert_close(ours.alpha, theirs.alpha)
    assert_parity(ours, theirs, EDGES)
    assert_parity(ours, theirs, EDGES, PAIRS, WEIGHT)
    assert_parity(ours, theirs, EDGES, WEIGHT, call=lambda m, *a: m.get_embedding(*a))
    assert_parity(
        ours, theirs, EDGES, PAIRS, prob=True, call=lambda m, *a, **k: m.predict_link(*a, **k)
    )
    assert torch.equal(ours.predict_link(EDGES), theirs.predict_link(EDGES))


@pytest.mark.parametrize("options", [{"normalize": False}, {"flow": "target_to_source"}])
def test_arguments_of_the_layer(options):
    ours, theirs = models(**options)
    assert_parity(ours, theirs, EDGES[:, :9], PAIRS, WEIGHT[:9])


def test_sparse_tensor_and_csc():
    ours, theirs = models()
    assert_parity(ours, theirs, ADJ_T)
    assert_parity(ours, theirs, ADJ_T, PAIRS)
    csc, _ = to_csc(EDGES, NODES, NODES)
    torch.testing.assert_close(ours(csc, PAIRS), ours(EDGES, PAIRS))
    assert ours(csc).shape == (EDGES.size(1),)
    ours(csc).sum().backward()
    assert csc.transpose_cache is not None  # sorted once for all steps


def test_recommend_as_torch_geometric(monkeypatch):
    ours, theirs = models()
    ours.load_state_dict(theirs.state_dict())
    users, items = torch.tensor([2, 0, 1, 1]), torch.tensor([8, 4, 6, 5, 7])
    for at_once in (1 << 24, 7):
        monkeypatch.setattr(lightgcn, "SCORES_AT_ONCE", at_once)
        for kwargs in (
            {},
            {"k": 3},
            {"src_index": users, "dst_index": items, "k": 5},
            {"dst_index": items, "k": 2, "edge_weight": WEIGHT},
        ):
            assert torch.equal(ours.recommend(EDGES, **kwargs), theirs.recommend(EDGES, **kwargs))
        found = ours.recommend(EDGES, k=4, sorted=False).sort().values
        assert torch.equal(found, theirs.recommend(EDGES, k=4).sort().values)


def test_recommend_without_what_is_known(monkeypatch):
    monkeypatch.setattr(lightgcn, "SCORES_AT_ONCE", 11)
    model, _ = models()
    users, items = torch.arange(4), torch.arange(4, 9)
    found = model.recommend(EDGES, src_index=users, dst_index=items, k=2, exclude=EDGES)
    known = set(map(tuple, HALF.t().tolist()))
    pairs = {(u, i) for u, row in enumerate(found.tolist()) for i in row}
    assert len(pairs) == 8
    assert not pairs & known
    assert set(model.recommend(EDGES, dst_index=items, k=5, exclude=EDGES)[0, 3:].tolist()) == {
        4,
        5,
    }


@pytest.mark.parametrize("node_id", [None, torch.tensor([0, 5, 5])])
@pytest.mark.parametrize("lambda_reg", [0, 0.1])
def test_losses_as_torch_geometric(node_id, lambda_reg):
    def losses(model, edges, pairs):
        rank = model(edges, pairs)
        pos, neg = rank[:2], rank[2:]
        return [
            model.link_pred_loss(rank, torch.tensor([1, 0, 0, 1])),
            model.link_pred_loss(rank, torch.ones(4), reduction="sum"),
            model.recommendation_loss(pos, neg, node_id=node_id, lambda_reg=lambda_reg),
            model.recommendation_loss(pos, neg),
        ]

    assert_parity(*models(), EDGES, PAIRS, call=losses)
    pos, neg, x = torch.randn(3, 5)
    torch.testing.assert_close(BPRLoss(0.2)(pos, neg, x), PygBPRLoss(0.2)(pos, neg, x))
    torch.testing.assert_close(BPRLoss(0.2)(pos, neg), PygBPRLoss(0)(pos, neg))


@pytest.mark.parametrize("as_csc", [False, True])
def test_mini_batch_with_all_neighbours_is_exact(as_csc):
    model, _ = models(num_layers=2)
    seeds = [5, 0]
    nodes = list(seeds)
    for _ in range(2):  # two hops
        nodes += sorted({int(u) for u, v in EDGES.t() if int(v) in nodes} - set(nodes))
    n_id = torch.tensor(nodes)
    local = torch.full((NODES,), -1)
    local[n_id] = torch.arange(n_id.numel())
    inside = (local[EDGES] >= 0).all(dim=0)
    edges = local[EDGES[:, inside]]
    degree = torch.bincount(EDGES[1], minlength=NODES)[n_id]
    if as_csc:
        edges, _ = to_csc(edges, n_id.numel(), n_id.numel())
    found = model.get_sampled_embedding(n_id, edges, degree, len(seeds))
    torch.testing.assert_close(found, model.get_embedding(EDGES)[torch.tensor(seeds)])
    found.sum().backward()
    assert model.embedding.weight.grad is not None


def test_mini_batch_is_right_on_average():
    model, _ = models(num_layers=1)
    expected = model.get_embedding(EDGES)[0]
    n_id = torch.tensor([0, 4, 5])
    degree = torch.bincount(EDGES[1], minlength=NODES)[n_id]
    # Node 0 has the neighbours 4, 5 and 5: one of them at a time.
    found = [
        model.get_sampled_embedding(n_id, torch.tensor([[j], [0]]), degree, 1)[0] for j in (1, 2, 2)
    ]
    torch.testing.assert_close(sum(found) / 3, expected)
    csc, _ = to_csc(torch.tensor([[1], [0]]), 3, 1)  # rows of expanded nodes only, as loaders give
    torch.testing.assert_close(model.get_sampled_embedding(n_id, csc, degree, 1)[0], found[0])


def test_propagation_by_hand():
    model, _ = models(num_layers=1, alpha=torch.tensor([0.0, 1.0]))
    csc, _ = to_csc(EDGES, NODES, NODES)
    degree = csc.indptr.diff().clamp(min=1).float()
    x = model.embedding.weight / degree.sqrt().unsqueeze(1)
    expected = gather_sum(csc, x) / degree.sqrt().unsqueeze(1)
    torch.testing.assert_close(model.get_embedding(EDGES), expected)


def test_copies_pickles_reset():
    model, _ = models()
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(EDGES), model(EDGES))
    before = model.embedding.weight.detach().clone()
    model.reset_parameters()
    assert not torch.equal(model.embedding.weight, before)


def test_bad_input():
    model, _ = models()
    with pytest.raises(ArgumentError, match=r"alpha has shape \[2\], expected \[3\] for 2 layers"):
        models(alpha=torch.ones(2))
    with pytest.raises(ArgumentError, match=r"edge_label_index\[1\] names node 9, but there are 9"):
        model(EDGES, PAIRS + 1)
    with pytest.raises(ArgumentError, match=r"edge_label_index\[0\] names node -1"):
        model(EDGES, PAIRS - 1)
    with pytest.raises(ArgumentError, match="src_index names node 9"):
        model.recommend(EDGES, src_index=torch.tensor([9]))
    with pytest.raises(ArgumentError, match="dst_index names node 10"):
        model.recommend(EDGES, dst_index=torch.tensor([10]))
    with pytest.raises(ArgumentError, match="k=3 must lie between 1 and the 2 candidates"):
        model.recommend(EDGES, dst_index=torch.tensor([4, 5]), k=3)
    with pytest.raises(ArgumentError, match="k=0 must"):
        model.recommend(EDGES, k=0)
    with pytest.raises(ArgumentError, match=r"exclude\[1\] names node 9"):
        model.recommend(EDGES, exclude=torch.tensor([[0], [9]]))
    with pytest.raises(ArgumentError, match="node_id names node 9"):
        model.recommendation_loss(torch.ones(2), torch.ones(2), node_id=torch.tensor([9]))
    with pytest.raises(ArgumentError, match="positives is empty"):
        model.recommendation_loss(torch.ones(0), torch.ones(0))
    with pytest.raises(ArgumentError, match="pred is empty"):
        model.link_pred_loss(torch.ones(0), torch.ones(0))
    with pytest.raises(ArgumentError, match=r"shapes \[2\] and \[3\]: each link needs one"):
        model.recommendation_loss(torch.ones(2), torch.ones(3))
    with pytest.raises(ArgumentError, match="targets from 2 to 9"):
        model(EDGES + torch.tensor([[0], [2]]), PAIRS)
