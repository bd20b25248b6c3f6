"""Sampling actors on many nodes (raylets on one machine): lost nodes, bad parts."""

import logging
import shutil
import time
import uuid
from pathlib import Path

import pytest
import torch

from distgnn.cluster.actor_loader import ActorLoader
from distgnn.cluster.messages import SamplingRule
from distgnn.cluster.ray_actors import ActorRef, Deadlines, infos, start_actor
from distgnn.cluster.sampler_group import PART_RESOURCE, GroupSettings, SamplerGroup, check_same
from distgnn.cluster.sampling_actor import ActorSetup
from distgnn.datasets.generate import generate
from distgnn.exceptions import ClusterError, ClusterTimeoutError, ShardError
from distgnn.loader import NodeLoader
from distgnn.samplers import NeighborSampler
from tests.samplers.graphs import in_parts

pytestmark = [pytest.mark.ray, pytest.mark.multiprocess]

RULE = SamplingRule(fanouts=[5, 4], seed=2)
QUICK = Deadlines(start_s=60.0, silence_s=2.0, restart_s=60.0, answer_s=60.0)


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    return in_parts(generate(600, 5000, num_features=16), 4, tmp_path_factory.mktemp("graph"))


@pytest.fixture
def copied(graph, tmp_path):
    """A copy of the graph that may be damaged."""
    return Path(shutil.copytree(graph.path, tmp_path / "graph"))


class Nodes:
    """A Ray cluster whose nodes say which parts lie on their disks."""

    def __init__(self):
        from ray.cluster_utils import Cluster

        self._cluster = Cluster(
            initialize_head=True,
            head_node_args={
                "num_cpus": 1, "include_dashboard": False, "object_store_memory": 80_000_000,
            },
        )  # fmt: skip

    @property
    def address(self):
        return self._cluster.address

    def add(self, *parts):
        resources = {PART_RESOURCE.format(part=part): 1 for part in parts}
        return self._cluster.add_node(
            num_cpus=1, resources=resources, object_store_memory=80_000_000
        )

    def kill(self, node):
        self._cluster.remove_node(node, allow_graceful=False)

    def shutdown(self):
        self._cluster.shutdown()


@pytest.fixture(scope="module")
def nodes():
    """A head without parts, a node with parts 0 and 1, and one with parts 2 and 3."""
    ray = pytest.importorskip("ray")
    started = Nodes()
    started.first, started.second = started.add(0, 1), started.add(2, 3)
    ray.init(started.address, logging_level=logging.ERROR, log_to_driver=False)
    yield started
    ray.shutdown()
    started.shutdown()


def settings(**options):
    return GroupSettings(num_cpus=0.1, deadlines=QUICK, **options)


def loader(group, graph, **options):
    return ActorLoader(
        group.samplers, graph, RULE, graph.global_id_of_index("node"),
        node_type="node", batch_size=20, shuffle=True, **options,
    )  # fmt: skip


def local_loader(graph):
    sampler = NeighborSampler(graph, RULE.fanouts, seed=RULE.seed)
    return NodeLoader(graph, sampler, graph.global_id_of_index("node"), batch_size=20, shuffle=True)


def test_actors_run_where_their_parts_are(nodes, graph):
    with SamplerGroup.start(graph.path, settings()) as group:
        assert group.samplers.parts == ((0, 1), (2, 3))
        assert [info.parts for info in infos(group.samplers.actors, 30)] == [(0, 1), (2, 3)]
        for found, wanted in zip(
            loader(group, graph).epoch(0), local_loader(graph).epoch(0), strict=True
        ):
            torch.testing.assert_close(found.x, wanted.x, rtol=0, atol=0)


@pytest.mark.parametrize("damage", ["missing", "cut off"])
def test_a_bad_part_on_one_node(nodes, copied, damage):
    path = copied / "part-00002" / "edges" / "node__to__node.arrow"
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-64])
    wanted = rf"sampling actor distgnn-sampler-1-\w+ on node .* part\(s\) 2, 3.*{path}.*{damage}"
    with pytest.raises(ShardError, match=wanted):
        SamplerGroup.start(copied, settings())


def test_two_versions_of_a_graph(nodes, graph, tmp_path):
    other = in_parts(generate(600, 5000, num_features=16, seed=1), 4, tmp_path)
    moved = in_parts(generate(600, 5000, num_features=16), 4, tmp_path, seed=9)
    for path, words in ((other.path, "different versions"), (moved.path, "in different ways")):
        names = [f"{uuid.uuid4().hex[:6]}-{number}" for number in range(2)]
        actors = tuple(ActorRef(name, "versions", QUICK) for name in names)
        setups = [
            ActorSetup(name=name, path=str(where), parts=((0, 1), (2, 3)), own=own)
            for own, (name, where) in enumerate(zip(names, (graph.path, path), strict=True))
        ]
        handles = [
            start_actor(actor, setup, actors, {"num_cpus": 0})
            for actor, setup in zip(actors, setups, strict=True)
        ]
        both = rf"node .* \({names[0]}\) and node .* \({names[1]}\) hold .*{words}"
        with pytest.raises(ShardError, match=both):
            check_same(infos(actors, 30))
        for actor in actors:
            actor.stop()
        del handles


def test_no_room_for_an_actor(nodes, graph):
    small = GroupSettings(num_cpus=50, deadlines=Deadlines(start_s=2.0))
    started = time.monotonic()
    with pytest.raises(ClusterTimeoutError, match="have not started within 2 s: no machine"):
        SamplerGroup.start(graph.path, small)
    assert time.monotonic() - started < 20


def test_a_part_that_no_node_holds(nodes, tmp_path):
    five = in_parts(generate(50, 100, num_features=2), 5, tmp_path)
    with pytest.raises(ClusterError, match="no machine of the cluster holds part 4"):
        SamplerGroup.start(five.path, settings())


def test_a_lost_node_that_comes_back(nodes, graph):
    """The raylet is killed with all its processes; a new node holds the same parts."""
    with SamplerGroup.start(graph.path, settings()) as group:
        wanted = local_loader(graph)
        count = 0
        for found, other in zip(loader(group, graph).epoch(1), wanted.epoch(1), strict=True):
            torch.testing.assert_close(found.x, other.x, rtol=0, atol=0)
            torch.testing.assert_close(found.adj.indices, other.adj.indices, rtol=0, atol=0)
            count += 1
            if count == 3:
                nodes.kill(nodes.second)
                nodes.second = nodes.add(2, 3)
        assert count == 30


@pytest.mark.slow
def test_a_lost_node_that_does_not_come_back(nodes, graph):
    impatient = GroupSettings(
        num_cpus=0.1, deadlines=Deadlines(silence_s=1.0, restart_s=3.0, answer_s=5.0)
    )
    with SamplerGroup.start(graph.path, impatient) as group:
        batches = loader(group, graph, prefetch=1).epoch(0)
        next(batches)
        nodes.kill(nodes.second)
        started = time.monotonic()
        with pytest.raises(ClusterTimeoutError, match=r"distgnn-sampler-1-\w+ did not give"):
            list(batches)
        assert time.monotonic() - started < 40
