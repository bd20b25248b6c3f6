"""Runs killed at random points, by real signals, and gone on with."""

import random
import signal
import subprocess
import sys
import time

import pytest

from distgnn.exceptions import OutputExistsError, PartitionError
from distgnn.partition.out_of_core.run import partition_tables
from distgnn.partition.out_of_core.tasks import LocalExecutor
from distgnn.partition.pipeline import partition_graph
from distgnn.tables import load_graph
from tests.partition.out_of_core.tables import TINY, files_of, scholar_tables

DEADLINE_S = 60
NUM_KILLS = 10

RUN = """
import sys
from pathlib import Path
from distgnn.partition.out_of_core import plan
from distgnn.partition.out_of_core.run import partition_tables
plan.MOST_WINDOW, plan.LEAST_WINDOW, plan.MOST_BUCKET, plan.LEAST_BUCKET = 2048, 1, 4096, 1
graph, out, resume = sys.argv[1:]
print("started", flush=True)
partition_tables(Path(graph), Path(out), num_parts=3, method="fennel", seed=2,
                 memory_limit=1 << 30, resume=bool(resume), progress=False)
"""


def start(graph, out, *, resume):
    words = [sys.executable, "-c", RUN, str(graph), str(out), "yes" if resume else ""]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.readline()
    return process


def finish(process):
    _, errors = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 0, errors


@pytest.mark.multiprocess
def test_a_run_killed_at_random_points_gives_the_same_shards(tmp_path):
    graph, out = scholar_tables(tmp_path), tmp_path / "out"
    raw = load_graph(graph)
    partition_graph(raw, tmp_path / "whole", num_parts=3, method="fennel", seed=2, progress=False)
    begin = time.monotonic()
    finish(start(graph, tmp_path / "timed", resume=False))
    length = time.monotonic() - begin
    rng, kills = random.Random(5), 0
    process = start(graph, out, resume=False)
    for _ in range(NUM_KILLS):
        try:
            process.wait(timeout=rng.uniform(0, length / 3))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate(timeout=DEADLINE_S)
            kills += 1
        if process.returncode == 0:
            process.communicate(timeout=DEADLINE_S)
            break
        assert not out.exists() or files_of(out) == files_of(tmp_path / "whole")
        plan = tmp_path / ".out.work" / "plan.json"
        if out.exists() and not plan.exists():
            break
        process = start(graph, out, resume=plan.exists())
    else:
        finish(process)
    assert kills > 1
    assert files_of(out) == files_of(tmp_path / "whole")
    assert not (tmp_path / ".out.work").exists()


class InterruptedRunError(RuntimeError):
    pass


class StopsAfter(LocalExecutor):
    """Fails after so many tasks."""

    def __init__(self, tasks):
        self.left = tasks

    def run(self, tasks, advance):
        def count():
            advance()
            self.left -= 1
            if self.left == 0:
                raise InterruptedRunError

        return super().run(tasks, count)


def partition(graph, out, **options):
    options = {"num_parts": 3, "method": "ldg", "progress": False, "memory_limit": TINY} | options
    return partition_tables(graph, out, **options)


@pytest.mark.parametrize("tasks", [1, 7, 13, 19, 25])
def test_finished_tasks_are_not_done_again(tasks, tmp_path):
    graph, out = scholar_tables(tmp_path), tmp_path / "out"
    partition(graph, tmp_path / "whole")
    with pytest.raises(InterruptedRunError):
        partition(graph, out, executor=StopsAfter(tasks))
    done = tmp_path / ".out.work" / "done"
    before = {path: path.stat().st_mtime_ns for path in done.rglob("*.json")}
    assert len(before) == tasks
    with pytest.raises(InterruptedRunError):
        partition(graph, out, resume=True, executor=StopsAfter(tasks + 1))
    assert {path: path.stat().st_mtime_ns for path in before} == before
    partition(graph, out, resume=True)
    assert files_of(out) == files_of(tmp_path / "whole")


def test_nothing_to_resume(tmp_path):
    graph = scholar_tables(tmp_path)
    with pytest.raises(PartitionError, match=r"there is no stopped run to resume in .*out.work"):
        partition(graph, tmp_path / "out", resume=True)


def test_another_run_is_not_resumed(tmp_path):
    graph, out = scholar_tables(tmp_path), tmp_path / "out"
    with pytest.raises(InterruptedRunError):
        partition(graph, out, executor=StopsAfter(3))
    with pytest.raises(PartitionError, match="cannot be resumed: its parts, seed were others"):
        partition(graph, out, num_parts=2, seed=9, resume=True)
    (tmp_path / "cites" / "2.parquet").unlink()
    with pytest.raises(PartitionError, match="cannot be resumed: its files were others"):
        partition(graph, out, resume=True)


def test_without_resume_a_stopped_run_is_begun_again(tmp_path):
    graph, out = scholar_tables(tmp_path), tmp_path / "out"
    with pytest.raises(InterruptedRunError):
        partition(graph, out, executor=StopsAfter(9))
    partition(graph, out)
    partition(graph, tmp_path / "whole")
    assert files_of(out) == files_of(tmp_path / "whole")


def test_two_runs_do_not_share_a_folder(tmp_path):
    graph, out = scholar_tables(tmp_path), tmp_path / "out"

    class RunsAnother(LocalExecutor):
        def run(self, tasks, advance):
            partition(graph, out)

    with pytest.raises(OutputExistsError, match="another run works in"):
        partition(graph, out, executor=RunsAnother())
