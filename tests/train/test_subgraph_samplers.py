"""Training on induced subgraphs: any depth, resumed exactly, the same however partitioned."""

import dataclasses

import pytest

from distgnn.exceptions import ConfigError
from distgnn.train.store import CheckpointStore
from tests.train.runs import assert_equal_weights, final_weights, newest, run
from tests.train.test_resume import scramble_generators, stopped_at

SAMPLERS = {
    "shadow": {"name": "shadow", "fanouts": [5, 5]},
    "cluster": {"name": "cluster", "options": {}},
    "saint_node": {"name": "saint_node", "options": {"num_nodes": 150, "coverage": 3}},
    "saint_edge": {"name": "saint_edge", "options": {"num_edges": 80, "coverage": 3}},
    "saint_walk": {"name": "saint_walk", "options": {"num_roots": 60, "coverage": 3}},
    "random_partition": {"name": "random_partition", "options": {"num_parts": 6}},
}


@pytest.fixture
def configure(make_config):
    def make(name, **sections):
        config = make_config(
            sampler=SAMPLERS[name], train={"epochs": 6}, model={"num_layers": 3}, **sections
        )
        model = dataclasses.replace(config.model, target=None, name="GCN")
        return dataclasses.replace(config, model=model)

    return make


@pytest.mark.parametrize("name", SAMPLERS)
def test_a_network_deeper_than_the_sampler_learns(configure, name):
    config = configure(name)
    assert config.num_layers == 3
    result = run(config)
    assert result.val["accuracy"] > 0.8
    assert result.status == "completed"


@pytest.mark.parametrize("name", ["random_partition"])
def test_going_on_inside_an_epoch_gives_the_same_weights(configure, name):
    config = configure(name, checkpoint={"every_batches": 2, "keep_last": 99})
    run(config)
    undisturbed = newest(config)
    paths = CheckpointStore(config.run_dir / "checkpoints").paths()
    for path in (paths[0], paths[len(paths) // 2 + 1]):
        stopped_at(config, path)
        scramble_generators()
        run(config, resume=True)
        assert_equal_weights(undisturbed.model, newest(config).model)


@pytest.mark.parametrize("name", ["shadow", "saint_edge"])
def test_weights_do_not_depend_on_the_partitioning(configure, other_partition_dir, tmp_path, name):
    config = configure(name)
    run(config)
    other = dataclasses.replace(config, graph=other_partition_dir, run_dir=tmp_path / "other")
    run(other)
    assert_equal_weights(final_weights(config), final_weights(other))


def test_evaluation_draws_all_neighbours_unless_told_otherwise(configure):
    config = configure("cluster")
    assert (config.evaluation_sampler, config.evaluation_fanouts) == ("neighbor", (-1, -1, -1))
    config = configure("cluster", evaluation={"fanouts": [9, 8, 7]})
    assert config.evaluation_fanouts == (9, 8, 7)
    config = configure("shadow")
    assert (config.evaluation_sampler, config.evaluation_fanouts) == ("shadow", (5, 5))


BAD = {
    "option": ({"name": "cluster", "options": {"per_batch": 2}}, {}, "clusters_per_batch"),
    "fanouts": (
        {"name": "cluster"},
        {"fanouts": [3]},
        r"evaluation.fanouts = \(3,\) has not a number for each of the 2 layers",
    ),
    "replace": ({"name": "cluster", "replace": True}, {}, "never draws an edge twice"),
    "seeds": ({"name": "saint_walk", "options": {"seeds": 3}}, {}, "setting of its own"),
}


@pytest.mark.parametrize("name", BAD)
def test_settings_that_do_not_go_together(make_config, name):
    sampler, evaluation, message = BAD[name]
    with pytest.raises(ConfigError, match=message):
        make_config(sampler=sampler, evaluation=evaluation)
