"""Training processes that are killed, stopped, or run out of disk; real processes throughout."""

import signal
import subprocess
import sys

import pytest

from distgnn.train.config_file import load_config, save_config
from tests.train.runs import (
    assert_equal_weights,
    final_weights,
    finish,
    newest,
    run,
    start,
    store,
    wait_for,
)

pytestmark = pytest.mark.multiprocess

SLOW_ENOUGH = {
    "model": {"target": "tests.train.models.SignalsItself"},
    "train": {"epochs": 3},
    "checkpoint": {"every_batches": 2},
}


@pytest.fixture
def undisturbed(make_config, tmp_path):
    """The weights of the same run without any fault."""
    config = make_config(**SLOW_ENOUGH, run_dir=str(tmp_path / "undisturbed"))
    run(config)
    return final_weights(config)


def test_kill_9_in_mid_batch_and_resume(make_config, undisturbed):
    config = make_config(**SLOW_ENOUGH)
    code, _ = finish(start(config, AT="14", SIGNAL="SIGKILL"))  # after 7 batches, 4 of val, 2
    assert code == -signal.SIGKILL
    position = newest(config).position
    assert (position.epoch, position.batch) == (1, 2)
    code, output = finish(start(config, "--resume"))
    assert code == 0, output
    assert_equal_weights(undisturbed, final_weights(config))


def test_kill_9_from_outside_at_a_random_moment_and_resume(make_config, undisturbed):
    config = make_config(**SLOW_ENOUGH)
    process = start(config)
    wait_for(process, lambda: len(store(config).paths()) >= 2)
    process.kill()
    finish(process)
    run(config, resume=True)
    assert_equal_weights(undisturbed, final_weights(config))


@pytest.mark.parametrize(
    ("name", "code", "at", "batch"),
    [("SIGTERM", 143, "4", 4), ("SIGINT", 130, "9", 7)],  # in training, in validation
)
def test_a_signal_saves_a_checkpoint_and_exits(make_config, undisturbed, name, code, at, batch):
    config = make_config(**SLOW_ENOUGH)
    found, output = finish(start(config, AT=at, SIGNAL=name))
    assert found == code, output
    assert "Traceback" not in output
    position = newest(config).position
    assert (position.epoch, position.batch) == (0, batch)
    assert not (config.run_dir / "result.json").exists()
    run(config, resume=True)
    assert_equal_weights(undisturbed, final_weights(config))


def test_full_disk_stops_the_run_and_keeps_the_last_checkpoint(make_config, undisturbed, tmp_path):
    config = make_config(**SLOW_ENOUGH)
    run(make_config(**SLOW_ENOUGH | {"train": {"epochs": 1}}))
    before = [path.name for path in store(config).paths()]
    size = max(file.stat().st_size for file in store(config).paths()[-1].iterdir())
    path = tmp_path / "limited.toml"
    save_config(config, path)
    # The largest file lists random states as text, whose length varies by some hundred bytes.
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(path), str(size - 1000)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "could not be written" in done.stderr
    assert [path.name for path in store(config).paths()] == before
    assert {path.name for path in store(config).folder.iterdir()} == set(before)
    run(load_config(path), resume=True)
    assert_equal_weights(undisturbed, final_weights(config))


LIMITED = """
import resource, sys
from pathlib import Path
from distgnn.exceptions import DistgnnError
from distgnn.train.config_file import load_config
from distgnn.train.run import train
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    train(load_config(Path(sys.argv[1])), resume=True, progress=False)
except DistgnnError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""
