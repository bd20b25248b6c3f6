"""Several ranks train as one: the same gradients, losses, metrics and checkpoints."""

import shutil

import pytest
import torch

from distgnn.train.checkpoint import Position
from distgnn.train.logs import read_records
from tests.train.conftest import configuration
from tests.train.group import run_jobs
from tests.train.runs import assert_close_weights, assert_equal_weights, newest, run, store

pytestmark = [pytest.mark.multiprocess, pytest.mark.timeout(300)]

EXACT = {
    "model": {"target": "tests.train.models.NoNormSAGE", "dropout": 0.0},
    "sampler": {"fanouts": [4, 4]},  # with equal fanouts the drawn trees do not depend on the batch
    "train": {"epochs": 2, "log_every": 3},
}
MANY = EXACT | {
    "train": {"epochs": 2, "accumulate": 3, "clip_norm": 0.05},
    "optimizer": {"name": "adamw", "lr": 0.02},
    "scheduler": {"name": "cosine", "warmup_steps": 2},
}
# Name: ranks, seeds of a rank, other sections. Of 310 seeds, three times 103 leave one over.
CASES = {
    "plain": (2, 25, EXACT),
    "accumulated": (2, 25, MANY),
    "no_seeds": (3, 103, EXACT),
    "one_batch": (3, 200, EXACT),
}


def split(make, name):
    """Return the configuration of the ranks, and that of one rank with the same steps."""
    num_ranks, size, sections = CASES[name]
    many = make(
        **sections, loader={"batch_size": size}, cluster={"num_workers": num_ranks}, run_dir=name
    )
    one = make(**sections, loader={"batch_size": size * num_ranks}, run_dir=f"{name}-one")
    return num_ranks, many, one


@pytest.fixture(scope="module")
def make(graph_dir, tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")

    def make(run_dir, **sections):
        return configuration(graph_dir, folder / run_dir, **sections)

    return make


@pytest.fixture(scope="module")
def results(make, tmp_path_factory):
    """Run everything that takes several processes, in one set of them."""
    jobs = []
    for name in CASES:
        num_ranks, config, _ = split(make, name)
        jobs.append((name, num_ranks, config, {}))
    cluster = {"num_workers": 2}
    saving = {"every_batches": 2, "keep_last": 99}
    whole = make("whole", loader={"batch_size": 25}, cluster=cluster, checkpoint=saving)
    cut = make("cut", loader={"batch_size": 25}, cluster=cluster, checkpoint=saving)
    jobs += [
        ("whole", 2, whole, {}),
        ("cut", 2, cut, {"stop": (1, 5)}),
        ("resumed", 2, cut, {"resume": True}),
        ("local", 2, make("local", cluster=cluster | {"locality": True}), {}),
        ("synced", 2, make("synced", cluster=cluster | {"sync_batch_norm": True}), {}),
    ]
    return run_jobs(jobs, tmp_path_factory.mktemp("groups"))


def epochs(config):
    records = read_records(config.run_dir / "metrics.jsonl")
    return [record for record in records if record["kind"] == "epoch"]


@pytest.mark.parametrize("name", CASES)
def test_ranks_end_with_the_weights_and_losses_of_one(make, results, name):
    _, many, one = split(make, name)
    alone = run(one)
    assert not isinstance(results[name][0], str), results[name][0]
    assert_close_weights(newest(many).model, newest(one).model, 1e-5)
    for mine, wanted in zip(epochs(many), epochs(one), strict=True):
        for key in ("train/loss", "train/accuracy", "val/loss", "val/accuracy", "val/macro_f1"):
            assert mine[key] == pytest.approx(wanted[key], abs=1e-5), key
    for result in results[name]:
        assert result.test == pytest.approx(alone.test, abs=1e-5)
        assert (result.steps, result.epochs) == (alone.steps, alone.epochs)


def test_each_rank_has_its_own_rates_in_the_log(make, results):
    del results
    _, many, _ = split(make, "plain")
    records = list(read_records(many.run_dir / "metrics.jsonl"))
    assert [r["kind"] for r in records] == [
        "step",
        "step",
        "epoch",
        "step",
        "step",
        "epoch",
        "test",
    ]
    for rank in range(2):
        assert records[0][f"rank{rank}/seeds_per_s"] > 0
        assert records[2][f"train/rank{rank}/edges_per_s"] > 0
    assert records[0]["seeds_per_s"] > records[0]["rank0/seeds_per_s"]


def test_all_stop_after_the_step_at_which_one_was_asked_to(results):
    for result in results["cut"]:
        assert (result.status, result.steps) == ("interrupted", 6)


def test_resumed_ranks_equal_undisturbed_ones(make, results):
    """With dropout and batch norm: the generators of every rank go on where they were."""
    assert not isinstance(results["resumed"][0], str), results["resumed"][0]
    whole, cut = newest(make("whole")), newest(make("cut"))
    assert_equal_weights(whole.model, cut.model)
    assert whole.metrics == cut.metrics
    assert results["whole"][1].test == results["resumed"][1].test


def test_other_numbers_of_ranks_go_on_from_a_checkpoint(make, results):
    """The global batch stays, so the weights are those of all other divisions of it."""
    del results
    _, many, one = split(make, "accumulated")
    folder = many.run_dir.with_name("moved")
    shutil.copytree(many.run_dir, folder)
    alone = make("moved", **MANY, loader={"batch_size": 50})
    for path in store(alone).paths()[1:]:
        shutil.rmtree(path)
    assert newest(alone).position == Position(epoch=1, batch=0, step=3)
    run(alone, resume=True)
    run(one, resume=(one.run_dir / "config.toml").exists())
    assert_close_weights(newest(alone).model, newest(one).model, 1e-5)


def test_seeds_by_part_are_learned_from_as_well(results):
    assert results["local"][0].status == "completed"
    assert results["local"][0].test["accuracy"] > 0.5  # chance: 1/3


def test_batch_norm_over_ranks_needs_a_gpu(results):
    for text in results["synced"]:
        assert "cluster.sync_batch_norm = true needs CUDA devices" in text


def test_weights_are_finite(make, results):
    del results
    for name in CASES:
        weights = newest(split(make, name)[1]).model
        assert all(torch.isfinite(weight).all() for weight in weights.values())
