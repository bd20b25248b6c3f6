"""Ranks of one training as processes on this machine, without Ray."""

import multiprocessing
import traceback
import warnings
from datetime import timedelta

import pytest
import torch
from torch import distributed

from distgnn.train.progress import ProgressReport
from distgnn.train.ranks import GroupRanks
from distgnn.train.run import train_rank
from distgnn.train.surroundings import Surroundings


def run_jobs(jobs, folder, timeout=250):
    """Run `jobs` one after another; each is (name, number of ranks, config, options).

    Returns:
        For each name what every rank returned, or the text of its error.
    """
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    processes = [
        context.Process(target=_rank, args=(rank, jobs, str(folder), queue), daemon=True)
        for rank in range(max(num_ranks for _, num_ranks, _, _ in jobs))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TORCH_CPP_LOG_LEVEL", "ERROR")  # as under Ray
        for process in processes:
            process.start()
    answers = [queue.get(timeout=timeout) for _, num_ranks, _, _ in jobs for _ in range(num_ranks)]
    for process in processes:
        process.join(timeout)
    found = {name: [None] * num_ranks for name, num_ranks, _, _ in jobs}
    for name, rank, result in answers:
        found[name][rank] = result
    return found


def _rank(rank, jobs, folder, queue):
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    for name, num_ranks, config, options in jobs:
        if rank < num_ranks:
            queue.put((name, rank, _job(rank, num_ranks, config, f"{folder}/{name}", **options)))


def _job(rank, num_ranks, config, store, *, resume=False, stop=None):
    distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=num_ranks,
        timeout=timedelta(seconds=150),
    )  # fmt: skip
    calls = iter(range(10**6))

    def stop_signal():
        at_rank, at_call = stop or (-1, 0)
        return 15 if rank == at_rank and next(calls) >= at_call else None

    with ProgressReport(enabled=False) as progress:
        surroundings = Surroundings(
            device=torch.device("cpu"), progress=progress, stop_signal=stop_signal,
            ranks=GroupRanks(),
        )  # fmt: skip
        try:
            return train_rank(config, surroundings, resume=resume)
        except Exception:
            return traceback.format_exc()
        finally:
            distributed.destroy_process_group()
