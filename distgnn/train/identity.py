"""What a checkpoint belongs to, and whether a run may go on from it."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING, Any

import torch

import distgnn
from distgnn.exceptions import CheckpointError
from distgnn.train.checkpoint import RunIdentity
from distgnn.train.config_file import config_to_dict, flatten
from distgnn.train.models import class_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor, nn

    from distgnn.shards.reader import ShardedGraph
    from distgnn.train.config import RunConfig

_FREE = (
    "graph",  # the fingerprint counts, not the place or the partitioning
    "run_dir",
    "loader.num_threads",
    "loader.prefetch",
    "train.epochs",
    "train.device",
    "train.log_every",
    "train.tune_malloc",
    "early_stopping.",
    "checkpoint.",
    "cluster.",
)
"""Settings that may change when a run is resumed: they do not change the steps it takes."""
_BOUND = ("cluster.locality", "cluster.sync_batch_norm", "cluster.wire_dtype")
"""Exceptions to these."""


def run_identity(
    config: RunConfig, graph: ShardedGraph, model: nn.Module, arguments: Mapping[str, Any]
) -> RunIdentity:
    """Return what the checkpoints of a run say about it."""
    return RunIdentity(
        graph_name=graph.manifest.name,
        graph_fingerprint=graph.fingerprint,
        model_class=class_path(model),
        model_arguments={name: _plain(value) for name, value in arguments.items()},
        config=config_to_dict(config),
        versions={
            "distgnn": distgnn.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
    )


def check_same_graph(saved: RunIdentity, graph: ShardedGraph, path: Path) -> None:
    """Refuse a checkpoint of another graph.

    Raises:
        CheckpointError: the fingerprints differ.
    """
    if saved.graph_fingerprint != graph.fingerprint:
        msg = (
            f"the checkpoint {path} was made on graph {saved.graph_name!r} (fingerprint "
            f"{saved.graph_fingerprint}), but {graph.path} holds graph {graph.manifest.name!r} "
            f"(fingerprint {graph.fingerprint}): give the graph that it was trained on, "
            "or start a new run"
        )
        raise CheckpointError(msg)


def check_same_run(saved: RunIdentity, current: RunIdentity, path: Path) -> None:
    """Refuse to go on with a setting that would have led to other weights.

    Raises:
        CheckpointError: such a setting differs.
    """
    before, now = _over_all_ranks(flatten(saved.config)), _over_all_ranks(flatten(current.config))
    free = _FREE if now["scheduler.name"] != "cosine" else _without(_FREE, "train.epochs")
    changed = [
        f"{name} was {before.get(name)!r} and is now {now.get(name)!r}"
        for name in sorted(before | now)
        if before.get(name) != now.get(name) and (name in _BOUND or not name.startswith(free))
    ]
    if changed:
        msg = (
            f"the checkpoint {path} belongs to a run with other settings: {'; '.join(changed)}. "
            "Resume with the run's own configuration (config.toml in its folder), "
            "or start a new run in another run_dir"
        )
        raise CheckpointError(msg)


def load_model_state(model: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Load the weights of the checkpoint `path` into `model`.

    Raises:
        CheckpointError: names or shapes differ.
    """
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    found = {name: tuple(value.shape) for name, value in state.items()}
    different = [
        f"{name} is {_shape(found.get(name))} in the checkpoint and {_shape(expected.get(name))} "
        "in the model"
        for name in sorted(expected | found)
        if expected.get(name) != found.get(name)
    ]
    if different:
        rest = f", and {len(different) - 3} more" if len(different) > 3 else ""
        msg = (
            f"the checkpoint {path} is of another model than {type(model).__name__}: "
            f"{'; '.join(different[:3])}{rest}. Use the [model] section of the run that made it"
        )
        raise CheckpointError(msg)
    model.load_state_dict(dict(state))


def _over_all_ranks(config: dict[str, Any]) -> dict[str, Any]:
    """Return flat settings with the seeds of a step in place of those of a rank."""
    seeds = config["loader.batch_size"] * max(1, config.get("cluster.num_workers", 0))
    return {**config, "loader.batch_size": seeds}


def _shape(shape: tuple[int, ...] | None) -> str:
    return "absent" if shape is None else str(list(shape))


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(other for other in names if other != name)


def _plain(value: Any) -> Any:
    """Return an argument in JSON's types; others by their repr, for readers."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value if value is None or isinstance(value, (bool, int, float, str)) else repr(value)
