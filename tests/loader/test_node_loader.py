import gc
import threading

import numpy as np
import pytest
import torch

from distgnn.exceptions import ArgumentError, LoaderTimeoutError
from distgnn.loader import NodeLoader
from distgnn.loader.share import RankShare
from distgnn.samplers import NeighborSampler, RandomPartitionSampler, SaintWalkSampler


def make(graph, seeds=None, *, fanouts=(4, 3), **options):
    seeds = np.arange(graph.num_nodes("node")) if seeds is None else seeds
    options = {"batch_size": 16, "shuffle": True, "seed": 1} | options
    return NodeLoader(graph, NeighborSampler(graph, fanouts, seed=3), seeds, **options)


def content(graph, batch):
    """Return all of a batch without reference to parts: nodes as raw rows."""
    rows = graph.index_of("node", batch.n_id.numpy())
    counts = batch.num_sampled_nodes_per_hop, batch.num_sampled_edges_per_hop
    edges = rows[batch.edge_index.numpy()].tolist()
    return (
        batch.epoch,
        batch.index,
        rows.tolist(),
        edges,
        batch.x.tolist(),
        batch.y.tolist(),
        counts,
    )


def loader_threads():
    return [thread for thread in threading.enumerate() if "distgnn-loader" in thread.name]


def test_every_seed_comes_once_an_epoch(graph_parts):
    graph = graph_parts[2]
    loader = make(graph, np.arange(3, 90), batch_size=25)
    assert len(loader) == 4
    batches = list(loader.epoch(0))
    assert [batch.batch_size for batch in batches] == [25, 25, 25, 12]
    assert [batch.index for batch in batches] == [0, 1, 2, 3]
    seeds = torch.cat([batch.n_id[: batch.batch_size] for batch in batches])
    assert sorted(seeds.tolist()) == list(range(3, 90))


def test_features_and_labels_belong_to_the_nodes(graph_parts):
    graph = graph_parts[8]
    for batch in make(graph).epoch(0):
        rows = torch.from_numpy(graph.index_of("node", batch.n_id.numpy()))
        assert torch.equal(batch.x, torch.stack([rows, -rows], dim=1).float())
        assert torch.equal(batch.y, rows[: batch.batch_size])
        assert batch.y.dtype == torch.int64
        assert batch.adj.num_src == len(batch.n_id)
        assert batch.adj.num_dst == sum(batch.num_sampled_nodes_per_hop[:-1])


@pytest.mark.parametrize("num_threads", [0, 1, 3])
@pytest.mark.parametrize("parts", [1, 2, 8])
def test_batches_do_not_depend_on_parts_or_threads(graph_parts, parts, num_threads):
    def all_batches(graph, **options):
        # The seeds' raw rows are the same, in whatever order they are given.
        seeds = np.sort(graph.global_id_of_index("node")[:70])
        loader = make(graph, seeds, **options)
        return [content(graph, batch) for epoch in range(2) for batch in loader.epoch(epoch)]

    expected = all_batches(graph_parts[1], num_threads=0)
    assert all_batches(graph_parts[parts], num_threads=num_threads) == expected
    assert len(expected) == 10


@pytest.mark.parametrize("num_threads", [0, 2])
def test_an_epoch_is_entered_at_any_batch(graph_parts, num_threads):
    graph = graph_parts[2]
    loader = make(graph, num_threads=num_threads)
    whole = [content(graph, batch) for batch in loader.epoch(5)]
    for start in (0, 1, 6, 7):
        resumed = make(graph, num_threads=num_threads)
        assert [content(graph, batch) for batch in resumed.epoch(5, start=start)] == whole[start:]


def test_shuffled_epochs_differ_and_unshuffled_ones_follow_the_raw_rows(graph_parts):
    graph = graph_parts[8]

    def order(loader, epoch):
        return torch.cat([batch.y for batch in loader.epoch(epoch)]).tolist()

    shuffled = make(graph)
    assert order(shuffled, 0) != order(shuffled, 1)
    assert order(shuffled, 0) != order(make(graph, seed=2), 0)
    assert order(make(graph, shuffle=False), 0) == list(range(100))


def test_the_next_epoch_draws_other_neighbors(graph_parts):
    loader = make(graph_parts[1], shuffle=False)
    first, second = next(loader.epoch(0)), next(loader.epoch(1))
    assert first.y.tolist() == second.y.tolist()
    assert first.n_id.tolist() != second.n_id.tolist()


def test_batches_that_are_kept_do_not_change(graph_parts):
    loader = make(graph_parts[2], batch_size=10, num_threads=2)
    kept = list(loader.epoch(0))
    before = [(batch.x.clone(), batch.n_id.clone(), batch.adj.indices.clone()) for batch in kept]
    for epoch in range(1, 4):
        for _ in loader.epoch(epoch):
            pass
    for batch, (x, n_id, indices) in zip(kept, before, strict=True):
        assert torch.equal(batch.x, x)
        assert torch.equal(batch.n_id, n_id)
        assert torch.equal(batch.adj.indices, indices)


def test_memory_of_batches_is_used_again(graph_parts):
    loader = make(graph_parts[2], batch_size=10, num_threads=0)
    addresses = {batch.x.untyped_storage().data_ptr() for batch in loader.epoch(0)}
    gc.collect()
    assert len(addresses) <= 3


def test_a_view_of_a_batch_keeps_its_memory(graph_parts):
    loader = make(graph_parts[2], batch_size=10, num_threads=1)
    rows = [batch.x[2:5, :1] for batch in loader.epoch(0)]
    again = [batch.x[2:5, :1].clone() for batch in loader.epoch(0)]
    assert all(torch.equal(a, b) for a, b in zip(rows, again, strict=True))


def test_an_epoch_ends_its_threads(graph_parts):
    for _ in make(graph_parts[1], num_threads=2).epoch(0):
        assert loader_threads()
    assert not loader_threads()


def test_a_loader_abandoned_in_mid_epoch_leaves_no_thread(graph_parts):
    batches = make(graph_parts[1], num_threads=2).epoch(0)
    next(batches)
    del batches
    gc.collect()
    assert not loader_threads()


def test_an_error_in_the_consumer_leaves_no_thread(graph_parts):
    def consume():
        for _ in make(graph_parts[1], num_threads=2).epoch(0):
            raise KeyError

    with pytest.raises(KeyError):
        consume()
    gc.collect()
    assert not loader_threads()


def test_no_thread_starts_before_the_first_batch_is_asked_for(graph_parts):
    batches = make(graph_parts[1], num_threads=2).epoch(0)
    assert not loader_threads()
    assert next(batches).index == 0


class Counting:
    """Counts the batches that were asked of a sampler."""

    def __init__(self, sampler):
        self.sampler = sampler
        self.batches = []

    def sample(self, seeds, *, epoch, batch):
        self.batches.append(batch)
        return self.sampler.sample(seeds, epoch=epoch, batch=batch)


@pytest.mark.parametrize(("num_threads", "prefetch"), [(1, 2), (2, 2), (2, 4)])
def test_prefetch_is_bounded(graph_parts, num_threads, prefetch):
    graph = graph_parts[1]
    sampler = Counting(NeighborSampler(graph, [2]))
    loader = NodeLoader(
        graph, sampler, np.arange(100), batch_size=5, num_threads=num_threads, prefetch=prefetch
    )
    for batch in loader.epoch(0):
        assert len(sampler.batches) <= batch.index + 1 + prefetch
    assert sorted(sampler.batches) == list(range(20))


class Failing:
    def __init__(self, sampler, batch):
        self.sampler = sampler
        self.bad = batch

    def sample(self, seeds, *, epoch, batch):
        if batch == self.bad:
            msg = "the disk is on fire"
            raise OSError(msg)
        return self.sampler.sample(seeds, epoch=epoch, batch=batch)


@pytest.mark.parametrize("num_threads", [0, 2])
def test_an_error_while_making_a_batch_says_which(graph_parts, num_threads):
    graph = graph_parts[1]
    sampler = Failing(NeighborSampler(graph, [2]), batch=3)
    loader = NodeLoader(graph, sampler, np.arange(100), batch_size=10, num_threads=num_threads)
    seen = []
    with pytest.raises(OSError, match="on fire") as caught:
        seen.extend(batch.index for batch in loader.epoch(7))
    assert caught.value.__notes__ == ["while making batch 3 of epoch 7"]
    assert not loader_threads()


class Stuck:
    def __init__(self):
        self.release = threading.Event()

    def sample(self, seeds, *, epoch, batch):
        self.release.wait(timeout=60)
        msg = "released"
        raise RuntimeError(msg)


def test_a_batch_that_never_comes_is_an_error(graph_parts):
    sampler = Stuck()
    loader = NodeLoader(graph_parts[1], sampler, np.arange(10), batch_size=5, timeout_s=0.05)
    try:
        with pytest.raises(LoaderTimeoutError, match="batch 0 of epoch 0 was not ready"):
            next(loader.epoch(0))
    finally:
        sampler.release.set()
        for thread in loader_threads():
            thread.join(timeout=60)
    assert not loader_threads()


def test_a_timeout_of_the_sampler_itself_is_passed_on(graph_parts):
    class TimesOut:
        def sample(self, seeds, *, epoch, batch):
            msg = "from within"
            raise TimeoutError(msg)

    loader = NodeLoader(graph_parts[1], TimesOut(), np.arange(10), batch_size=5)
    with pytest.raises(TimeoutError, match="from within"):
        next(loader.epoch(0))


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ([1, 2], "int64 .n., got list"),
        (np.array([1.0]), "got float64"),
        (np.array([[1]]), r"\(1, 1\)"),
        (np.array([], np.int64), "no seeds of node type 'node': is its split empty"),
        (np.array([0, 100]), "outside 0 to 99"),
        (np.array([4, 5, 4]), "node 4 more than once"),
    ],
)
def test_seeds_are_checked(graph_parts, seeds, message):
    with pytest.raises(ArgumentError, match=message):
        make(graph_parts[2], seeds)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size must be a whole number, at least 1"),
        ({"seed": -1}, "seed must be"),
        ({"num_threads": -1}, "num_threads must be"),
        ({"prefetch": -1}, "prefetch must be"),
        ({"node_type": "nod"}, "no node type 'nod'; did you mean 'node'"),
    ],
)
def test_options_are_checked(graph_parts, options, message):
    with pytest.raises(ArgumentError, match=message):
        make(graph_parts[1], **options)


@pytest.mark.parametrize(
    ("epoch", "start", "message"),
    [(-1, 0, "epoch must be"), (0, -1, "start must be"), (0, 8, "start = 8 is beyond the 7")],
)
def test_places_are_checked(graph_parts, epoch, start, message):
    with pytest.raises(ArgumentError, match=message):
        make(graph_parts[1]).epoch(epoch, start=start)


def test_seeds_of_a_heterogeneous_graph_need_a_type(scholars_graph):
    with pytest.raises(ArgumentError, match="author, paper: say which the seeds are"):
        NodeLoader(scholars_graph, NeighborSampler(scholars_graph, [1]), np.arange(2), batch_size=2)


def own_batches(graph, num_ranks=1, rank=0, **options):
    seeds = np.sort(graph.global_id_of_index("node")[:60])
    sampler = RandomPartitionSampler(graph, seeds, num_parts=5, seed=2)
    share = RankShare(rank=rank, num_ranks=num_ranks)
    return NodeLoader(graph, sampler, share=share, **options)


@pytest.mark.parametrize("num_threads", [0, 2])
def test_a_sampler_that_chooses_its_seeds(graph_parts, num_threads):
    graph = graph_parts[2]
    loader = own_batches(graph, num_threads=num_threads)
    assert len(loader) == 5
    batches = list(loader.epoch(3))
    whole = [content(graph, batch) for batch in batches]
    assert [batch.index for batch in batches] == list(range(5))
    assert sum(batch.batch_size for batch in batches) == 60
    for batch in batches:
        rows = torch.from_numpy(graph.index_of("node", batch.n_id.numpy()))
        assert torch.equal(batch.y, rows[: batch.batch_size])
        assert batch.adj.num_dst == batch.adj.num_src == len(batch.n_id)
    again = own_batches(graph_parts[8], num_threads=num_threads)
    assert [content(graph_parts[8], b) for b in again.epoch(3, start=2)] == whole[2:]


def test_ranks_share_the_batches_of_such_a_sampler(graph_parts):
    graph = graph_parts[2]
    whole = [content(graph, batch) for batch in own_batches(graph).epoch(0)]
    loaders = [own_batches(graph, num_ranks=2, rank=rank) for rank in (0, 1)]
    assert [len(loader) for loader in loaders] == [3, 3]
    steps = list(zip(*(loader.epoch(0) for loader in loaders), strict=True))
    taken = [content(graph, b) for step in steps for b in step if not b.is_padding]
    assert taken == whole
    assert [[b.is_padding for b in step] for step in steps] == [[False] * 2, [False] * 2,
                                                                [False, True]]  # fmt: skip


def test_weights_of_edges_and_seeds_reach_the_batch(graph_parts):
    graph = graph_parts[2]
    sampler = SaintWalkSampler(graph, np.arange(60), num_roots=8, coverage=5)
    batch = next(NodeLoader(graph, sampler, num_threads=0).epoch(0)).to("cpu")
    found = sampler.sample_batch(epoch=0, batch=0)
    assert batch.seed_weight.tolist() == found.seed_weight.tolist()
    assert batch.adj.weight.tolist() == found.edges["node", "to", "node"].weight.tolist()
    assert batch.seed_weight.dtype == batch.adj.weight.dtype == torch.float32


def test_seeds_are_given_to_the_sampler_that_chooses_them(graph_parts):
    sampler = RandomPartitionSampler(graph_parts[1], np.arange(9), num_parts=2)
    with pytest.raises(ArgumentError, match="RandomPartitionSampler chooses its seeds itself"):
        NodeLoader(graph_parts[1], sampler, np.arange(9))
