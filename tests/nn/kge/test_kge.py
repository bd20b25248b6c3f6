import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg
from torch_geometric.nn.kge import KGEModel as PygKGEModel

import distgnn.nn as own
from distgnn.exceptions import ArgumentError
from distgnn.nn.kge.known import KnownTriples
from tests.nn.parity import TOLERANCE, assert_parity

NODES, RELATIONS = 30, 4
TRIPLES = tuple(
    torch.randint(size, (25,), generator=torch.Generator().manual_seed(i))
    for i, size in enumerate((NODES, RELATIONS, NODES))
)
CASES = [
    ("TransE", {}),
    ("TransE", {"p_norm": 2.0, "margin": 0.5}),
    ("DistMult", {"margin": 2.0}),
    ("ComplEx", {}),
    ("RotatE", {"margin": 3.0}),
]
all_cases = pytest.mark.parametrize(("name", "options"), CASES, ids=str)


def models(name, options, **more):
    return [
        getattr(library, name)(NODES, RELATIONS, 16, **options, **more) for library in (own, pyg)
    ]


def loss(model, *triples):
    return model.loss(*triples)


@all_cases
def test_as_torch_geometric(name, options):
    ours, theirs = models(name, options)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_parity(ours, theirs, *TRIPLES)
    assert_parity(ours, theirs, *TRIPLES, call=loss)


@all_cases
def test_ranking_as_torch_geometric(name, options):
    ours, theirs = (model.double() for model in models(name, options))
    ours.load_state_dict(theirs.state_dict())
    expected = theirs.test(*TRIPLES, batch_size=7, k=3, log=False)
    assert ours.test(*TRIPLES, batch_size=7, k=3, log=False) == pytest.approx(expected)


@all_cases
def test_scores_of_all_candidates(name, options):
    model = models(name, options)[0].double()
    head, rel, tail = TRIPLES
    for candidates in (None, torch.tensor([3, 3, 0])):
        entities = torch.arange(NODES) if candidates is None else candidates
        tails = model.tail_scores(head, rel, candidates)
        heads = model.head_scores(rel, tail, candidates)
        assert tails.shape == heads.shape == (25, entities.numel())
        for column, entity in enumerate(entities.tolist()):
            other = torch.full_like(head, entity)
            torch.testing.assert_close(tails[:, column], model(head, rel, other), **TOLERANCE)
            torch.testing.assert_close(heads[:, column], model(other, rel, tail), **TOLERANCE)


@all_cases
@torch.no_grad()
def test_filtered_ranking_by_hand(name, options):
    model = models(name, options)[0].double()
    triples = list(map(tuple, torch.stack(TRIPLES, dim=1).tolist()))
    known = KnownTriples(torch.stack(TRIPLES))
    reciprocal, hits, total = [], [], 0
    for h, r, t in triples:
        for side in ("tail", "head"):
            scores = {}
            for e in range(NODES):
                triple = (h, r, e) if side == "tail" else (e, r, t)
                if triple == (h, r, t) or triple not in triples:
                    scores[e] = float(model(*(torch.tensor([i]) for i in triple)))
            own_score = scores[t if side == "tail" else h]
            rank = 1 + sum(score > own_score + 1e-12 for score in scores.values())
            reciprocal.append(1 / rank)
            hits.append(rank <= 3)
            total += rank - 1
    expected = (total / 50, sum(reciprocal) / 50, sum(hits) / 50)
    found = model.test(*TRIPLES, batch_size=8, k=3, log=False, known=known, predict="both")
    assert found == pytest.approx(expected)


def test_known_triples():
    triples = torch.tensor([[0, 0, 1, 0], [1, 1, 0, 0], [2, 3, 2, 2]])
    known = KnownTriples(triples)
    found = known.tails(torch.tensor([1, 0, 0, 5, 0]), torch.tensor([0, 1, 0, 1, 7]))
    assert sorted(map(tuple, found.t().tolist())) == [(0, 2), (1, 2), (1, 3), (2, 2)]
    found = known.heads(torch.tensor([0, 1]), torch.tensor([2, 2]))
    assert sorted(map(tuple, found.t().tolist())) == [(0, 0), (0, 1), (1, 0)]
    none = KnownTriples(triples[:, :0])
    assert none.tails(torch.tensor([0]), torch.tensor([0])).shape == (2, 0)
    with pytest.raises(ArgumentError, match=r"shape \[2, 4\], expected int64 \[3, K\]"):
        KnownTriples(triples[:2])


@all_cases
def test_corrupted_triples_as_torch_geometric(name, options):
    found = []
    for model in models(name, options):
        torch.manual_seed(5)
        found.append(model.random_sample(*TRIPLES))
    for mine, other in zip(*found, strict=True):
        assert torch.equal(mine, other)


@all_cases
def test_loader(name, options):
    ours, theirs = models(name, options)
    for workers in (0, 1):
        mine = list(ours.loader(*TRIPLES, batch_size=10, num_workers=workers))
        for a, b in zip(mine, theirs.loader(*TRIPLES, batch_size=10), strict=True):
            assert all(map(torch.equal, a, b))
    heads = torch.cat([h for h, _, _ in ours.loader(*TRIPLES, batch_size=10, shuffle=True)])
    assert torch.equal(heads.sort().values, TRIPLES[0].sort().values)


@all_cases
def test_sparse_gradients(name, options):
    dense, sparse = models(name, options)[0], models(name, options, sparse=True)[0]
    sparse.load_state_dict(dense.state_dict())
    for model in (dense, sparse):
        torch.manual_seed(0)
        model.loss(*TRIPLES).backward()
    for p, q in zip(dense.parameters(), sparse.parameters(), strict=True):
        assert q.grad.is_sparse
        torch.testing.assert_close(q.grad.to_dense(), p.grad)


@all_cases
def test_adversarial_loss_by_hand(name, options, monkeypatch):
    model = models(name, options)[0].double()
    entities = torch.tensor([[1, 2, 2], [4, 0, 9]])
    monkeypatch.setattr(torch, "randint", lambda *_, **__: entities)
    head, rel, tail = TRIPLES
    expected = -2 * model(*TRIPLES).sigmoid().log()
    for column, corrupt in enumerate(("tail", "head")):
        scores = []
        for e in entities[column].tolist():
            other = torch.full_like(head, e)
            triple = (head, rel, other) if corrupt == "tail" else (other, rel, tail)
            scores.append(model(*triple))
        scores = torch.stack(scores, dim=1)
        expected = expected - ((0.5 * scores).softmax(1) * (-scores).sigmoid().log()).sum(1)
    found = model.adversarial_loss(*TRIPLES, num_negatives=3, temperature=0.5)
    torch.testing.assert_close(found, expected.mean() / 4)


@all_cases
def test_learns(name, options):
    torch.manual_seed(0)
    model = models(name, options)[0]
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    known = KnownTriples(torch.stack(TRIPLES))
    ranking = {"batch_size": 25, "log": False, "known": known, "predict": "both"}
    _, before, _ = model.test(*TRIPLES, **ranking)
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(*TRIPLES).backward()
        optimizer.step()
    assert model.test(*TRIPLES, **ranking)[1] > before + 0.1


@all_cases
def test_copies_pickles_reset(name, options):
    model = models(name, options)[0]
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(*TRIPLES), model(*TRIPLES))
    before = copy.deepcopy(model.state_dict())
    model.reset_parameters()
    assert not any(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_base():
    ours, theirs = own.KGEModel(6, 2, 4), PygKGEModel(6, 2, 4)
    assert repr(ours) == repr(theirs)
    assert_parity(ours.train(), theirs, call=lambda model: list(model.parameters()))
    ours.reset_parameters()
    with pytest.raises(NotImplementedError):
        ours(*TRIPLES)


def test_progress_bar(capsys):
    own.DistMult(NODES, RELATIONS, 4).test(*TRIPLES, batch_size=5)
    assert "Ranking" in capsys.readouterr().out


def test_bad_input():
    model = own.DistMult(NODES, RELATIONS, 4)
    head, rel, tail = TRIPLES
    none = head[:0]
    for call in (model.loss, model.loader):
        with pytest.raises(ArgumentError, match="head_index names node 31, but there are 30"):
            call(head.clamp(min=31), rel, tail)
        with pytest.raises(ArgumentError, match="rel_type names node 4"):
            call(head, rel + 4 - rel.max(), tail)
        with pytest.raises(ArgumentError, match="have 0, 0 and 0 entries"):
            call(none, none, none)
        with pytest.raises(ArgumentError, match="have 24, 25 and 25 entries: they must be as many"):
            call(head[1:], rel, tail)
    with pytest.raises(ArgumentError, match="k=31 must lie between 1 and the 30 entities"):
        model.test(*TRIPLES, batch_size=5, k=31)
    with pytest.raises(ArgumentError, match="predict='tial' is unknown; did you mean 'tail'"):
        model.test(*TRIPLES, batch_size=5, predict="tial")
