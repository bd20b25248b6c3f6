"""A run that stops anywhere and goes on ends with the weights of one that never stopped."""

import json
import random

import numpy as np
import pytest
import torch

from distgnn.exceptions import CheckpointError, OutputExistsError
from distgnn.train.logs import read_records
from distgnn.train.store import CheckpointStore
from tests.train.runs import assert_equal_weights, final_weights, newest, run


def stopped_at(config, path):
    """Make the run look as if it had been killed after the checkpoint `path`."""
    for other in CheckpointStore(config.run_dir / "checkpoints").paths():
        if other.name > path.name:
            for file in other.iterdir():
                file.unlink()
            other.rmdir()


FEATURES = {
    "plain": {},
    "everything": {
        "train": {"epochs": 3, "accumulate": 2, "clip_norm": 0.5},
        "scheduler": {"name": "cosine", "warmup_steps": 3},
        "optimizer": {"name": "adamw", "weight_decay": 0.1},
        "early_stopping": {"patience": 5},
        "loader": {"num_threads": 2},
    },
    "plateau": {
        "train": {"epochs": 3, "precision": "bf16"},
        "scheduler": {"name": "plateau", "patience": 0},
        "optimizer": {"name": "sgd", "momentum": 0.9, "lr": 0.1},
    },
}


@pytest.mark.parametrize("features", FEATURES)
def test_going_on_from_any_checkpoint_gives_the_same_weights_and_logs(make_config, features):
    config = make_config(**FEATURES[features], checkpoint={"every_batches": 4, "keep_last": 99})
    run(config)
    undisturbed = newest(config)
    records = [clean(record) for record in read_records(config.run_dir / "metrics.jsonl")]
    paths = CheckpointStore(config.run_dir / "checkpoints").paths()
    assert any(int(path.name[-8:]) % 7 for path in paths)  # some lie inside an epoch
    for path in (paths[0], paths[len(paths) // 2], paths[-2], paths[-1]):
        stopped_at(config, path)
        scramble_generators()
        run(config, resume=True)
        again = newest(config)
        assert_equal_weights(undisturbed.model, again.model)
        assert again.metrics == undisturbed.metrics
        assert again.best == undisturbed.best
        assert records == [clean(r) for r in read_records(config.run_dir / "metrics.jsonl")]


def clean(record):
    """Drop what is a matter of time."""
    return {
        name: value
        for name, value in record.items()
        if not name.endswith(("_per_s", "seconds", "loader_wait"))
    }


def scramble_generators():
    torch.manual_seed(99)
    np.random.seed(99)  # noqa: NPY002
    random.seed(99)


def test_another_partitioning_of_the_same_graph_is_the_same_graph(make_config, other_partition_dir):
    config = make_config(checkpoint={"every_batches": 3, "keep_last": 99})
    run(config)
    weights = final_weights(config)
    stopped_at(config, CheckpointStore(config.run_dir / "checkpoints").paths()[1])
    moved = make_config(
        graph=str(other_partition_dir), checkpoint={"every_batches": 3, "keep_last": 99}
    )
    run(moved, resume=True)
    assert_equal_weights(weights, final_weights(moved))


def test_a_finished_run_can_be_trained_for_longer(make_config):
    run(make_config(train={"epochs": 1}))
    result = run(make_config(train={"epochs": 3}), resume=True)
    assert result.epochs == 3
    longer = final_weights(make_config())
    straight = make_config(train={"epochs": 3}, run_dir=str(result.run_dir) + "2")
    run(straight)
    assert_equal_weights(longer, final_weights(straight))


def test_resuming_a_finished_run_evaluates_it_again(make_config):
    config = make_config()
    first = run(config)
    second = run(config, resume=True)
    assert (second.status, second.test) == ("completed", first.test)


def test_damaged_newest_checkpoint_costs_time_but_no_accuracy(make_config, caplog):
    config = make_config()
    run(config)
    weights = final_weights(config)
    path, _ = CheckpointStore(config.run_dir / "checkpoints").newest()
    (path / "training.safetensors").write_bytes(b"cut")
    run(config, resume=True)
    assert "training.safetensors has 3 bytes" in caplog.text
    assert_equal_weights(weights, final_weights(config))


def test_interrupted_again_after_passing_over_a_damaged_checkpoint(make_config, monkeypatch):
    config = make_config(checkpoint={"every_batches": 3, "keep_last": 3})
    run(config)
    for path in CheckpointStore(config.run_dir / "checkpoints").paths()[1:]:
        (path / "state.json").write_text("")
    monkeypatch.setattr("distgnn.train.surroundings.Surroundings.should_stop", lambda self: True)
    result = run(config, resume=True)
    assert result.status == "interrupted"
    left = [path.name for path in CheckpointStore(config.run_dir / "checkpoints").paths()]
    assert left == ["step-00000007", "step-00000008"]
    assert result.checkpoint.name == left[0]  # the best so far


def test_without_a_checkpoint_a_killed_run_starts_anew(make_config, caplog):
    config = make_config()
    config.run_dir.mkdir()
    (config.run_dir / "config.toml").write_text("")
    assert run(config, resume=True).status == "completed"
    assert "holds no checkpoint yet" in caplog.text


def test_resume_without_a_run_and_a_run_without_resume_are_refused(make_config):
    config = make_config()
    with pytest.raises(CheckpointError, match="holds no run to resume"):
        run(config, resume=True)
    run(config)
    with pytest.raises(OutputExistsError, match="holds a run already: continue it with --resume"):
        run(config)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"loader": {"batch_size": 10}}, r"loader\.batch_size was 50 and is now 10"),
        ({"optimizer": {"lr": 0.5}}, r"optimizer\.lr was 0\.01 and is now 0\.5"),
        ({"sampler": {"fanouts": [2, 2]}}, r"sampler\.fanouts was \[4, 3\] and is now \[2, 2\]"),
        ({"seed": 3}, "seed was 0 and is now 3"),
        ({"model": {"hidden_channels": 8}}, r"model\.hidden_channels was 16 and is now 8"),
    ],
)
def test_settings_that_change_the_result_cannot_change(make_config, changes, message):
    run(make_config(train={"epochs": 1}))
    with pytest.raises(CheckpointError, match=message):
        run(make_config(**changes), resume=True)


def test_epochs_are_part_of_a_cosine_schedule(make_config):
    run(make_config(train={"epochs": 1}, scheduler={"name": "cosine"}))
    with pytest.raises(CheckpointError, match=r"train\.epochs was 1 and is now 2"):
        run(make_config(scheduler={"name": "cosine"}), resume=True)


def test_a_checkpoint_of_another_graph_is_refused(make_config, foreign_graph_dir):
    run(make_config(train={"epochs": 1}))
    config = make_config(graph=str(foreign_graph_dir))
    logs = (config.run_dir / "metrics.jsonl").read_text()
    with pytest.raises(CheckpointError) as error:
        run(config, resume=True)
    message = str(error.value)
    assert "graph 'mine'" in message
    assert "graph 'foreign'" in message
    assert message.count("fingerprint") == 2
    assert (config.run_dir / "metrics.jsonl").read_text() == logs


def test_a_changed_model_class_is_refused_by_its_shapes(make_config, monkeypatch):
    run(make_config(train={"epochs": 1}))
    monkeypatch.setattr("tests.train.models.TinySAGE.__init__", _wider)
    with pytest.raises(CheckpointError) as error:
        run(make_config(), resume=True)
    assert "first.weight is [16, 16] in the checkpoint and [17, 16] in the model" in str(
        error.value
    )
    assert "extra is absent in the checkpoint" in str(error.value)


def _wider(self, in_channels, hidden_channels, out_channels, dropout=0.0):
    torch.nn.Module.__init__(self)
    self.extra = torch.nn.Parameter(torch.zeros(2))
    self.first = torch.nn.Linear(2 * in_channels, hidden_channels + 1)
    self.second = torch.nn.Linear(2 * hidden_channels, out_channels)


def test_cut_off_last_line_of_the_log_is_dropped(make_config):
    config = make_config(train={"epochs": 1})
    run(config)
    log = config.run_dir / "metrics.jsonl"
    log.write_text(log.read_text() + '{"kind": "epo')
    run(make_config(), resume=True)
    kinds = [json.loads(line)["kind"] for line in log.read_text().splitlines()]
    assert kinds == ["epoch", "epoch", "test"]
