"""Training on ranks under Ray: equal to one process, and to a run without faults."""

import json

import pytest

from distgnn.cluster.train import train_on_ray
from distgnn.exceptions import ClusterTimeoutError, OutputExistsError, TrainingDivergedError
from tests.train.runs import assert_close_weights, newest, run, store

pytestmark = [pytest.mark.ray, pytest.mark.multiprocess, pytest.mark.timeout(300)]

EXACT = {
    "sampler": {"fanouts": [4, 4]},
    "train": {"epochs": 2, "log_every": 3},
    "checkpoint": {"every_batches": 2, "keep_last": 99},
}


def test_a_killed_rank_costs_no_accuracy(ray_session, make_config, tmp_path):
    """Two ranks, of which one is killed in the second epoch, end with the weights of one process.

    Two sampling actors, each with one part of the graph, make their batches. Ray Train starts both
    ranks again from the last checkpoint, at its batch.
    """
    marker = tmp_path / "died"
    model = {
        "target": "tests.train.models.DiesOnce",
        "dropout": 0.0,
        "options": {"marker": str(marker), "at": 15},
    }
    many = make_config(
        **EXACT,
        model=model,
        loader={"batch_size": 25},
        cluster={
            "num_workers": 2,
            "num_samplers": 2,
            "timeout_s": 60,
            "storage": str(tmp_path / "copies"),
        },
    )
    result = train_on_ray(many, progress=False)
    assert marker.exists()
    assert (result.status, result.steps, result.exit_code) == ("completed", 14, 0)
    one = make_config(**EXACT, model=model, run_dir=str(tmp_path / "one"))
    alone = run(one)
    assert_close_weights(newest(many).model, newest(one).model, 1e-5)
    assert result.test == pytest.approx(alone.test, abs=1e-5)
    written = json.loads((many.run_dir / "result.json").read_text())
    assert written["test"] == result.test
    assert list((tmp_path / "copies").rglob("state.json"))  # Ray Train copied checkpoints
    with pytest.raises(OutputExistsError, match="holds a run already"):
        train_on_ray(many, progress=False)


def test_an_error_of_a_rank_is_the_error_of_the_run(ray_session, make_config):
    config = make_config(
        model={"target": "tests.train.models.Exploding"},
        loader={"batch_size": 25},
        checkpoint={"every_batches": 2},
        cluster={"num_workers": 2, "timeout_s": 60},
    )
    with pytest.raises(TrainingDivergedError, match="not a finite number"):
        train_on_ray(config, progress=False)
    assert store(config).newest() is not None


def test_more_ranks_than_cpus_is_an_error_within_the_deadline(ray_session, make_config):
    config = make_config(cluster={"num_workers": 99, "placement_timeout_s": 2})
    with pytest.raises(
        ClusterTimeoutError, match=r"no room for 99 processes that take 99 CPU within 2 s.*8 CPU"
    ):
        train_on_ray(config, progress=False)
    assert not config.run_dir.exists()
