"""A Ray cluster started by hand, and the README's commands that submit jobs to it."""

import os
import re
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import requests

from distgnn.train.config_file import load_config
from tests.train.runs import newest

pytestmark = [pytest.mark.ray, pytest.mark.multiprocess, pytest.mark.timeout(300)]
ROOT = Path(__file__).parents[2]
CONFIG = """
graph = "{graph}"
run_dir = "run"

[model]
hidden_channels = 16

[sampler]
fanouts = [4, 3]

[loader]
batch_size = 50

[train]
epochs = 2
device = "cpu"

[cluster]
cpus_per_worker = 0.5
cpus_per_sampler = 0.5
"""


def commands(word):
    """Return the command lines of the README's block that contains `word`."""
    blocks = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (found,) = [text for text in blocks if word in text]
    return [shlex.split(line, comments=True) for line in found.splitlines()]


def free_ports(number):
    sockets = [socket.socket() for _ in range(number)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture(scope="module")
def head():
    """Run the README's `ray start --head` with ports and a token of its own."""
    folder = tempfile.mkdtemp(prefix="rt", dir="/tmp")  # a socket's path must be short
    port, dashboard, client, agent, metrics = free_ports(5)
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(20),
        "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}",
    }
    (start,) = [words for words in commands("distgnn submit") if words[0] == "ray"]
    options = {
        "port": port, "dashboard-port": dashboard, "ray-client-server-port": client,
        "dashboard-agent-listen-port": agent, "metrics-export-port": metrics,
        "num-cpus": 2, "temp-dir": folder, "object-store-memory": 200_000_000,
    }  # fmt: skip
    words = [*start, "--block", *(f"--{name}={value}" for name, value in options.items())]
    log = Path(folder, "head.log")
    with log.open("w") as file:
        process = subprocess.Popen(words, env=environment, stdout=file, stderr=file)
    try:
        _wait_until_it_answers(environment["RAY_API_SERVER_ADDRESS"], process, log)
        yield environment, port
    finally:
        _end(process)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_it_answers(url, process, log):
    for _ in range(400):
        assert process.poll() is None, log.read_text()
        try:
            if requests.get(url, timeout=5).ok:
                return
        except requests.ConnectionError:
            pass
        try:
            process.wait(0.25)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(log.read_text())


def _end(process):
    """End the head and all that it started."""
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(15)
    _, left = psutil.wait_procs(family, timeout=15)
    for each in left:
        each.kill()


def distgnn(words, environment, folder):
    """Run a command line; return its exit code and what it printed."""
    done = subprocess.run(
        [sys.executable, "-m", "distgnn.cli", *words],
        env=environment, cwd=folder, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def test_the_submitted_job_trains(head, graph_dir, tmp_path):
    environment, _ = head
    (tmp_path / "config.toml").write_text(CONFIG.format(graph=graph_dir))
    submit, jobs = [words[1:] for words in commands("distgnn submit") if words[0] == "distgnn"][1:]
    code, output = distgnn(submit, environment, tmp_path)
    assert code == 0, output
    assert "completed after 2 epochs" in output
    assert newest(load_config(tmp_path / "config.toml")).position.epoch == 2
    code, output = distgnn(jobs, environment, tmp_path)
    assert (code, "SUCCEEDED" in output) == (0, True), output
    # A job that fails gives its exit code: this run directory holds a run.
    code, output = distgnn(submit, environment, tmp_path)
    assert code != 0
    assert "holds a run already" in " ".join(output.split())


def test_the_wrong_token_is_one_clear_error(head, graph_dir, tmp_path):
    environment, port = head
    wrong = environment | {"RAY_AUTH_TOKEN": secrets.token_hex(20)}
    code, output = distgnn(["jobs"], wrong, tmp_path)
    assert code == 2
    assert "refused the token" in output
    address = f"127.0.0.1:{port}"
    words = ["train", "--graph", str(graph_dir), "--num-workers", "2", "--address", address]
    code, output = distgnn([*words, "--cluster.connect-timeout-s", "20"], wrong, tmp_path)
    assert code != 0
    assert "token" in output
    assert "Traceback" not in output
    assert not list(tmp_path.iterdir())


def test_a_job_that_does_not_exist_is_named(head, tmp_path):
    environment, _ = head
    code, output = distgnn(["stop", "nothing"], environment, tmp_path)
    assert code == 2
    assert "knows no job 'nothing'" in " ".join(output.split())
