"""The folder of a run: locked while it runs, kept where the run can be resumed."""

from __future__ import annotations

import fcntl
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from distgnn.exceptions import OutputExistsError, PartitionError, StorageError, UserError
from distgnn.partition.out_of_core.tasks import read_facts, write_facts
from distgnn.shards.files import storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from distgnn.partition.out_of_core.job import Job


def work_path(out: Path, work: Path | None) -> Path:
    """Return the folder of intermediate files: hidden, beside the output, or within `work`."""
    name = f".{out.name}.work"
    return out.absolute().with_name(name) if work is None else work.absolute() / name


@contextmanager
def work_folder(job: Job, *, resume: bool) -> Iterator[None]:
    """Make the folder of the run, or find it; remove it unless the run can be resumed.

    Raises:
        OutputExistsError: another run works in it.
        PartitionError: there is nothing to resume, or a run of other arguments.
    """
    plan = job.work / "plan.json"
    if resume:
        _check_resumable(job, plan)
    with storage_errors(job.work):
        job.work.mkdir(parents=True, exist_ok=True)
    handle = os.open(job.work, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            msg = f"another run works in {job.work}; wait for it, or choose another output"
            raise OutputExistsError(msg) from None
        if not resume:
            _begin(job, plan)
        try:
            yield
        except StorageError as error:
            msg = (
                f"{error} What was done lies in {job.work}: go on with --resume once there is "
                "room, or remove that folder."
            )
            raise StorageError(msg.replace(" Nothing partial is left behind.", "")) from error
        except UserError:
            _remove(job.work)
            raise
        else:
            _remove(job.work)
    finally:
        os.close(handle)


def _begin(job: Job, plan: Path) -> None:
    """Empty the folder and write what the run is; remove the folder if that cannot be written."""
    try:
        with storage_errors(plan):
            _empty(job.work)
            write_facts(plan, job.identity())
    except StorageError:
        shutil.rmtree(job.work, ignore_errors=True)
        raise


def _check_resumable(job: Job, plan: Path) -> None:
    if not plan.exists():
        msg = (
            f"there is no stopped run to resume in {job.work}: leave --resume out to start one "
            "(a run that ended, well or with an error in the tables, leaves nothing)"
        )
        raise PartitionError(msg)
    before, now = read_facts(plan), job.identity()
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        msg = (
            f"the run in {job.work} cannot be resumed: its {', '.join(changed)} were others (the "
            "graph file, the tables, the options or --memory-limit changed); leave --resume out "
            "to start again"
        )
        raise PartitionError(msg)


def _remove(folder: Path) -> None:
    """Remove the folder of a run: first its name, so that a killed process leaves no half of it."""
    ended = folder.with_name(f"{folder.name}.ended")
    shutil.rmtree(ended, ignore_errors=True)
    folder.rename(ended)
    shutil.rmtree(ended, ignore_errors=True)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
