"""Partitioning out of core, stage by stage: from a graph's TOML file to a directory of shards."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from distgnn.partition.out_of_core.estimate import estimate_job
from distgnn.partition.out_of_core.finish import (
    commit,
    is_committed,
    job_integrity,
    job_quality,
)
from distgnn.partition.out_of_core.plan import plan_job
from distgnn.partition.out_of_core.report import OutOfCoreReport
from distgnn.partition.out_of_core.stages import JobStages
from distgnn.partition.out_of_core.tasks import LocalExecutor
from distgnn.partition.out_of_core.work import work_folder, work_path
from distgnn.partition.pipeline import check_numbers
from distgnn.partition.stages import Stages
from distgnn.schema import GraphSchema
from distgnn.shards.writer import ShardWriter

if TYPE_CHECKING:
    from pathlib import Path

    from distgnn.partition.out_of_core.estimate import JobEstimate
    from distgnn.partition.out_of_core.tasks import Executor

DEFAULT_LIMIT = 2 << 30
"""Bytes of memory if no limit is given."""


def partition_tables(
    graph: Path,
    out: Path,
    *,
    num_parts: int,
    method: str = "fennel",
    balance: str = "nodes",
    seed: int = 0,
    memory_limit: int = DEFAULT_LIMIT,
    work: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: bool = True,
    executor: Executor | None = None,
) -> OutOfCoreReport:
    """Partition the graph that a TOML file describes, in bounded memory.

    The shards are those of `partition_graph` with the same arguments, byte for byte, except that
    further columns of the user's that are dictionary-encoded come out plain, with equal values.

    Args:
        graph: The TOML file (see `distgnn.tables.config`).
        out: Directory to make. It is complete or absent, whatever happens.
        num_parts: Number of parts, from 1 to the number of nodes.
        method: One of `registry.PARTITIONERS`; metis and kahip hold all edges in memory.
        balance: What every part gets an equal share of (see `partition_graph`).
        seed: Seed of the methods that draw at random; at least 0.
        memory_limit: Bytes of memory that this process (on a cluster: each task) may take.
        work: Folder for intermediate files, which goes away at the end; by default beside `out`.
        overwrite: Replace a sharded graph at `out`.
        resume: Go on with the run of the same arguments that was stopped.
        progress: Print an estimate first, and show progress bars.
        executor: Runs the tasks; by default this process does, one after another.

    Raises:
        ConfigError: the TOML file is wrong.
        GraphDataError: the tables make no graph.
        OutputExistsError: `out` exists and may not be replaced, or another run works on it.
        PartitionError: wrong numbers, no such method or balance, too little memory or disk, or
            nothing to resume.
        StorageError: the disk is full, or fails; what is done can be resumed.
        TableError: a file or column is missing, damaged or of the wrong type.
    """
    console = Console(stderr=True, quiet=not progress)
    job = plan_job(
        graph,
        work_path(out, work),
        num_parts=num_parts,
        method=method,
        balance=balance,
        seed=seed,
        memory_limit=memory_limit,
    )
    expected = estimate_job(job, memory_limit)
    check_numbers(expected.num_nodes, num_parts, seed)
    console.print(expected.render())
    expected.check(job.work)
    # A run that was killed between its last two steps left the output, complete.
    overwrite = overwrite or (resume and is_committed(job, out))
    # Checks the output before anything is done.
    writer = ShardWriter(out, GraphSchema(nodes=(), edges=()), num_parts, overwrite=overwrite)
    del writer
    stages = Stages(console, progress=progress)
    with work_folder(job, resume=resume), stages.shown():
        JobStages(job, executor or LocalExecutor(), stages).run()
        quality, integrity = job_quality(job), job_integrity(job)
        with stages.stage("commit"):
            manifest = commit(job, out, quality, overwrite=overwrite)
    return OutOfCoreReport(
        out=out,
        name=job.name,
        method=method,
        balance=job.balance,
        seed=seed,
        num_parts=num_parts,
        num_nodes=sum(manifest.num_nodes(t) for t in manifest.schema.node_types),
        num_edges=sum(manifest.num_edges(t) for t in manifest.schema.edge_types),
        num_bytes=sum(entry.bytes for entry in manifest.files.values()),
        quality=quality,
        estimate=expected,
        seconds=stages.seconds,
        integrity=integrity,
    )


def estimate_tables(
    graph: Path,
    out: Path,
    *,
    num_parts: int,
    method: str = "fennel",
    balance: str = "nodes",
    seed: int = 0,
    memory_limit: int = DEFAULT_LIMIT,
) -> JobEstimate:
    """Return what `partition_tables` with these arguments will take; writes nothing.

    Raises:
        ConfigError: the TOML file is wrong.
        PartitionError: wrong numbers, or no such method or balance.
        TableError: a file or column is missing, damaged or of the wrong type.
    """
    job = plan_job(
        graph,
        work_path(out, None),
        num_parts=num_parts,
        method=method,
        balance=balance,
        seed=seed,
        memory_limit=memory_limit,
    )
    expected = estimate_job(job, memory_limit)
    check_numbers(expected.num_nodes, num_parts, seed)
    return expected
