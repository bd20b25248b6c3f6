import copy
import pickle

import pytest
import torch
import torch_geometric.nn as pyg
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_geometric.data import Batch, Data

from distgnn.exceptions import ArgumentError
from distgnn.nn import RENet
from distgnn.nn.models.re_net_history import HISTORY, Event, EventBatch
from tests.nn.parity import assert_parity

NODES, RELS = 6, 2
# Three events at t=0, a repetition later, a gap in time, a loop.
FACTS = [
    (0, 0, 1, 0), (0, 0, 2, 0), (0, 1, 2, 0), (0, 0, 3, 1), (1, 0, 0, 1), (0, 0, 1, 4),
    (0, 0, 1, 5), (2, 0, 2, 5), (2, 0, 2, 6),
]  # fmt: skip


def events(facts=FACTS, seq_len=2):
    transform = RENet.pre_transform(seq_len)
    return [transform(Event(*fact)) for fact in facts]


def forward(model, batch):
    if isinstance(model, RENet):
        return model(batch)
    return model(Data(**{name: getattr(batch, name) for name in batch.__slots__}))


@pytest.mark.parametrize(
    "options", [{}, {"dropout": 0.4}, {"bias": False}], ids=["plain", "dropout", "no bias"]
)
def test_as_torch_geometric(options):
    ours, theirs = (cls(NODES, RELS, 4, 2, **options) for cls in (RENet, pyg.RENet))
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert_parity(ours, theirs, EventBatch.collate(events()), call=forward)


def test_torch_geometrics_batches_do_too():
    transform = RENet.pre_transform(2)
    data = [
        transform(Data(**dict(zip(("sub", "rel", "obj", "t"), torch.tensor(fact), strict=True))))
        for fact in FACTS
    ]
    batch = Batch.from_data_list(data, follow_batch=["h_sub", "h_obj"])
    model = RENet(NODES, RELS, 4, 2)
    for a, b in zip(model(batch), model(EventBatch.collate(events())), strict=True):
        torch.testing.assert_close(a, b)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 1), st.integers(0, 3), st.integers(0, 6)),
        max_size=14,
    ),
    st.integers(1, 3),
)
def test_histories_as_torch_geometric(facts, seq_len):
    ours, theirs = RENet.pre_transform(seq_len), pyg.RENet.pre_transform(seq_len)
    assert repr(ours) == repr(theirs)
    for sub, rel, obj, t in sorted(facts, key=lambda fact: fact[3]):
        mine = ours(Event(sub, rel, obj, t))
        other = theirs(Data(sub=sub, rel=rel, obj=obj, t=t))
        for name in ("h_sub", "h_obj"):
            # A bucket's entries may come in another order.
            pairs = [
                sorted(zip(e[f"{name}_t"].tolist(), e[name].tolist(), strict=True))
                for e in ({k: getattr(mine, k) for k in HISTORY}, other)
            ]
            assert pairs[0] == pairs[1]


def test_history_holds_the_past_only():
    found = events()
    assert [e.h_sub.tolist() for e in found[:3]] == [[], [], []]  # nothing of the same time
    assert (found[5].h_sub.tolist(), found[5].h_sub_t.tolist()) == ([1, 2, 3], [0, 0, 1])
    assert (found[6].h_sub.tolist(), found[6].h_sub_t.tolist()) == ([3, 1], [0, 1])
    assert (found[6].h_obj.tolist(), found[6].h_obj_t.tolist()) == ([0], [1])


def test_several_recurrent_layers():
    model = RENet(NODES, RELS, 4, 2, num_layers=2)
    obj, sub = model(EventBatch.collate(events()))
    assert obj.shape == sub.shape == (len(FACTS), NODES)
    torch.testing.assert_close(obj.exp().sum(-1), torch.ones(len(FACTS)))


def test_copies_pickles_reset_and_moves():
    model = RENet(NODES, RELS, 4, 2)
    batch = EventBatch.collate(events()).to("cpu")
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert torch.equal(other(batch)[0], model(batch)[0])
    before = copy.deepcopy(model.state_dict())
    model.reset_parameters()
    assert not any(torch.equal(before[k], v) for k, v in model.state_dict().items())


def test_ranking_as_torch_geometric():
    model, theirs = (cls(NODES, RELS, 4, 2) for cls in (RENet, pyg.RENet))
    logits, y = torch.randn(30, NODES), torch.randint(NODES, (30,))
    torch.testing.assert_close(model.test(logits, y), theirs.test(logits, y))


def test_filtered_ranking():
    model = RENet(4, RELS, 4, 2)
    logits = torch.tensor([[0.4, 0.3, 0.2, 0.1], [0.4, 0.3, 0.2, 0.1]])
    y = torch.tensor([2, 3])
    raw = model.test(logits, y)
    assert raw.tolist() == pytest.approx([(1 / 3 + 1 / 4) / 2, 0, 0.5, 1])
    known = torch.tensor([[0, 0, 1], [0, 2, 1]])  # (0, 2) is the answer itself: it stays
    filtered = model.test(logits, y, known)
    assert filtered.tolist() == pytest.approx([(1 / 2 + 1 / 3) / 2, 0, 1, 1])


def test_no_events():
    obj, sub = RENet(NODES, RELS, 4, 2)(EventBatch.collate([]))
    assert obj.shape == sub.shape == (0, NODES)


def test_bad_input():
    model = RENet(NODES, RELS, 4, 2)
    transform = RENet.pre_transform(2)
    transform(Event(0, 0, 1, 5))
    with pytest.raises(ArgumentError, match="t=4 comes after one at t=5: sort"):
        transform(Event(0, 0, 1, 4))
    with pytest.raises(ArgumentError, match="seq_len=0 must be positive"):
        RENet.pre_transform(0)
    with pytest.raises(ArgumentError, match="sub names node 6, but there are 6"):
        model(EventBatch.collate(events([(6, 0, 0, 0)])))
    with pytest.raises(ArgumentError, match="rel names node 2"):
        model(EventBatch.collate(events([(0, 2, 0, 0)])))
    with pytest.raises(ArgumentError, match="time step 2, but seq_len=2"):
        model(EventBatch.collate(events(seq_len=3)))
    with pytest.raises(ArgumentError, match=r"no h_sub: call RENet.pre_transform\(seq_len\)"):
        EventBatch.collate([Event(0, 0, 1, 0)])
    with pytest.raises(ArgumentError, match="the set of test examples is empty"):
        model.test(torch.empty(0, NODES), torch.empty(0, dtype=torch.int64))
