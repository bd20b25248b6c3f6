"""The command line: ``distgnn COMMAND --help`` says what each command takes.

Exit codes: 0 done, 1 something failed, 2 the user's input must change, 130 and 143 stopped by
SIGINT or SIGTERM with a checkpoint saved. Heavy packages are imported inside the commands, so that
``--help`` stays quick.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import tyro
from rich.console import Console
from rich.markup import escape
from tyro.conf import Positional  # noqa: TC002 - tyro reads the annotations

from distgnn.cli.cluster_options import with_cluster
from distgnn.cli.job_commands import jobs, stop, submit
from distgnn.exceptions import ArgumentError, DistgnnError
from distgnn.train.config import RunConfig  # noqa: TC001 - tyro reads the annotations
from distgnn.train.config_file import default_config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from distgnn.tables.raw_graph import RawGraph

DESCRIPTION = """Train graph neural networks on graphs that do not fit one machine.

A first run: distgnn partition amazon_computers shards --parts 4
"""

Balance = Literal["nodes", "edges", "train"]


def partition(
    graph: Positional[str],
    out: Positional[Path],
    /,
    *,
    parts: int = 4,
    method: str = "metis",
    balance: Balance = "nodes",
    seed: int = 0,
    data: Path | None = None,
    memory_limit: str | None = None,
    dry_run: bool = False,
    resume: bool = False,
    work: Path | None = None,
    address: str | None = None,
    num_workers: int = 0,
    overwrite: bool = False,
    quiet: bool = False,
) -> int:
    """Partition a graph into a directory of Arrow shards.

    Example: distgnn partition GRAPH.toml shards --parts 8 --method metis
    A graph larger than memory: distgnn partition GRAPH.toml shards --parts 8 --method fennel
    --memory-limit 2GiB

    Args:
        graph: A TOML file that names the tables, or the name of a known dataset.
        out: Directory to make, or a URL such as s3://bucket/graph to write to.
        parts: Number of parts.
        method: metis, kahip, multilevel, restream, fennel, ldg, hash or range. With a memory limit
            all but metis and kahip read the edges in passes, from the disk.
        balance: What every part gets an equal share of: nodes, edges or training nodes.
        seed: Seed of the methods that draw at random.
        data: Folder of the datasets that do not ship with the package.
        memory_limit: Partition out of core, in this much memory, such as 2GiB; the same shards.
        dry_run: Say what the run would take, and stop.
        resume: Go on with a stopped run of the same arguments (with --memory-limit).
        work: Folder for the intermediate files of a run out of core; by default beside OUT.
        address: Run the stages as tasks on the Ray cluster at this address, or "auto"; OUT, --work
            and the tables must lie where all its machines see them.
        num_workers: Tasks at a time on Ray, each within the memory limit; without an address Ray is
            started on this machine.
        overwrite: Replace OUT if it exists.
        quiet: No progress bars.
    """
    on_ray = address is not None or num_workers > 0
    if memory_limit is not None or dry_run or resume or work is not None or on_ray:
        return _partition_out_of_core(
            graph,
            out,
            {"num_parts": parts, "method": method, "balance": balance, "seed": seed},
            memory_limit,
            {"work": work, "resume": resume, "overwrite": overwrite, "progress": not quiet},
            dry_run=dry_run,
            ray=(address, num_workers) if on_ray else None,
        )
    from distgnn.partition.pipeline import partition_graph
    from distgnn.shards.remote import output_folder

    with output_folder(out, overwrite=overwrite) as folder:
        report = partition_graph(
            _read_graph(graph, data),
            folder,
            num_parts=parts,
            method=method,
            balance=balance,
            seed=seed,
            overwrite=overwrite,
            progress=not quiet,
        )
    Console().print(report.render())
    return 0


def repartition(
    shards: Positional[Path],
    out: Positional[Path],
    /,
    *,
    parts: int = 4,
    method: str = "metis",
    balance: Balance = "nodes",
    seed: int = 0,
    overwrite: bool = False,
    quiet: bool = False,
) -> int:
    """Partition a sharded graph into another number of parts or by another method.

    Example: distgnn repartition shards others --parts 16 --method multilevel

    Args:
        shards: Directory or URL that `distgnn partition` wrote; the raw tables are not needed.
        out: Directory to make.
        parts: Number of parts.
        method: As for `distgnn partition`.
        balance: What every part gets an equal share of: nodes, edges or training nodes.
        seed: Seed of the methods that draw at random.
        overwrite: Replace OUT if it exists; it may be SHARDS itself.
        quiet: No progress bars.
    """
    from distgnn.partition.repartition import repartition as partition_again
    from distgnn.shards.remote import output_folder

    with output_folder(out, overwrite=overwrite) as folder:
        report = partition_again(
            shards,
            folder,
            num_parts=parts,
            method=method,
            balance=balance,
            seed=seed,
            overwrite=overwrite,
            progress=not quiet,
        )
    Console().print(report.render())
    return 0


def _partition_out_of_core(
    graph: str,
    out: Path,
    arguments: dict[str, Any],
    memory_limit: str | None,
    how: dict[str, Any],
    *,
    dry_run: bool,
    ray: tuple[str | None, int] | None,
) -> int:
    """Partition the tables of a TOML file in bounded memory, or say what that would take."""
    from distgnn.partition.estimate import parse_bytes
    from distgnn.partition.out_of_core.run import DEFAULT_LIMIT, estimate_tables, partition_tables
    from distgnn.shards.remote import output_folder

    if not graph.endswith(".toml"):
        msg = (
            f"--memory-limit, --dry-run, --resume, --work and --num-workers are for tables that a "
            f"TOML file names, and {graph!r} is the name of a dataset"
        )
        raise ArgumentError(msg)
    limit = DEFAULT_LIMIT if memory_limit is None else parse_bytes(memory_limit)
    if dry_run:
        expected = estimate_tables(Path(graph), out, memory_limit=limit, **arguments)
        Console().print(expected.render())
        expected.check(out)
        return 0
    if ray is not None:
        from distgnn.cluster.partition_on_ray import RayExecutor

        address, num_workers = ray
        how["executor"] = RayExecutor(address, num_workers or 1)
    with output_folder(out, overwrite=how["overwrite"]) as folder:
        report = partition_tables(Path(graph), folder, memory_limit=limit, **arguments, **how)
    Console().print(report)
    return 0


def verify(shards: Positional[Path], /, *, quiet: bool = False) -> int:
    """Read all of a sharded graph and compare it with its checksums.

    Example: distgnn verify shards

    Args:
        shards: Directory made by `distgnn partition`.
        quiet: No progress bars.
    """
    from distgnn.shards.verify import verify as verify_shards

    verify_shards(shards, progress=not quiet)
    Console().print(f"{shards}: every file is whole and consistent")
    return 0


def inspect(shards: Positional[Path], /, *, html: Path | None = None) -> int:
    """Show what is in a sharded graph: counts, degrees, edge cut, balance, sizes.

    Example: distgnn inspect shards --html shards.html

    Args:
        shards: Directory made by `distgnn partition`.
        html: Also write one self-contained HTML page with plots.
    """
    from distgnn.report.inspect_page import write_inspect_page
    from distgnn.report.inspect_text import print_inspect
    from distgnn.shards.reader import ShardedGraph

    graph = ShardedGraph.open(shards)
    print_inspect(graph)
    if html is not None:
        write_inspect_page(graph, html)
        Console().print(f"page with plots: {html}")
    return 0


def train_command(defaults: RunConfig) -> Callable[..., int]:
    """Return the command `train`, whose options start from `defaults`."""

    def train(
        config: Annotated[Positional[Path | None], tyro.conf.arg(metavar="CONFIG.toml")] = None,
        /,
        *,
        run: Annotated[RunConfig, tyro.conf.arg(name="")] = defaults,
        num_workers: int | None = None,
        num_samplers: int | None = None,
        address: str | None = None,
        resume: bool = False,
        quiet: bool = False,
    ) -> int:
        """Train a model on a sharded graph, in this process or on ranks under Ray.

        Example: distgnn train CONFIG.toml --graph shards --optimizer.lr 0.01 --num-workers 2

        Args:
            config: TOML file; each option below is a key of it, and replaces its value.
            run: All settings.
            num_workers: Ranks under Ray, short for --cluster.num-workers; 0: this process alone.
            num_samplers: Sampling actors, short for --cluster.num-samplers.
            address: Ray cluster to join, short for --cluster.address: auto, ray://HOST:10001, ...
            resume: Go on from the newest checkpoint in --run-dir, as if never interrupted.
            quiet: No progress bars.
        """
        del config  # read already: it decides the defaults of the other options
        run = with_cluster(run, num_workers=num_workers, num_samplers=num_samplers, address=address)
        if run.cluster.num_workers:
            from distgnn.cluster.train import train_on_ray as train_model
        else:
            from distgnn.train.run import train as train_model
        result = train_model(run, resume=resume, progress=not quiet)
        Console().print(result.render())
        return result.exit_code

    return train


def predict(
    run: Positional[Path],
    out: Positional[Path],
    /,
    *,
    graph: Path | None = None,
    split: Literal["train", "val", "test"] | None = None,
    batch_size: int | None = None,
    top_k: int | None = None,
    layerwise: bool = False,
    device: str = "auto",
    quiet: bool = False,
) -> int:
    """Write what a trained model predicts for each node, with your own ids, to a Parquet file.

    Example: distgnn predict run predictions.parquet

    Args:
        run: Directory of a run (its best weights are used), or one of its checkpoints.
        out: Parquet file to make.
        graph: Directory of the sharded graph; by default the one that was trained on.
        split: Nodes of this split only.
        batch_size: Nodes of a batch; by default as in the run's evaluations.
        top_k: Write the k likeliest classes instead of the probabilities of all.
        layerwise: All nodes through one layer before the next, on all their neighbours and in
            bounded memory: for a whole graph that neighbourhoods are too large for.
        device: cpu, cuda, cuda:1, ...; auto: the first CUDA device if there is one.
        quiet: No progress bars.
    """
    from distgnn.predict.predict import predict as predict_nodes

    report = predict_nodes(
        run,
        graph,
        out,
        split=split,
        batch_size=batch_size,
        top_k=top_k,
        layerwise=layerwise,
        device=device,
        progress=not quiet,
    )
    Console().print(f"{report.num_rows:,} rows in {report.out} ({report.seconds:.1f} s)")
    return 0


def main(words: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        words: The command and its arguments; by default those of this process.

    Returns:
        The exit code (see this module's docstring).
    """
    words = list(sys.argv[1:] if words is None else words)
    try:
        commands: dict[str, Callable[..., int]] = {
            "partition": partition,
            "repartition": repartition,
            "verify": verify,
            "inspect": inspect,
            "train": train_command(_train_defaults(words)),
            "predict": predict,
            "submit": submit,
            "jobs": jobs,
            "stop": stop,
        }
        exit_code: int = tyro.extras.subcommand_cli_from_dict(
            commands,
            prog="distgnn",
            description=DESCRIPTION,
            args=words,
            config=(tyro.conf.FlagCreatePairsOff, tyro.conf.DisallowNone),
        )
    except DistgnnError as error:
        Console(stderr=True).print(
            f"[bold red]error[/]: {escape(str(error))}", highlight=False, soft_wrap=True
        )
        return error.exit_code
    return exit_code


def _train_defaults(words: Sequence[str]) -> RunConfig:
    """Return what the options of `train` start from: the configuration file, if one is named."""
    named = words[:1] == ["train"] and len(words) > 1 and not words[1].startswith("-")
    return default_config(Path(words[1]) if named else None)


def _read_graph(graph: str, data: Path | None) -> RawGraph:
    """Read the tables that a TOML file names, or a dataset by its name."""
    if graph.endswith(".toml"):
        from distgnn.tables import load_graph

        return load_graph(Path(graph))
    from distgnn.datasets import load

    return load(graph, data)
