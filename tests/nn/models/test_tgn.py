import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch_geometric.nn.models import tgn as pyg

from distgnn.exceptions import ArgumentError
from distgnn.nn.models import message_store
from distgnn.nn.models.tgn import (
    IdentityMessage,
    LastAggregator,
    LastNeighborLoader,
    MeanAggregator,
    TGNMemory,
    TimeEncoder,
)
from tests.nn.parity import TOLERANCE, assert_parity

NUM_NODES, RAW, MEMORY, TIME = 9, 3, 5, 4
AGGREGATORS = {
    "last": (LastAggregator, pyg.LastAggregator),
    "mean": (MeanAggregator, pyg.MeanAggregator),
}


class LearnedMessage(nn.Module):
    """A message function with weights: its two copies differ after training."""

    def __init__(self):
        super().__init__()
        self.out_channels = 7
        self.lin = nn.Linear(2 * MEMORY + RAW + TIME, self.out_channels)

    def forward(self, z_src, z_dst, raw_msg, t_enc):
        return self.lin(torch.cat([z_src, z_dst, raw_msg, t_enc], dim=-1)).tanh()


def memories(aggregator="last", learned=False, num_nodes=NUM_NODES):
    """Ours and torch-geometric's, with the same weights."""
    pairs = []
    for i, (memory, message) in enumerate(
        ((TGNMemory, IdentityMessage), (pyg.TGNMemory, pyg.IdentityMessage))
    ):
        module = LearnedMessage() if learned else message(RAW, MEMORY, TIME)
        aggr = AGGREGATORS[aggregator][i]()
        pairs.append(memory(num_nodes, RAW, MEMORY, TIME, module, aggr).double())
    pairs[1].reset_state()  # its empty messages turn float64 only so
    pairs[0].load_state_dict(pairs[1].state_dict(), strict=True)
    return pairs


def stream(num_events, seed=0, num_nodes=NUM_NODES, max_gap=2, bipartite=False):
    """Events with repeated times, self-loops (unless bipartite) and one node without any."""
    g = torch.Generator().manual_seed(seed)
    ends = torch.randint(num_nodes - 1, (2, num_events), generator=g)
    if bipartite:
        ends = torch.stack([ends[0] // 2, num_nodes // 2 + ends[1] // 2])
    t = torch.randint(max_gap + 1, (num_events,), generator=g).cumsum(0)
    return (*ends, t, torch.randn(num_events, RAW, generator=g, dtype=torch.float64))


def batches(events, size):
    return zip(*(part.split(size) for part in events), strict=True)


def assert_same(ours, theirs):
    torch.testing.assert_close(ours, theirs, **TOLERANCE)


@pytest.mark.parametrize("bipartite", [False, True])
@pytest.mark.parametrize("learned", [False, True])
@pytest.mark.parametrize("aggregator", ["last", "mean"])
def test_stream_as_torch_geometric(aggregator, learned, bipartite):
    models = memories(aggregator, learned)
    loaders = [LastNeighborLoader(NUM_NODES, 3), pyg.LastNeighborLoader(NUM_NODES, 3)]
    optimizers = [torch.optim.SGD(m.parameters(), lr=0.1) for m in models]
    for epoch in range(2):
        for state in (*models, *loaders):
            state.reset_state()
        events = stream(70, seed=epoch, bipartite=bipartite)
        for step, batch in enumerate(batches(events, 7)):
            training = step < 7  # the last three batches are for evaluation
            outputs = []
            with torch.set_grad_enabled(training):
                for m, loader in zip(models, loaders, strict=True):
                    m.train(training)
                    outputs.append(step_of(m, loader, batch))
            assert_same_lists(*outputs, with_neighbors=bipartite)
            if training:
                for m, (_, z, *_), optimizer in zip(models, outputs, optimizers, strict=True):
                    optimizer.zero_grad()
                    (z * torch.arange(1.0, MEMORY + 1)).sin().sum().backward()
                    optimizer.step()
                    m.detach()
                assert_same_gradients(*models)


def step_of(memory, loader, batch):
    """One step as in torch-geometric's example; the neighbours come last."""
    src, dst, t, raw = batch
    n_id = torch.cat([src, dst]).unique()
    neighbors = loader(n_id)
    z, last_update = memory(n_id)
    memory.update_state(src, dst, t, raw)
    loader.insert(src, dst)
    return [n_id, z, last_update, memory.memory, memory.last_update, *neighbors]


def assert_same_lists(ours, theirs, with_neighbors):
    # Of nodes that are source and destination theirs loses recent events.
    count = len(ours) if with_neighbors else -3
    for mine, other in zip(ours[:count], theirs[:count], strict=True):
        assert_same(mine, other)


def assert_same_gradients(ours, theirs):
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, msg=name, **TOLERANCE)


def test_gradient_flows_through_batches_until_detached():
    ours, theirs = memories(learned=True)
    for src, dst, t, raw in batches(stream(30), 6):
        for m in (ours, theirs):
            m.update_state(src, dst, t, raw)
    mine, other = (m(torch.arange(NUM_NODES))[0] for m in (ours, theirs))
    assert_same(mine, other)
    mine.square().sum().backward()
    other.square().sum().backward()
    for (name, p), q in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(
            p.grad, q.grad, msg=lambda m, name=name: f"{name}: {m}", **TOLERANCE
        )
    assert ours.memory.requires_grad
    ours.detach()
    assert not ours.memory.requires_grad


def test_leaving_training_of_a_fresh_memory_applies_an_update_to_all():
    ours, theirs = memories()
    ours.eval()
    theirs.eval()
    assert_same(ours.memory, theirs.memory.detach())
    assert ours.memory.abs().sum() > 0
    assert not ours.memory.requires_grad


def test_reset_state():
    ours, _ = memories()
    for batch in batches(stream(30), 6):
        ours.update_state(*batch)
    ours.reset_state()
    assert int(ours.memory.count_nonzero()) == int(ours.last_update.count_nonzero()) == 0
    fresh, _ = memories()
    fresh.load_state_dict(ours.state_dict())
    n_id = torch.arange(NUM_NODES)
    assert torch.equal(ours(n_id)[0], fresh(n_id)[0])


def test_reset_parameters_draws_anew():
    ours, _ = memories(learned=True)
    before = copy.deepcopy(ours.state_dict())
    ours.reset_parameters()
    for name in ("gru.weight_ih", "time_enc.lin.weight"):
        assert not torch.equal(ours.state_dict()[name], before[name])


def test_names_and_repr():
    ours, theirs = memories(learned=True)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert repr(ours) == repr(theirs)
    assert repr(LastNeighborLoader(9, 2)) == "LastNeighborLoader(num_nodes=9, size=2)"


def test_copies_and_pickles_keep_stored_messages():
    ours, _ = memories(learned=True)
    for batch in batches(stream(30), 6):
        ours.update_state(*batch)
    ours.detach()
    n_id = torch.arange(NUM_NODES)
    for other in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert torch.equal(other(n_id)[0], ours(n_id)[0])
        other.update_state(*(part[-1:] for part in stream(30)))
        assert not torch.equal(other(n_id)[0], ours(n_id)[0])


def test_messages_follow_the_type_of_the_memory():
    ours, _ = memories()
    ours.float()
    src, dst, t, raw = stream(6)
    ours.update_state(src, dst, t, raw.float())
    ours.double()
    assert ours(torch.arange(NUM_NODES))[0].dtype == torch.float64


def test_store_is_bounded_and_right_when_squeezed(monkeypatch):
    monkeypatch.setattr(message_store, "MIN_CAPACITY", 4)
    ours, theirs = memories()
    for batch in batches(stream(600), 6):
        ours.update_state(*batch)
        theirs.update_state(*batch)
        ours.detach()
        theirs.detach()
        for mine, other in zip(*(m(torch.arange(NUM_NODES)) for m in (ours, theirs)), strict=True):
            assert_same(mine, other)
    for store in ours._stores:
        assert store.t.numel() <= 2 * (6 * NUM_NODES + 6)


def test_empty_batch_changes_nothing():
    ours, _ = memories()
    ours.update_state(*stream(6))
    before = ours(torch.arange(NUM_NODES))[0]
    ours.update_state(*stream(0))
    assert torch.equal(ours(torch.arange(NUM_NODES))[0], before)
    assert ours(torch.arange(0))[0].shape == (0, MEMORY)


def test_bfloat16_autocast():
    ours, _ = memories(learned=True)
    ours.float()
    with torch.autocast("cpu", torch.bfloat16):
        for src, dst, t, raw in batches(stream(30), 6):
            ours.update_state(src, dst, t, raw.float())
        assert bool(ours(torch.arange(NUM_NODES))[0].isfinite().all())
    ours.eval()
    assert ours.memory.dtype == torch.float32


def test_bad_events():
    memory, _ = memories()
    src, dst, t, raw = stream(6)
    with pytest.raises(ArgumentError, match="src names node 9, but there are 9 nodes"):
        memory.update_state(src + 9 - src.max(), dst, t, raw)
    with pytest.raises(ArgumentError, match="dst names node -1"):
        memory.update_state(src, dst - 1 - dst.min(), t, raw)
    with pytest.raises(ArgumentError, match=r"t is torch.float32 .* expected int64 \[6\]"):
        memory.update_state(src, dst, t.float(), raw)
    with pytest.raises(ArgumentError, match=r"raw_msg has shape \[6, 2\], expected \[6, 3\]"):
        memory.update_state(src, dst, t, raw[:, :2])
    with pytest.raises(ArgumentError, match="src has 6 events and dst 5"):
        memory.update_state(src, dst[:5], t, raw)
    with pytest.raises(ArgumentError, match="n_id names node 9"):
        memory(torch.tensor([9]))
    with pytest.raises(ArgumentError, match=r"n_id is torch.float32 of shape \[2\]"):
        memory(torch.zeros(2))


def test_events_out_of_time_order():
    memory, _ = memories()
    src, dst, t, raw = stream(6)
    memory.update_state(src, dst, t.flip(0) + 10, raw)  # within a batch any order will do
    memory.update_state(src, dst, t * 0 + memory._latest, raw)  # and so will equal times
    with pytest.raises(ArgumentError, match=r"an event at t=.* sort events .* reset_state\(\)"):
        memory.update_state(src, dst, t, raw)
    state = memory.state_dict()
    memory.load_state_dict(state)
    memory.update_state(src, dst, t, raw)
    memory.reset_state()
    memory.update_state(src, dst, t, raw)


@pytest.mark.parametrize("name", ["last", "mean"])
@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), max_size=12), st.integers(5, 7))
def test_aggregators_as_torch_geometric(name, messages, dim_size):
    index = torch.tensor([node for node, _ in messages], dtype=torch.int64)
    t = torch.tensor([time for _, time in messages], dtype=torch.int64)
    msg = torch.arange(2.0 * len(messages)).view(-1, 2)
    ours, theirs = (cls() for cls in AGGREGATORS[name])
    assert_same(ours(msg, index, t, dim_size), theirs(msg, index, t, dim_size))


def test_time_encoder_as_torch_geometric():
    assert_parity(TimeEncoder(4), pyg.TimeEncoder(4), torch.randn(6) * 100)


class SlowNeighbors:
    """The last neighbours of each node, kept in lists."""

    def __init__(self, num_nodes, size):
        self.size, self.seen, self.events = size, [[] for _ in range(num_nodes)], 0

    def insert(self, src, dst):
        for u, v in zip(src.tolist(), dst.tolist(), strict=True):
            self.seen[u].append((v, self.events))
            self.seen[v].append((u, self.events))
            self.events += 1

    def __call__(self, n_id):
        found = [(v, u, e) for u in n_id.tolist() for v, e in reversed(self.seen[u][-self.size :])]
        nodes = sorted({*n_id.tolist(), *(v for v, _, _ in found)})
        edges = [[nodes.index(v) for v, _, _ in found], [nodes.index(u) for _, u, _ in found]]
        return nodes, edges, [e for _, _, e in found]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=8), max_size=5),
    st.integers(1, 4),
    st.lists(st.integers(0, 4), max_size=6),
)
def test_last_neighbors_against_lists(inserted, size, query):
    ours, slow = LastNeighborLoader(5, size), SlowNeighbors(5, size)
    n_id = torch.tensor(query, dtype=torch.int64)
    for events in inserted:
        src, dst = torch.tensor(events, dtype=torch.int64).view(-1, 2).t()
        ours.insert(src, dst)
        slow.insert(src, dst)
        nodes, edges, e_id = ours(n_id)
        assert (nodes.tolist(), edges.tolist(), e_id.tolist()) == slow(n_id)
    ours.reset_state()
    assert ours(n_id)[1].numel() == 0
    assert ours.cur_e_id == 0


def test_last_neighbors_bad_input():
    with pytest.raises(ArgumentError, match="size=0 must be positive"):
        LastNeighborLoader(5, 0)
    loader = LastNeighborLoader(5, 2)
    with pytest.raises(ArgumentError, match="dst names node 5, but there are 5 nodes"):
        loader.insert(torch.tensor([1]), torch.tensor([5]))
    with pytest.raises(ArgumentError, match="n_id names node -2"):
        loader(torch.tensor([-2]))
