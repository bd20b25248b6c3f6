"""Putting a run together: graph and configuration in, a `Trainer` that is ready to run out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import torch

from distgnn.exceptions import ConfigError, GraphDataError
from distgnn.schema import parse_edge_key
from distgnn.tasks import make_task
from distgnn.tasks.forward import unwrap
from distgnn.tasks.task import LoaderSettings
from distgnn.train.identity import run_identity
from distgnn.train.learner import Learner
from distgnn.train.models import build_model
from distgnn.train.optim import Schedule, build_optimizer
from distgnn.train.rng import seed_generators, seed_of_rank
from distgnn.train.selection import Selection, resolve_monitor
from distgnn.train.trainer import Trainer

if TYPE_CHECKING:
    from distgnn.shards.reader import ShardedGraph
    from distgnn.tasks.task import BatchLoader, Task
    from distgnn.train.config import RunConfig
    from distgnn.train.config_fields import Fanouts
    from distgnn.train.logs import RunLog
    from distgnn.train.store import CheckpointStore
    from distgnn.train.surroundings import Surroundings


def resolve_device(config: RunConfig) -> torch.device:
    """Return the device that ``train.device`` means.

    Raises:
        ConfigError: there is no such device, or it cannot do ``train.precision``.
    """
    name = config.train.device
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        msg = f"train.device = {name!r} cannot be used: {reason}; use 'cpu' or 'auto'"
        raise ConfigError(msg) from error
    if config.train.precision == "fp16" and device.type != "cuda":
        msg = (
            f"train.precision = 'fp16' needs a CUDA device, but train.device = "
            f"{config.train.device!r} means {name!r} here: use 'bf16' or 'float32'"
        )
        raise ConfigError(msg)
    return device


def loader_settings(
    config: RunConfig, fanouts: Fanouts, batch_size: int | None = None
) -> LoaderSettings:
    """Return the settings of a loader that draws `fanouts`."""
    by_type = (
        {parse_edge_key(key): hops for key, hops in fanouts.items()}
        if isinstance(fanouts, dict)
        else fanouts
    )
    return LoaderSettings(
        fanouts=by_type,
        batch_size=batch_size or config.loader.batch_size,
        sampler=config.sampler.name,
        options=config.sampler.options,
        replace=config.sampler.replace,
        seed=config.seed,
        num_threads=config.loader.num_threads,
        prefetch=config.loader.prefetch,
    )


def build_trainer(
    config: RunConfig,
    graph: ShardedGraph,
    surroundings: Surroundings,
    *,
    store: CheckpointStore,
    log: RunLog,
) -> Trainer:
    """Return the trainer of a new run, nothing trained and nothing written yet.

    Raises:
        ConfigError: model, task and graph do not go together.
        GraphDataError: the graph lacks labels, features, or training nodes.
    """
    task = make_task(config.task.name, graph, config.task.node_type, config.task.options)
    monitor, higher_is_better = resolve_monitor(config.evaluation.monitor, task)
    train_loader = split_loader(task, "train", _train_settings(config, surroundings), surroundings)
    if train_loader is None:
        msg = f"graph {graph.manifest.name!r} has no labelled node in its split 'train'"
        raise GraphDataError(msg)
    val_loader = _validation_loader(config, task, graph, surroundings)
    ranks, device = surroundings.ranks, surroundings.device
    seed_generators(config.seed)
    encoder, arguments = build_model(
        config.model, num_layers=config.num_layers, from_graph=task.model_arguments()
    )
    if not ranks.is_first:  # dropout differs between ranks; the first goes on as a single one does
        seed_generators(seed_of_rank(config.seed, ranks.share.rank))
    model = task.complete(encoder).to(device)
    model = ranks.wrap(model, sync_batch_norm=config.cluster.sync_batch_norm)
    optimizer = build_optimizer(config.optimizer, model.parameters())
    learner = Learner(
        task,
        model,
        optimizer,
        device=device,
        precision=config.train.precision,
        clip_norm=config.train.clip_norm,
        expected_seeds=config.step_seeds * config.train.accumulate,
        ranks=ranks,
    )
    schedule = Schedule(
        config.scheduler,
        optimizer,
        steps_per_epoch=-(-len(train_loader) // config.train.accumulate),
        epochs=config.train.epochs,
        higher_is_better=higher_is_better,
    )
    return Trainer(
        config=config,
        task=task,
        learner=learner,
        schedule=schedule,
        selection=Selection(monitor, config.early_stopping, higher_is_better=higher_is_better),
        train_loader=train_loader,
        val_loader=val_loader,
        identity=run_identity(config, graph, unwrap(model), arguments),
        store=store,
        log=log,
        surroundings=surroundings,
    )


def split_loader(
    task: Task, split: str, settings: LoaderSettings, surroundings: Surroundings
) -> BatchLoader | None:
    """Return the loader of a split, shuffled for training only; None if the split is empty."""
    seeds = task.seeds(split)
    if len(seeds) == 0:
        return None
    return surroundings.make_loader(task, seeds, settings, shuffle=split == "train")


def evaluation_settings(config: RunConfig) -> LoaderSettings:
    """Return the loader settings of prediction, and of evaluation on one rank."""
    settings = loader_settings(config, config.evaluation_fanouts, config.evaluation_batch_size)
    if config.evaluation_sampler == config.sampler.name:
        return settings
    return replace(settings, sampler=config.evaluation_sampler, options={}, replace=False)


def shared_evaluation_settings(config: RunConfig, surroundings: Surroundings) -> LoaderSettings:
    """Return the loader settings of a rank's part of an evaluation."""
    batch_size = config.evaluation_batch_size * max(1, config.cluster.num_workers)
    share = surroundings.ranks.share
    return replace(evaluation_settings(config), batch_size=batch_size, share=share)


def _train_settings(config: RunConfig, surroundings: Surroundings) -> LoaderSettings:
    settings = loader_settings(config, config.sampler.fanouts, config.step_seeds)
    num_groups = max(1, config.cluster.num_workers) if config.cluster.locality else 1
    return replace(settings, share=surroundings.ranks.share, num_groups=num_groups)


def _validation_loader(
    config: RunConfig, task: Task, graph: ShardedGraph, surroundings: Surroundings
) -> BatchLoader | None:
    if config.evaluation.every_epochs == 0:
        return None
    settings = shared_evaluation_settings(config, surroundings)
    loader = split_loader(task, "val", settings, surroundings)
    if loader is None and (
        config.early_stopping.patience is not None or config.scheduler.name == "plateau"
    ):
        msg = (
            f"early_stopping.patience = {config.early_stopping.patience} and scheduler.name = "
            f"{config.scheduler.name!r} watch the validation split, but graph "
            f"{graph.manifest.name!r} has no labelled node in it: leave them out"
        )
        raise ConfigError(msg)
    return loader
