"""Commands that talk to the job server of a Ray cluster: submit, jobs, stop."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - tyro reads the annotations
from typing import Annotated

import tyro
from rich.console import Console
from rich.table import Table
from tyro.conf import Positional  # noqa: TC002 - tyro reads the annotations


def submit(
    config: Annotated[Positional[Path], tyro.conf.arg(metavar="CONFIG.toml")],
    /,
    *,
    address: str | None = None,
    num_workers: int | None = None,
    num_samplers: int | None = None,
    resume: bool = False,
    code: Path | None = None,
    package: bool = False,
    wait: bool = True,
    timeout_s: float = 60.0,
) -> int:
    """Train on a Ray cluster as a job of its own, follow its logs, and return its exit code.

    The job goes on if this command ends. The graph and the run directory must be where the
    cluster's nodes find them under the same paths. Token authentication is that of Ray:
    RAY_AUTH_TOKEN, RAY_AUTH_TOKEN_PATH or ~/.ray/auth_token.

    Example: distgnn submit CONFIG.toml --address http://HEAD:8265 --num-workers 4

    Args:
        config: TOML file of the run; relative paths in it are relative to its folder.
        address: Job server; by default RAY_API_SERVER_ADDRESS, or http://127.0.0.1:8265.
        num_workers: Ranks; by default those of the file, at least 1.
        num_samplers: Sampling actors; by default those of the file.
        resume: Go on from the newest checkpoint of the run.
        code: Folder with modules of your own (model.target), sent along.
        package: Send this installation of distgnn along, for nodes that do not have it.
        wait: Follow the job to its end.
        timeout_s: Deadline in seconds for each answer of the job server.
    """
    from distgnn.cli.cluster_options import with_cluster
    from distgnn.cluster.jobs import JobServer
    from distgnn.train.config_file import load_config

    run = with_cluster(
        load_config(config), num_workers=num_workers, num_samplers=num_samplers, address="auto"
    )
    if run.cluster.num_workers == 0:
        run = with_cluster(run, num_workers=1, num_samplers=None, address=None)
    server = JobServer.connect(address, timeout_s)
    job = server.submit(run, resume=resume, code=code, package=package)
    Console(stderr=True).print(f"job {job} runs at {server.address}; `distgnn stop {job}` ends it")
    return server.follow(job, print_line=_print) if wait else 0


def jobs(*, address: str | None = None, timeout_s: float = 60.0) -> int:
    """List the jobs of a Ray cluster.

    Example: distgnn jobs --address http://HEAD:8265

    Args:
        address: Job server; by default RAY_API_SERVER_ADDRESS, or http://127.0.0.1:8265.
        timeout_s: Deadline in seconds for an answer of the job server.
    """
    from distgnn.cluster.jobs import JobServer

    table = Table("job", "status", "started", "command")
    for job in JobServer.connect(address, timeout_s).jobs():
        table.add_row(job.name, job.status, job.started, job.command)
    Console().print(table)
    return 0


def stop(job: Positional[str], /, *, address: str | None = None, timeout_s: float = 60.0) -> int:
    """Stop a job; a training may go on later with --resume.

    Ray gives it RAY_JOB_STOP_WAIT_TIME_S (of the head node, 3 seconds by default) to save a
    checkpoint; otherwise it goes on from the one before.

    Example: distgnn stop raysubmit_x7k --address http://HEAD:8265

    Args:
        job: Name of the job, see `distgnn jobs`.
        address: Job server; by default RAY_API_SERVER_ADDRESS, or http://127.0.0.1:8265.
        timeout_s: Deadline in seconds for an answer of the job server.
    """
    from distgnn.cluster.jobs import JobServer

    stopped = JobServer.connect(address, timeout_s).stop(job)
    Console().print(f"job {job} is being stopped" if stopped else f"job {job} had ended before")
    return 0


def _print(text: str) -> None:
    Console().out(text, end="", highlight=False)
