import pytest

from distgnn.exceptions import ConfigError
from distgnn.train.config import RunConfig
from distgnn.train.config_file import (
    config_from_dict,
    config_to_dict,
    load_config,
    save_config,
)

FULL = """
graph = "graphs/cora"
run_dir = "/runs/cora"
seed = 7

[model]
name = "GAT"
num_layers = 2
options = { heads = 4, concat = false }

[sampler]
fanouts = { author__writes__paper = [10, 5], paper__rev__author = [3, -1] }

[optimizer]
lr = 1

[train]
clip_norm = 2.5
"""


@pytest.fixture
def toml(tmp_path):
    path = tmp_path / "run.toml"
    path.write_text(FULL)
    return path


def test_file_gives_the_values_and_defaults_fill_the_rest(toml):
    config = load_config(toml)
    assert config.graph == toml.parent / "graphs/cora"  # relative to the file
    assert str(config.run_dir) == "/runs/cora"
    assert config.model.options == {"heads": 4, "concat": False}
    assert config.sampler.fanouts["paper__rev__author"] == (3, -1)
    assert config.optimizer.lr == 1.0
    assert config.loader.batch_size == RunConfig(graph=config.graph).loader.batch_size


def test_what_is_written_reads_back_equal(toml, tmp_path):
    config = load_config(toml)
    save_config(config, tmp_path / "copy.toml")
    assert load_config(tmp_path / "copy.toml") == config
    assert config_from_dict(config_to_dict(config), source="json") == config


def test_defaults_read_back_equal(tmp_path):
    config = RunConfig(graph=tmp_path, run_dir=tmp_path / "run")
    save_config(config, tmp_path / "a.toml")
    assert load_config(tmp_path / "a.toml") == config


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"optimiser": {}}, "unknown key 'optimiser'; did you mean 'optimizer'"),
        ({"train": {"epoch": 3}}, "unknown key 'train.epoch'; did you mean 'epochs'"),
        ({"optimizer": {"lr": "fast"}}, "optimizer.lr = 'fast': it must be a valid number"),
        ({"optimizer": {"lr": True}}, "optimizer.lr = True"),
        ({"train": {"epochs": 2.5}}, "train.epochs = 2.5"),
        ({"train": {"precision": "fp8"}}, "train.precision = 'fp8': it must be 'float32', 'bf16'"),
        ({"sampler": {"fanouts": [3, "x"]}}, "sampler.fanouts = 'x': it must be a valid integer"),
        ({"sampler": 3}, "sampler = 3: it must be an object"),
        ({"sampler": {"fanouts": []}}, "sampler.fanouts = "),
        ({"sampler": {"fanouts": [2, -2]}}, "-1 for all"),
        ({"sampler": {"fanouts": {"a__b__c": [1], "c__b__a": [1, 2]}}}, "as many for each edge"),
        (
            {"sampler": {"name": "neigbor"}},
            "sampler: there is no sampler 'neigbor'; did you mean 'neighbor'",
        ),
        (
            {"sampler": {"options": {"num_thread": 2}}},
            "the sampler 'neighbor' has no option 'num_thread'; did you mean 'num_threads'",
        ),
        ({"optimizer": {"lr": float("nan")}}, "optimizer.lr = nan: it must be > 0 and finite"),
        ({"optimizer": {"lr": -1}}, "optimizer.lr = -1.0"),
        ({"loader": {"batch_size": 0}}, "loader.batch_size = 0: it must be > 0"),
        ({"seed": -1}, "seed = -1"),
        ({"model": {"dropout": 1.0}}, "model.dropout = 1.0"),
    ],
)
def test_bad_values_are_refused_with_key_and_value(data, message):
    with pytest.raises(ConfigError) as error:
        config_from_dict({"graph": "g", **data}, source="run.toml")
    assert message in str(error.value)
    assert str(error.value).startswith("run.toml: ")


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (
            {"model": {"num_layers": 3}, "sampler": {"fanouts": [5, 5]}},
            ["model.num_layers = 3", "sampler.fanouts = (5, 5)"],
        ),
        (
            {"evaluation": {"fanouts": [5]}, "sampler": {"fanouts": [5, 5]}},
            ["evaluation.fanouts = (5,)", "sampler.fanouts = (5, 5)"],
        ),
        (
            {"optimizer": {"momentum": 0.9}},
            ["optimizer.momentum = 0.9", "optimizer.name = 'adam'"],
        ),
        (
            {"train": {"accumulate": 4}, "checkpoint": {"every_batches": 6}},
            ["checkpoint.every_batches = 6", "train.accumulate = 4"],
        ),
        (
            {"train": {"precision": "fp16", "device": "cpu"}},
            ["train.precision = 'fp16'", "train.device = 'cpu'"],
        ),
        (
            {"early_stopping": {"patience": 3}, "evaluation": {"every_epochs": 0}},
            ["early_stopping.patience = 3", "evaluation.every_epochs = 0"],
        ),
        (
            {"scheduler": {"name": "plateau"}, "evaluation": {"every_epochs": 0}},
            ["scheduler.name = 'plateau'", "evaluation.every_epochs = 0"],
        ),
        (
            {"scheduler": {"name": "plateau", "warmup_steps": 5}},
            ["scheduler.warmup_steps = 5", "scheduler.name = 'plateau'"],
        ),
    ],
)
def test_values_that_do_not_go_together_are_both_named(data, names):
    with pytest.raises(ConfigError) as error:
        config_from_dict({"graph": "g", **data}, source="x")
    for name in names:
        assert name in str(error.value)


def test_several_errors_are_reported_at_once():
    with pytest.raises(ConfigError, match=r"optimizer\.lr = 'x'.*unknown key 'modle'"):
        config_from_dict({"graph": "g", "optimizer": {"lr": "x"}, "modle": {}}, source="x")


def test_missing_and_broken_files(tmp_path):
    with pytest.raises(ConfigError, match="cannot read the configuration"):
        load_config(tmp_path / "absent.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("a = = 1")
    with pytest.raises(ConfigError, match=r"is not a TOML file.*line 1"):
        load_config(broken)
    broken.write_text("seed = 1")
    with pytest.raises(ConfigError, match="'graph' is missing"):
        load_config(broken)


def test_one_layer_a_hop_by_default():
    config = config_from_dict({"graph": "g", "sampler": {"fanouts": [4, 3, 2]}}, source="x")
    assert config.num_layers == 3
    assert config.evaluation_fanouts == (4, 3, 2)


def test_seeds_of_a_step_count_all_ranks():
    data = {"graph": "g", "loader": {"batch_size": 8}}
    assert config_from_dict(data, source="x").step_seeds == 8
    data["cluster"] = {"num_workers": 3, "min_workers": 2}
    assert config_from_dict(data, source="x").step_seeds == 24


@pytest.mark.parametrize(
    ("cluster", "message"),
    [
        ({"num_workers": -1}, r"cluster\.num_workers = -1: it must be >= 0"),
        ({"num_workers": 2, "min_workers": 3}, "between 1 and cluster.num_workers = 2"),
        ({"num_samplers": 2}, "cluster.num_samplers = 2, but cluster.num_workers = 0"),
        ({"num_workers": 1, "timeout_s": 0}, r"cluster\.timeout_s = 0.*must be > 0"),
        ({"num_workers": 1, "max_failures": -2}, "must be >= -1"),
    ],
)
def test_impossible_clusters_are_refused(cluster, message):
    with pytest.raises(ConfigError, match=message):
        config_from_dict({"graph": "g", "cluster": cluster}, source="x")
