"""`predict`: what a trained model says of the nodes of its graph, as a Parquet table."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import torch
from rich.console import Console
from rich.progress import track

from distgnn.exceptions import ArgumentError, nearest
from distgnn.loader import tune_malloc
from distgnn.predict.layerwise import layerwise_outputs
from distgnn.predict.parquet import ROW_GROUP, ParquetOutput
from distgnn.schema import SPLITS
from distgnn.shards.reader import ShardedGraph
from distgnn.tasks import make_task
from distgnn.train.build import evaluation_settings, resolve_device
from distgnn.train.checkpoint import read_checkpoint
from distgnn.train.config_file import config_from_dict
from distgnn.train.identity import check_same_graph, load_model_state
from distgnn.train.learner import autocast
from distgnn.train.models import build_model
from distgnn.train.store import find_checkpoint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt
    from torch import nn

    from distgnn.tasks.task import BatchLoader, Task
    from distgnn.train.config import RunConfig
    from distgnn.train.config_fields import Fanouts


@dataclass(frozen=True, slots=True, kw_only=True)
class PredictionReport:
    """What was predicted."""

    out: Path
    checkpoint: Path
    """The checkpoint whose weights were used."""
    num_rows: int
    seconds: float


def predict(
    checkpoint: Path,
    graph: Path | None,
    out: Path,
    *,
    split: str | None = None,
    fanouts: Fanouts | None = None,
    batch_size: int | None = None,
    top_k: int | None = None,
    device: str = "auto",
    num_threads: int | None = None,
    layerwise: bool = False,
    progress: bool = True,
) -> PredictionReport:
    """Write a row for each node, in the order of the raw table: its id and what is predicted.

    Columns: ``id`` (the user's own), then by the kind of label: ``prediction`` and ``probability``
    (a list, one number a class or label), or ``top_class`` and ``top_probability``, or
    ``prediction`` alone for values. Of links: ``src``, ``dst``, ``score`` and ``probability``, in
    the order of the raw edge table. The result does not depend on the partitioning.

    Args:
        checkpoint: a run directory (its best weights are used) or a directory in its
            ``checkpoints``.
        graph: directory of the sharded graph; None: the one that was trained on.
        out: the Parquet file to make.
        split: ``train``, ``val`` or ``test``; None: all nodes.
        fanouts: neighbours drawn at each hop, -1: all; None: as in the run's evaluations.
        batch_size: nodes of a batch; None: as in the run's evaluations.
        top_k: write the k likeliest classes instead of all probabilities.
        device: ``cpu``, ``cuda``, ``cuda:1``, ...; auto: the first CUDA device if there is one.
        num_threads: threads that sample; None: as in the run.
        layerwise: run all nodes through one layer before the next, on all neighbours and out of
            core, instead of drawing a neighbourhood for each batch; files between layers lie beside
            `out`. See `distgnn.predict.layerwise`.
        progress: show a progress bar on a terminal.

    Raises:
        OutputExistsError: `out` exists.
        CheckpointError: there is no usable checkpoint, or it is of another graph.
        StorageError: the disk is full; nothing is left behind.
        ArgumentError: `layerwise` with fanouts, or with a model or graph that it is not for.
    """
    started = time.monotonic()
    _check_split(split)
    if layerwise and fanouts is not None:
        msg = f"layerwise takes all neighbours: leave fanouts = {fanouts} out"
        raise ArgumentError(msg)
    output = ParquetOutput(out)
    path = find_checkpoint(checkpoint)
    saved = read_checkpoint(path)
    config = config_from_dict(saved.identity.config, source=str(path))
    config = _with_changes(
        config, graph, fanouts, batch_size=batch_size, device=device, num_threads=num_threads
    )
    where = resolve_device(config)
    if config.train.tune_malloc and where.type == "cpu" and not layerwise:
        tune_malloc()
    sharded = ShardedGraph.open(config.graph)
    check_same_graph(saved.identity, sharded, path)
    task = make_task(config.task.name, sharded, config.task.node_type, config.task.options)
    encoder, _ = build_model(
        config.model, num_layers=config.num_layers, from_graph=task.model_arguments()
    )
    model = task.complete(encoder)
    load_model_state(model, saved.model, path)
    seeds = task.seeds(split, labelled=False)
    model.to(where).eval()
    if layerwise:
        tables = _layerwise_tables(task, model, sharded, seeds, config, where, top_k, progress, out)
    else:
        loader = task.loader(seeds, evaluation_settings(config), shuffle=False, labelled=False)
        tables = _tables(task, model, loader, config, where, top_k, progress)
    with output:
        for table in tables:
            output.append(table)
    return PredictionReport(
        out=out,
        checkpoint=path,
        num_rows=output.num_rows,
        seconds=time.monotonic() - started,
    )


def _tables(
    task: Task,
    model: nn.Module,
    loader: BatchLoader,
    config: RunConfig,
    device: torch.device,
    top_k: int | None,
    progress: bool,  # noqa: FBT001 - passed on as it is
) -> Iterator[pa.Table]:
    """Yield the rows of a batch at a time."""
    console = Console(stderr=True)
    batches = track(
        loader.epoch(0),
        "predicting",
        total=len(loader),
        console=console,
        transient=True,
        disable=not (progress and console.is_terminal),
    )
    with torch.inference_mode():
        for cpu_batch in batches:
            batch = cpu_batch.to(device, non_blocking=True)
            with autocast(device, config.train.precision):
                output = task.output(model, batch)
            columns: dict[str, Any] = task.id_columns(cpu_batch)
            yield pa.table(columns | task.prediction_columns(output.float(), top_k))


def _layerwise_tables(
    task: Task,
    model: nn.Module,
    graph: ShardedGraph,
    seeds: npt.NDArray[np.int64],
    config: RunConfig,
    device: torch.device,
    top_k: int | None,
    progress: bool,  # noqa: FBT001 - passed on as it is
    out: Path,
) -> Iterator[pa.Table]:
    """Yield the rows of a row group at a time."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with layerwise_outputs(
        model,
        graph,
        folder=out.parent,
        device=device,
        num_threads=max(config.loader.num_threads, 1),
        progress=progress,
    ) as outputs:
        for begin in range(0, len(seeds), ROW_GROUP):
            ids = seeds[begin : begin + ROW_GROUP]
            columns: dict[str, Any] = {"id": graph.ids_of(graph.schema.node_types[0], ids)}
            rows = torch.from_numpy(outputs[ids])
            yield pa.table(columns | task.prediction_columns(rows, top_k))


def _check_split(split: str | None) -> None:
    if split is not None and split not in SPLITS:
        msg = f"split = {split!r}: there is no such split{nearest(split, SPLITS)}"
        raise ArgumentError(msg)


def _with_changes(
    config: RunConfig,
    graph: Path | None,
    fanouts: Fanouts | None,
    *,
    batch_size: int | None,
    device: str,
    num_threads: int | None,
) -> RunConfig:
    """Return the run's configuration with what the caller wants otherwise."""
    evaluation = dataclasses.replace(
        config.evaluation,
        fanouts=config.evaluation.fanouts if fanouts is None else fanouts,
        batch_size=config.evaluation.batch_size if batch_size is None else batch_size,
    )
    threads = config.loader.num_threads if num_threads is None else num_threads
    return dataclasses.replace(
        config,
        graph=config.graph if graph is None else graph,
        evaluation=evaluation,
        loader=dataclasses.replace(config.loader, num_threads=threads),
        train=dataclasses.replace(config.train, device=device),
    )
