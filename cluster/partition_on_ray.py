"""Partitioning out of core as Ray tasks: over input files, buckets and parts.

The stages are those of a run on one machine, and so are the files: a task reads what earlier stages
left in the folder of the run and writes files of its own there, which all machines must see.
"""

from __future__ import annotations

import socket
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import ray
from ray.exceptions import RayTaskError

from distgnn.exceptions import ArgumentError, ClusterError, DistgnnError, StorageError
from distgnn.partition.out_of_core.job import Job

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distgnn.partition.out_of_core.tasks import Facts, Task

MAX_RETRIES = 3
"""How often a task is run again whose process or machine died; it writes the same files again."""

WAIT_S = 5.0


class RayExecutor:
    """Runs the tasks of each stage on a Ray cluster, `num_workers` at a time."""

    def __init__(self, address: str | None, num_workers: int) -> None:
        """Connect to the cluster, unless this process is connected already.

        Args:
            address: Of a running cluster, or "auto"; None: Ray starts on this machine.
            num_workers: Tasks at a time, each with one core.

        Raises:
            ArgumentError: `num_workers` is below 1.
            ClusterError: there is no cluster at that address.
        """
        if num_workers < 1:
            msg = f"num_workers is {num_workers}: give at least 1"
            raise ArgumentError(msg)
        self._num_workers = num_workers
        if not ray.is_initialized():
            try:
                cores = None if address is not None else num_workers
                ray.init(address=address, num_cpus=cores, log_to_driver=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                msg = (
                    f"there is no Ray cluster at {address!r}: {error}. Start one with `ray start "
                    "--head`, or leave --address out to use this machine alone"
                )
                raise ClusterError(msg) from error
        self._remote = ray.remote(num_cpus=1, max_retries=MAX_RETRIES)(_run)

    def run(self, tasks: Sequence[Task], advance: Callable[[], None]) -> list[Facts]:
        """Run all tasks, calling `advance` after each; return their facts in order.

        Raises:
            ClusterError: a process that ran a task died again and again.
            DistgnnError: what a task raised.
        """
        waiting = deque(enumerate(_light(task) for task in tasks))
        running: dict[Any, int] = {}
        found: dict[int, Facts] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self._num_workers:
                    number, task = waiting.popleft()
                    running[self._remote.remote(task)] = number
                done, _ = ray.wait(list(running), timeout=WAIT_S)
                for reference in done:
                    found[running.pop(reference)] = _result(reference)
                    advance()
        finally:
            for reference in running:
                ray.cancel(reference)
        return [found[number] for number in range(len(tasks))]


def _run(task: Task) -> Facts:
    """Run a task on whatever machine this is.

    Raises:
        StorageError: this machine does not see the folder of the run.
    """
    job = task.arguments[0]
    if not (job.work / "plan.json").exists():
        msg = (
            f"machine {socket.gethostname()!r} does not see {job.work}, the folder of the run: put "
            "it on a file system that all machines share (--work), and the tables too"
        )
        raise StorageError(msg)
    return task.run()


def _light(task: Task) -> Task:
    """Return a task without what its job remembers, which every machine reads itself."""
    job, *others = task.arguments
    assert isinstance(job, Job)
    return replace(task, arguments=(job.without_cache(), *others))


def _result(reference: Any) -> Facts:
    try:
        facts: Facts = ray.get(reference)
    except RayTaskError as error:
        if isinstance(error.cause, DistgnnError):
            raise error.cause from None
        raise
    except ray.exceptions.RayError as error:
        msg = (
            f"a task of the partitioning was lost {MAX_RETRIES + 1} times: {error}. If processes "
            "were killed for their memory, lower --memory-limit or --num-workers; go on with "
            "--resume"
        )
        raise ClusterError(msg) from error
    return facts
