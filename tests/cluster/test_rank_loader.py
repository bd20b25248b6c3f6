"""Loaders of ranks from the configuration."""

from types import SimpleNamespace

import pytest

from distgnn.cluster.rank_loader import ActorLoaders, check_samplers, group_settings
from distgnn.cluster.ray_actors import ActorRef, Deadlines
from distgnn.cluster.sampler_group import Samplers
from distgnn.exceptions import ConfigError
from distgnn.tasks.node_classification import NodeClassification
from distgnn.tasks.task import LoaderSettings
from distgnn.train.config_cluster import ClusterConfig

CLUSTER = ClusterConfig(
    num_workers=2,
    num_samplers=3,
    cpus_per_sampler=0.5,
    cache_bytes=100,
    wire_dtype="float16",
    placement_timeout_s=7,
    silence_timeout_s=2,
    restart_timeout_s=4,
    timeout_s=9,
)


def config(sampler="neighbor"):
    return SimpleNamespace(
        cluster=CLUSTER,
        loader=SimpleNamespace(num_threads=0),
        sampler=SimpleNamespace(name=sampler),
    )


def test_settings_come_from_the_configuration():
    found = group_settings(config())
    assert (found.num_samplers, found.num_cpus, found.num_threads) == (3, 0.5, 1)
    assert (found.cache_bytes, found.wire_dtype, found.split_parts) == (100, "float16", True)
    assert found.deadlines == Deadlines(start_s=7, silence_s=2, restart_s=4, answer_s=9)


def test_samplers_that_choose_their_seeds_are_refused():
    check_samplers(config())
    with pytest.raises(ConfigError, match=r"sampler.name = 'saint_node' chooses the seeds"):
        check_samplers(config("saint_node"))


def test_the_loader_of_a_task(papers_graph):
    actor = ActorRef("a", "b", Deadlines())
    make = ActorLoaders(Samplers((actor,), ((0, 1),)))
    task = NodeClassification(papers_graph)
    settings = LoaderSettings(fanouts=[2], batch_size=2)
    loader = make(task, task.seeds(None), settings, shuffle=True)
    assert len(loader) == 3  # of six papers one has no label
    with pytest.raises(ConfigError, match="SimpleNamespace makes batches"):
        make(SimpleNamespace(), task.seeds(None), settings, shuffle=True)


@pytest.mark.parametrize("name", ["silence_timeout_s", "restart_timeout_s"])
def test_deadlines_are_positive(name):
    with pytest.raises(ConfigError, match=f"cluster.{name}"):
        ClusterConfig(**{name: 0})


def test_cache_bytes_are_not_negative():
    with pytest.raises(ConfigError, match=r"cluster.cache_bytes"):
        ClusterConfig(cache_bytes=-1)
