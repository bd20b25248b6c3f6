import json
import math

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from distgnn.exceptions import ConfigError, GraphDataError, StorageError, TrainingDivergedError
from distgnn.train.config_file import load_config
from distgnn.train.logs import read_records
from tests.train.runs import (
    assert_close_weights,
    assert_equal_weights,
    final_weights,
    newest,
    run,
    store,
)


def records(config, kind):
    found = read_records(config.run_dir / "metrics.jsonl")
    return [record for record in found if record["kind"] == kind]


def test_learning_beats_chance_and_the_run_directory_is_complete(make_config):
    config = make_config(train={"epochs": 6, "log_every": 3})
    result = run(config)
    assert (result.status, result.exit_code, result.epochs, result.steps) == ("completed", 0, 6, 42)
    assert result.test["accuracy"] > 0.6  # chance: 1/3
    assert result.val["accuracy"] == result.best.value
    assert load_config(config.run_dir / "config.toml") == config
    written = json.loads((config.run_dir / "result.json").read_text())
    assert written["test"] == result.test
    assert written["best"]["metric"] == "accuracy"
    epochs, steps = records(config, "epoch"), records(config, "step")
    assert [record["epoch"] for record in epochs] == list(range(6))
    assert [record["step"] for record in steps][:3] == [3, 6, 10]
    assert epochs[-1]["train/loss"] < epochs[0]["train/loss"] / 2
    for name in ("seeds_per_s", "edges_per_s"):
        assert steps[0][name] > 0
    assert 0 <= epochs[0]["train/loader_wait"] < 1
    assert records(config, "test")[0]["test/accuracy"] == result.test["accuracy"]


def test_tensorboard_has_the_same_numbers(make_config):
    config = make_config()
    run(config)
    events = EventAccumulator(str(config.run_dir / "tensorboard")).Reload()
    values = [event.value for event in events.Scalars("val/accuracy")]
    assert values == pytest.approx([r["val/accuracy"] for r in records(config, "epoch")])


def test_same_seed_same_weights_other_seed_other_weights(make_config, tmp_path):
    configs = [
        make_config(seed=seed, run_dir=str(tmp_path / name))
        for name, seed in [("a", 1), ("b", 1), ("c", 2)]
    ]
    for config in configs:
        run(config)
    first, second, third = map(final_weights, configs)
    assert_equal_weights(first, second)
    assert not torch.equal(first["first.weight"], third["first.weight"])


@pytest.mark.parametrize("optimizer", [{"name": "sgd", "lr": 0.1}, {"name": "adam", "lr": 0.01}])
def test_two_half_batches_make_the_step_of_a_whole_one(make_config, tmp_path, optimizer):
    shared = {
        "model": {"target": "tests.train.models.NoNormSAGE", "dropout": 0.0},
        "sampler": {"fanouts": [-1, -1]},  # which neighbours are drawn depends on the batch
        "optimizer": optimizer,
    }
    whole = make_config(**shared, loader={"batch_size": 64}, run_dir=str(tmp_path / "whole"))
    halves = make_config(
        **shared,
        loader={"batch_size": 32},
        train={"accumulate": 2, "clip_norm": 1e9},
        run_dir=str(tmp_path / "halves"),
    )
    assert run(whole).steps == run(halves).steps  # the last batch is short: 310 = 4 * 64 + 54
    assert_close_weights(final_weights(whole), final_weights(halves), 1e-6)


def test_gradient_is_clipped_to_the_norm(make_config, tmp_path):
    """One step of SGD with rate 1 moves the weights by the norm of the clipped gradient."""
    config = make_config(
        loader={"batch_size": 1000},
        train={"epochs": 1, "clip_norm": 0.01},
        optimizer={"name": "sgd", "lr": 1.0},
    )
    still = make_config(
        loader={"batch_size": 1000},
        train={"epochs": 1},
        optimizer={"name": "sgd", "lr": 1e-30},
        run_dir=str(tmp_path / "still"),
    )
    run(config)
    run(still)
    before, after = final_weights(still), final_weights(config)
    moved = [
        (after[name] - before[name]).square().sum() for name in before if "running" not in name
    ]
    assert math.sqrt(sum(moved)) == pytest.approx(0.01, rel=1e-3)


def test_bf16_learns(make_config):
    result = run(make_config(train={"epochs": 6, "precision": "bf16"}))
    assert result.test["accuracy"] > 0.6


def test_early_stopping_and_best_weights(make_config):
    """With a rate of nearly 0 nothing improves after the first evaluation."""
    config = make_config(
        optimizer={"lr": 1e-12},
        model={"target": "tests.train.models.NoNormSAGE"},
        train={"epochs": 9},
        early_stopping={"patience": 2, "min_delta": 1e-3},
        evaluation={"monitor": "loss"},
    )
    result = run(config)
    assert (result.status, result.epochs) == ("early_stopped", 3)
    assert (result.best.epoch, result.best.metric) == (0, "loss")
    assert result.checkpoint == store(config).path(result.best.step)
    assert result.checkpoint.exists()
    assert run(config, resume=True).status == "early_stopped"


def test_evaluation_every_other_epoch_and_after_the_last(make_config):
    config = make_config(train={"epochs": 5}, evaluation={"every_epochs": 2})
    run(config)
    evaluated = [r["epoch"] for r in records(config, "epoch") if "val/loss" in r]
    assert evaluated == [1, 3, 4]


def test_without_evaluation_the_last_weights_are_the_result(make_config):
    config = make_config(evaluation={"every_epochs": 0}, checkpoint={"keep_last": 1})
    result = run(config)
    assert (result.best, result.val) == (None, {})
    assert result.checkpoint == store(config).paths()[-1]
    assert result.test["accuracy"] > 0


def test_not_a_number_names_the_batch_and_the_last_good_checkpoint(make_config):
    config = make_config(model={"target": "tests.train.models.Exploding"}, train={"epochs": 4})
    with pytest.raises(TrainingDivergedError) as error:
        run(config)
    message = str(error.value)
    assert "batch 5 of epoch 2" in message  # the 13th, counted from 0 in an epoch of 7
    assert "step-00000007" in message
    assert all(value.isfinite().all() for value in newest(config).model.values())


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"evaluation": {"monitor": "acuracy"}}, ConfigError, "did you mean 'accuracy'"),
        ({"task": {"name": "node_clasification"}}, ConfigError, "did you mean 'node_class"),
        ({"task": {"node_type": "nod"}}, GraphDataError, "task.node_type = 'nod'.*'node'"),
        ({"train": {"device": "tpu"}}, ConfigError, "train.device = 'tpu'"),
        ({"train": {"device": "cuda:77"}}, ConfigError, "train.device = 'cuda:77'"),
        ({"train": {"device": "auto", "precision": "fp16"}}, ConfigError, "CUDA device"),
        ({"model": {"target": None, "name": "GraphSAG"}}, ConfigError, "no such model"),
    ],
)
def test_bad_settings_leave_nothing_behind(make_config, changes, error, message):
    if torch.cuda.is_available():
        pytest.skip("these devices exist here")
    config = make_config(**changes)
    with pytest.raises(error, match=message):
        run(config)
    assert not config.run_dir.exists()


def test_unwritable_run_directory(make_config, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot write to run_dir"):
        run(make_config(run_dir=str(tmp_path / "file" / "run")))
