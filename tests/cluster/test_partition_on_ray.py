"""Partitioning as Ray tasks writes the files of a run on one machine."""

import shutil

import pytest

from distgnn.exceptions import ArgumentError, GraphDataError, StorageError
from distgnn.partition.out_of_core.run import partition_tables
from distgnn.partition.out_of_core.tasks import Task
from tests.partition.out_of_core.tables import TINY, files_of, scholar_tables

pytestmark = pytest.mark.ray

ray = pytest.importorskip("ray")
partition_on_ray = pytest.importorskip("distgnn.cluster.partition_on_ray")


@pytest.fixture
def executor(ray_session):
    return partition_on_ray.RayExecutor(None, 2)


def partition(graph, out, **options):
    options = {"num_parts": 3, "method": "fennel", "memory_limit": TINY} | options
    return partition_tables(graph, out, progress=False, **options)


def test_the_same_files(executor, tmp_path):
    graph = scholar_tables(tmp_path)
    partition(graph, tmp_path / "here")
    partition(graph, tmp_path / "ray", executor=executor)
    assert files_of(tmp_path / "ray") == files_of(tmp_path / "here")


def test_errors_of_tasks_are_those_of_one_machine(executor, tmp_path):
    graph = scholar_tables(tmp_path)
    shutil.rmtree(tmp_path / "authors")
    scholar_tables(tmp_path / "other", seed=1)
    shutil.copytree(tmp_path / "other" / "authors", tmp_path / "authors")
    with pytest.raises(GraphDataError, match="an edge ends at an unknown node"):
        partition(graph, tmp_path / "out", executor=executor)
    assert not [p for p in tmp_path.iterdir() if "out" in p.name]


def test_a_machine_that_does_not_see_the_folder(tmp_path):
    class Elsewhere:
        work = tmp_path / "nowhere"

    task = Task(marker=tmp_path / "m", function=dict, arguments=(Elsewhere(),))
    with pytest.raises(StorageError, match=r"does not see .*nowhere, the folder of the run"):
        partition_on_ray._run(task)


def test_at_least_one_worker():
    with pytest.raises(ArgumentError, match="num_workers is 0"):
        partition_on_ray.RayExecutor(None, 0)
