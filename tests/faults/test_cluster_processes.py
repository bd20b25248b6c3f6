"""Training under Ray whose driver or node is killed; real processes throughout."""

import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest

from distgnn.train.config_file import save_config
from tests.train.runs import assert_close_weights, finish, newest, run, store, wait_for

pytestmark = [
    pytest.mark.ray, pytest.mark.multiprocess, pytest.mark.slow, pytest.mark.timeout(400),
]  # fmt: skip

EXACT = {
    "model": {"target": "tests.train.models.Slow", "dropout": 0.0, "options": {"seconds": 0.2}},
    "sampler": {"fanouts": [4, 4]},
    "train": {"epochs": 3},
    "checkpoint": {"every_batches": 2, "keep_last": 99},
}


@pytest.fixture
def alone(make_config, tmp_path):
    """The weights of one process without any fault."""
    config = make_config(**EXACT, run_dir=str(tmp_path / "alone"))
    run(config)
    return newest(config).model


def start(config, *words):
    path = config.run_dir.with_suffix(".toml")
    save_config(config, path)
    return subprocess.Popen(
        [sys.executable, "-m", "distgnn.cli", "train", str(path), "--quiet", *words],
        env=os.environ | {"RAY_AUTH_MODE": "disabled"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_a_killed_driver_leaves_nothing_running_and_resume_goes_on(make_config, alone):
    config = make_config(
        **EXACT, loader={"batch_size": 25}, cluster={"num_workers": 2, "cpus_per_worker": 0.5}
    )
    process = start(config)
    wait_for(process, lambda: len(store(config).paths()) >= 2, timeout=200)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    finish(process)
    _, left = psutil.wait_procs(family, timeout=120)  # Ray looks for its head for 60 s
    assert not left
    before = newest(config).position
    assert (before.epoch, before.batch) < (3, 0)
    code, output = finish(start(config, "--resume"), timeout=200)
    assert code == 0, output
    assert_close_weights(newest(config).model, alone, 1e-5)


def test_sigterm_to_the_driver_saves_a_checkpoint_on_the_ranks(make_config, alone):
    config = make_config(
        **EXACT, loader={"batch_size": 25}, cluster={"num_workers": 2, "cpus_per_worker": 0.5}
    )
    process = start(config)
    wait_for(process, lambda: len(store(config).paths()) >= 2, timeout=200)
    process.send_signal(signal.SIGTERM)
    code, output = finish(process, timeout=200)
    assert code == 143, output
    assert "Traceback" not in output
    assert not (config.run_dir / "result.json").exists()
    run(config, resume=True)  # here, by one process
    assert_close_weights(newest(config).model, alone, 1e-5)


def test_training_goes_on_with_fewer_ranks_after_a_lost_node(make_config, alone, monkeypatch):
    """The raylet of the second node is killed; the global batch stays, and so do the weights."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    from distgnn.cluster.train import train_on_ray

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    config = make_config(
        **EXACT,
        loader={"batch_size": 25},
        cluster={"num_workers": 2, "min_workers": 1, "timeout_s": 60, "placement_timeout_s": 60},
    )
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        node = cluster.add_node(num_cpus=1)
        ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
        killer = threading.Thread(target=_kill_raylet_later, args=(config, node))
        killer.start()
        result = train_on_ray(config, progress=False)
        killer.join(10)
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert (result.status, result.steps) == ("completed", 21)
    assert_close_weights(newest(config).model, alone, 1e-5)


def _kill_raylet_later(config, node):
    done = threading.Event()
    for _ in range(2000):
        if len(store(config).paths()) >= 2:
            break
        done.wait(0.1)
    (raylet,) = node.all_processes["raylet"]
    os.kill(raylet.process.pid, signal.SIGKILL)
