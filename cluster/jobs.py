"""Training as jobs of a Ray cluster, through the Ray Jobs API."""

from __future__ import annotations

import asyncio
import os
import shlex
import shutil
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from ray.exceptions import AuthenticationError
from ray.job_submission import JobStatus, JobSubmissionClient

import distgnn
from distgnn.cluster.deadline import with_deadline
from distgnn.exceptions import (
    ArgumentError,
    ClusterAddressError,
    ClusterError,
    ClusterTimeoutError,
    OutputExistsError,
)
from distgnn.train.config_file import save_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from distgnn.train.config import RunConfig

Value = TypeVar("Value")
DEFAULT_ADDRESS = "http://127.0.0.1:8265"
CONFIG_NAME = "distgnn-job.toml"
_LOOK_S = 1.0
_LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "*.arrow", "*.parquet", "build")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job as the server lists it."""

    name: str
    status: str
    started: str
    """UTC, to the second; empty if it has not started."""
    command: str


class JobServer:
    """The job server of a Ray cluster; every answer has a deadline.

    Args:
        client: Ray's client.
        address: its address, for messages.
        timeout_s: deadline of an answer in seconds.
    """

    def __init__(self, client: JobSubmissionClient, address: str, timeout_s: float) -> None:
        self.address = address
        self._client = client
        self._timeout_s = timeout_s

    @classmethod
    def connect(cls, address: str | None, timeout_s: float) -> JobServer:
        """Return the server at `address`, after it has answered.

        Args:
            address: ``http://HOST:8265``; None: what RAY_API_SERVER_ADDRESS says, or this machine.
            timeout_s: deadline of each answer in seconds.

        Raises:
            ClusterAddressError: there is no job server, or it refuses the token.
            ClusterTimeoutError: it does not answer in time.
        """
        address = address or os.environ.get("RAY_API_SERVER_ADDRESS", DEFAULT_ADDRESS)
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            msg = f"{address!r} is no address of a job server: give http://HOST:8265"
            raise ClusterAddressError(msg)
        client = _answer(address, timeout_s, lambda: JobSubmissionClient(address))
        return cls(client, address, timeout_s)

    def submit(
        self, config: RunConfig, *, resume: bool, code: Path | None = None, package: bool = False
    ) -> str:
        """Start the training that `config` describes; return the job's name.

        Args:
            config: the run; its paths are those of the cluster's nodes.
            resume: whether to go on from the newest checkpoint.
            code: folder with the user's own modules, sent along.
            package: whether to send this installation of distgnn along.

        Raises:
            OutputExistsError: `code` holds a file of the name that the configuration gets.
            ClusterError: the server refused the job.
        """
        words = ["python", "-m", "distgnn.cli", "train", CONFIG_NAME]
        words += ["--resume"] if resume else []
        with tempfile.TemporaryDirectory(prefix="distgnn-job-") as folder:
            if code is not None:
                if (code / CONFIG_NAME).exists():
                    msg = f"{code / CONFIG_NAME} is in the way of the job's own: rename it"
                    raise OutputExistsError(msg)
                shutil.copytree(code, folder, dirs_exist_ok=True, ignore=_LEFT_OUT)
            save_config(config, Path(folder, CONFIG_NAME))
            environment: dict[str, Any] = {"working_dir": folder}
            if package:
                environment["py_modules"] = [str(Path(distgnn.__file__).parent)]
            return self._send(shlex.join(words), environment)

    def _send(self, entrypoint: str, environment: dict[str, Any]) -> str:
        """Submit, again and again while a head that has just started is not ready for jobs."""
        deadline = time.monotonic() + self._timeout_s
        while True:
            try:
                name: str = self._ask(
                    lambda: self._client.submit_job(entrypoint=entrypoint, runtime_env=environment)
                )
            except ClusterError as error:
                if "No available agent" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(_LOOK_S)
            else:
                return name

    def follow(self, name: str, print_line: Callable[[str], None]) -> int:
        """Hand the job's output to `print_line` as it comes; return the job's exit code."""
        asyncio.run(self._tail(name, print_line))
        while not (status := self._status(name)).is_terminal():
            time.sleep(_LOOK_S)
        if status == JobStatus.SUCCEEDED:
            return 0
        code: int | None = self._ask(lambda: self._client.get_job_info(name)).driver_exit_code
        # A process that a signal ended has a negative code; shells report 128 + signal.
        return 1 if code is None else 128 - code if code < 0 else code or 1

    async def _tail(self, name: str, print_line: Callable[[str], None]) -> None:
        try:
            async for text in self._client.tail_job_logs(name):
                print_line(text)
        except (OSError, RuntimeError):
            return  # the connection broke; the job may well go on

    def jobs(self) -> list[Job]:
        """Return the jobs that the server knows, the newest first."""
        found = self._ask(self._client.list_jobs)
        found.sort(key=lambda job: job.start_time or 0, reverse=True)
        return [
            Job(
                name=job.submission_id or job.job_id or "",
                status=str(job.status.value),
                started=_time(job.start_time),
                command=job.entrypoint,
            )
            for job in found
        ]

    def stop(self, name: str) -> bool:
        """Stop a job; return whether it was running.

        Raises:
            ArgumentError: there is no such job.
        """
        self._status(name)
        return bool(self._ask(lambda: self._client.stop_job(name)))

    def _status(self, name: str) -> JobStatus:
        try:
            return self._ask(lambda: self._client.get_job_status(name))
        except ClusterError as error:
            if "404" not in str(error):
                raise
            msg = f"{self.address} knows no job {name!r}: see `distgnn jobs`"
            raise ArgumentError(msg) from error

    def _ask(self, call: Callable[[], Value]) -> Value:
        return _answer(self.address, self._timeout_s, call)


def _answer(address: str, timeout_s: float, call: Callable[[], Value]) -> Value:
    """Return the server's answer, its errors in our words."""
    try:
        return with_deadline(timeout_s, call)
    except TimeoutError as error:
        msg = f"the job server {address} did not answer within {timeout_s:g} s (--timeout-s)"
        raise ClusterTimeoutError(msg) from error
    except AuthenticationError as error:
        msg = (
            f"the job server {address} refused the token: {_first_line(error)}. Set RAY_AUTH_TOKEN "
            "(or RAY_AUTH_TOKEN_PATH) to the cluster's, see `ray get-auth-token` on its head node"
        )
        raise ClusterAddressError(msg) from error
    except ConnectionError as error:
        msg = (
            f"no job server answers at {address}: {_first_line(error)}. Check host and port (8265 "
            "by default), and that the head node runs (`ray start --head`, with ray[default])"
        )
        raise ClusterAddressError(msg) from error
    except (RuntimeError, ValueError) as error:
        msg = f"the job server {address} refused: {_first_line(error)}"
        raise ClusterError(msg) from error


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[0] if lines else type(error).__name__


def _time(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
