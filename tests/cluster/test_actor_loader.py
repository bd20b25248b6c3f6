"""Batches that sampling actors make under Ray equal those of the local loader."""

import gc
import os
import signal
import time

import numpy as np
import psutil
import pytest
import torch

from distgnn.cluster.actor_loader import ActorLoader, tensor
from distgnn.cluster.messages import SamplingRule
from distgnn.cluster.ray_actors import Deadlines
from distgnn.cluster.sampler_group import GroupSettings, SamplerGroup, Samplers
from distgnn.exceptions import ArgumentError, ClusterTimeoutError, ShardError
from distgnn.loader import NodeLoader
from distgnn.loader.share import RankShare
from distgnn.samplers import NeighborSampler
from distgnn.shards import ShardedGraph

pytestmark = pytest.mark.ray

RULE = SamplingRule(fanouts=[5, 4], seed=2)
QUICK = Deadlines(silence_s=2.0, restart_s=60.0, answer_s=60.0)


@pytest.fixture(scope="module")
def group(ray_session, featured_graph):
    """Two actors with two parts each."""
    settings = GroupSettings(num_samplers=2, num_cpus=0, deadlines=QUICK, cache_bytes=2000)
    with SamplerGroup.start(featured_graph.path, settings) as started:
        yield started


def local_loader(graph, **options):
    settings = {"batch_size": 40, "shuffle": True, "seed": 3} | options
    sampler = NeighborSampler(graph, RULE.fanouts, seed=RULE.seed)
    return NodeLoader(graph, sampler, graph.global_id_of_index("node"), **settings)


def actor_loader(group, graph, opened=None, **options):
    settings = {"batch_size": 40, "shuffle": True, "seed": 3, "node_type": "node"} | options
    seeds = graph.global_id_of_index("node")
    return ActorLoader(group.samplers, opened or graph, RULE, seeds, **settings)


def assert_same_batch(found, wanted):
    assert (found.epoch, found.index, found.batch_size) == (
        wanted.epoch, wanted.index, wanted.batch_size,
    )  # fmt: skip
    assert found.num_sampled_nodes_dict == wanted.num_sampled_nodes_dict
    assert found.num_sampled_edges_dict == wanted.num_sampled_edges_dict
    assert found.is_padding == wanted.is_padding
    for name in ("x", "y", "n_id"):
        torch.testing.assert_close(getattr(found, name), getattr(wanted, name), rtol=0, atol=0)
    for name in ("indptr", "indices", "weight"):
        mine, other = getattr(found.adj, name), getattr(wanted.adj, name)
        torch.testing.assert_close(mine, other, rtol=0, atol=0)


def assert_same_epoch(found, wanted, start=0):
    batches = list(found.epoch(2, start))
    assert len(batches) == len(wanted) - start
    for mine, other in zip(batches, wanted.epoch(2, start), strict=True):
        assert_same_batch(mine, other)


@pytest.mark.parametrize("open_parts", [(), (1, 2), (0, 1, 2, 3)], ids=str)
@pytest.mark.parametrize("start", [0, 7])
def test_batches_are_those_of_the_local_loader(group, featured_graph, open_parts, start):
    opened = ShardedGraph(featured_graph.path, featured_graph.manifest, open_parts)
    loader = actor_loader(group, featured_graph, opened)
    assert_same_epoch(loader, local_loader(featured_graph), start)
    stats = loader.stats
    assert stats.num_batches == 15 - start
    assert stats.num_batch_bytes > 0
    assert stats.traffic.num_calls > 0


def test_ranks_share_every_step(group, featured_graph):
    for rank in range(3):
        share = RankShare(rank=rank, num_ranks=3)
        loader = actor_loader(group, featured_graph, share=share, batch_size=599)
        assert_same_epoch(loader, local_loader(featured_graph, share=share, batch_size=599))


def test_a_rank_is_fed_by_several_actors_or_shares_one():
    samplers = Samplers(("a", "b", "c"), ((0,), (1,), (2,)))
    assert [samplers.of_rank(rank, 2) for rank in range(2)] == [["a", "c"], ["b"]]
    assert [samplers.of_rank(rank, 4) for rank in range(4)] == [["a"], ["b"], ["c"], ["a"]]


def test_features_are_mapped_not_copied(group, featured_graph):
    """A batch is one object of the store: its arrays lie side by side, aligned, in its memory."""
    opened = ShardedGraph(featured_graph.path, featured_graph.manifest, ())
    # All edges: smaller messages than 100 KB do not go through the store.
    loader = ActorLoader(
        group.samplers, opened, SamplingRule(fanouts=[-1]), np.arange(600),
        node_type="node", batch_size=600,
    )  # fmt: skip
    batch = next(iter(loader.epoch(0)))
    tensors = [batch.x, batch.n_id, batch.adj.indices, batch.adj.indptr, batch.y]
    addresses = [found.data_ptr() for found in tensors]
    assert all(address % 64 == 0 for address in addresses)
    size = sum(found.nbytes for found in tensors)
    assert max(addresses) - min(addresses) < 2 * size
    maps = psutil.Process().memory_maps(grouped=False)
    bounds = [tuple(int(end, 16) for end in m.addr.split("-")) for m in maps if "ray" in m.path
              or "plasma" in m.path or "shm" in m.path]  # fmt: skip
    assert all(any(a <= address < b for a, b in bounds) for address in addresses)


def test_a_batch_outlives_its_loader(group, featured_graph):
    opened = ShardedGraph(featured_graph.path, featured_graph.manifest, ())
    batches = list(actor_loader(group, featured_graph, opened).epoch(0))
    x = batches[3].x
    wanted = next(iter(local_loader(featured_graph).epoch(0, 3))).x
    del batches
    gc.collect()
    torch.testing.assert_close(x, wanted, rtol=0, atol=0)


def test_an_epoch_that_is_left_early_stops_the_actors(group, featured_graph):
    loader = actor_loader(group, featured_graph)
    for _ in range(20):  # more than an actor has threads for streams
        batches = loader.epoch(0)
        next(batches)
        batches.close()
    assert_same_epoch(loader, local_loader(featured_graph))


def test_tensors_of_read_only_arrays_share_their_memory():
    array = np.arange(6.0).reshape(2, 3)
    array.flags.writeable = False
    found = tensor(array)
    assert found.data_ptr() == array.ctypes.data
    assert found.tolist() == array.tolist()
    del array
    gc.collect()
    assert found.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert tensor(np.zeros((0, 3), np.float32)).shape == (0, 3)


def test_what_an_actor_raises_arrives_plainly(group, featured_graph):
    seeds = np.array([5, 5])
    loader = ActorLoader(
        group.samplers, featured_graph, RULE, seeds, node_type="node", batch_size=2
    )
    with pytest.raises(ArgumentError, match="more than once") as caught:
        list(loader.epoch(0))
    assert "Traceback" not in str(caught.value)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=lambda how: how.name)
@pytest.mark.parametrize("victim", [0, 1])
def test_a_lost_actor_costs_time_and_no_batch(group, featured_graph, how, victim):
    """The one that makes the batches, or the one that it asks for edges and rows."""
    one = Samplers(group.samplers.actors[:1], group.samplers.parts)
    loader = ActorLoader(
        one, featured_graph, RULE, featured_graph.global_id_of_index("node"),
        node_type="node", batch_size=10, shuffle=True, seed=3, prefetch=2,
    )  # fmt: skip
    wanted = local_loader(featured_graph, batch_size=10)
    pid = group.samplers.actors[victim].call("ping").result()
    count = 0
    for mine, other in zip(loader.epoch(2), wanted.epoch(2), strict=True):
        assert_same_batch(mine, other)
        count += 1
        if count == 5:
            os.kill(pid, how)
    assert count == 60
    assert group.samplers.actors[victim].call("ping").result() != pid
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    if victim == 0:
        assert loader.stats.num_restarts >= 1


def test_actors_killed_again_and_again_by_those_who_wait(group, featured_graph):
    """As one that hangs is: calls that Ray does not repeat then are sent anew."""
    loader = actor_loader(group, featured_graph, batch_size=10)
    wanted = local_loader(featured_graph, batch_size=10)
    for count, (mine, other) in enumerate(zip(loader.epoch(2), wanted.epoch(2), strict=True)):
        assert_same_batch(mine, other)
        if count in (3, 20, 40):
            group.samplers.actors[count % 2].restart()


def test_a_trainer_that_dies_leaves_the_actors_as_they_were(group, featured_graph):
    """Its stream ends when the one that replaces it asks for the same."""
    ray = pytest.importorskip("ray")

    @ray.remote(max_retries=0, num_cpus=0)
    def dying_trainer(samplers, graph):
        seeds = graph.global_id_of_index("node")
        options = {"node_type": "node", "batch_size": 10}
        next(ActorLoader(samplers, graph, RULE, seeds, **options).epoch(2))
        os.kill(os.getpid(), signal.SIGKILL)

    loader = actor_loader(group, featured_graph, batch_size=10)
    for _ in range(2):
        with pytest.raises(ray.exceptions.WorkerCrashedError):
            ray.get(dying_trainer.remote(group.samplers, featured_graph), timeout=100)
    assert_same_epoch(loader, local_loader(featured_graph, batch_size=10))


def test_an_actor_that_never_comes_back(ray_session, featured_graph):
    deadlines = Deadlines(silence_s=0.5, restart_s=1.5, answer_s=5)
    settings = GroupSettings(num_samplers=2, num_cpus=0, deadlines=deadlines)
    with SamplerGroup.start(featured_graph.path, settings) as group:
        batches = actor_loader(group, featured_graph, batch_size=5).epoch(0)
        next(batches)
        group.samplers.actors[1].stop()
        started = time.monotonic()
        with pytest.raises(ClusterTimeoutError, match=r"distgnn-sampler-1-\w+ did not give"):
            list(batches)
        assert time.monotonic() - started < 15


def test_nothing_is_left_running(ray_session, featured_graph):
    with SamplerGroup.start(featured_graph.path, GroupSettings(num_cpus=0)) as group:
        pid = group.samplers.actors[0].call("ping").result()
        assert psutil.pid_exists(pid)
    deadline = time.monotonic() + 20
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(pid)


def test_more_actors_than_parts(ray_session, featured_graph):
    with pytest.raises(ArgumentError, match="num_samplers = 5, but the graph has 4 parts"):
        SamplerGroup.start(featured_graph.path, GroupSettings(num_samplers=5))


def test_actors_that_all_open_all_parts(ray_session, featured_graph):
    settings = GroupSettings(num_samplers=2, num_cpus=0, split_parts=False)
    with SamplerGroup.start(featured_graph.path, settings) as group:
        loader = actor_loader(group, featured_graph)
        assert_same_epoch(loader, local_loader(featured_graph))
        assert loader.stats.traffic.num_calls == 0


def test_a_graph_that_is_not_there(ray_session, tmp_path):
    with pytest.raises(ShardError, match="there is no graph"):
        SamplerGroup.start(tmp_path / "nowhere", GroupSettings())
