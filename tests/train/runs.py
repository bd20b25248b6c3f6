"""Running training in tests, here or in a process of its own, and comparing what it left."""

import os
import subprocess
import sys

import torch

from distgnn.train.config_file import save_config
from distgnn.train.run import train
from distgnn.train.store import CheckpointStore

MAIN = """
import sys
from pathlib import Path
from distgnn.exceptions import DistgnnError
from distgnn.train.config_file import load_config
from distgnn.train.run import train
try:
    sys.exit(train(load_config(Path(sys.argv[1])), resume="--resume" in sys.argv).exit_code)
except DistgnnError as error:
    print(error, file=sys.stderr)
    sys.exit(error.exit_code)
"""


def run(config, **options):
    return train(config, progress=False, **options)


def start(config, *words, **environment):
    """Start training in a process of its own; `words` may hold ``--resume``."""
    path = config.run_dir.with_suffix(".toml")
    save_config(config, path)
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, str(path), *words],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process, timeout=100):
    """Wait for a process; return (exit code, what it printed)."""
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return process.returncode, out + err


def wait_for(process, condition, timeout=60.0):
    """Return once `condition` holds; fail if the process ends or the time is up before."""
    for _ in range(int(timeout / 0.01)):
        if condition():
            return
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        raise AssertionError(process.communicate())
    process.kill()
    raise AssertionError(process.communicate())


def store(config):
    return CheckpointStore(config.run_dir / "checkpoints")


def newest(config):
    return store(config).newest()[1]


def final_weights(config):
    return newest(config).model


def assert_equal_weights(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert torch.equal(left[name], right[name]), name


def assert_close_weights(left, right, tolerance):
    assert left.keys() == right.keys()
    for name in left:
        torch.testing.assert_close(left[name], right[name], rtol=tolerance, atol=tolerance)
