"""A checkpoint: everything that a run needs to go on as if it had never stopped, in one directory.

```
step-00001200/
  state.json             position, configuration, graph and model, checksums of the other two
  model.safetensors      the model's state_dict
  training.safetensors   tensors of optimizer, random generators, running metrics
```

The directory is written beside its place, synced to disk and renamed, so it is complete or absent.
Reading checks sizes and checksums. Nothing in it is pickled: opening a checkpoint runs no code.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import xxhash
from pydantic import TypeAdapter, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from distgnn.exceptions import CheckpointError, StorageError
from distgnn.train.tree import join_tree, owned, split_tree

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

FORMAT_VERSION = 1
STATE_FILE, MODEL_FILE, TRAINING_FILE = "state.json", "model.safetensors", "training.safetensors"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where in the data a run is: between two optimizer steps."""

    epoch: int = 0
    """Epoch of the next batch, from 0."""
    batch: int = 0
    """Next batch of that epoch, from 0."""
    step: int = 0
    """Optimizer steps taken so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best evaluation so far."""

    metric: str
    """The monitored metric."""
    value: float
    """Its value."""
    epoch: int
    """Epoch after which it was reached."""
    step: int
    """Optimizer steps taken then; names the checkpoint that holds the weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunIdentity:
    """What a checkpoint belongs to."""

    graph_name: str
    graph_fingerprint: str
    """Content hash of the graph, the same for every partitioning of it."""
    model_class: str
    """Import path of the model's class."""
    model_arguments: dict[str, Any]
    """Arguments of its constructor."""
    config: dict[str, Any]
    """The `RunConfig` as nested tables."""
    versions: dict[str, str]
    """Versions of distgnn, torch and Python that wrote it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The state of a run between two optimizer steps."""

    position: Position
    identity: RunIdentity
    model: dict[str, Tensor]
    """The model's state_dict."""
    parts: dict[str, Any] = field(default_factory=dict)
    """State dictionaries of optimizer, scheduler, scaler, random generators, ... by name."""
    metrics: dict[str, float] = field(default_factory=dict)
    """Metrics of the last evaluation, such as ``val/accuracy``."""
    best: Best | None = None
    """The best evaluation up to here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """Layout of state.json, without its own checksum."""

    format_version: int
    files: dict[str, dict[str, int | str]]
    position: Position
    identity: RunIdentity
    parts: dict[str, Any]
    metrics: dict[str, float]
    best: Best | None


_STATE = TypeAdapter(_State)


def write_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write `checkpoint` to the directory `path`, replacing what is there, all or nothing.

    Raises:
        StorageError: the disk is full or not writable; `path` is as it was, and nothing else is
            left behind.
    """
    temporary = path.with_name(f".{path.name}.tmp-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        _write_files(temporary, checkpoint)
        _put_in_place(temporary, path)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(temporary, ignore_errors=True)
        msg = (
            f"the checkpoint {path} could not be written: {error}; earlier checkpoints are intact. "
            "Free space on that disk or change run_dir, then continue with --resume"
        )
        raise StorageError(msg) from error


def read_checkpoint(path: Path) -> Checkpoint:
    """Return the checkpoint in the directory `path`, tensors on the CPU.

    Raises:
        CheckpointError: it is damaged, incomplete, no checkpoint, or of a newer format.
    """
    state = read_state(path)
    for name, expected in state.files.items():
        _check_file(path / name, expected)
    try:
        model = load_file(path / MODEL_FILE)
        tensors = load_file(path / TRAINING_FILE)
        parts = join_tree(state.parts, tensors)
    except (OSError, SafetensorError, KeyError) as error:
        raise _damaged(path, str(error)) from error
    return Checkpoint(
        position=state.position,
        identity=state.identity,
        model=model,
        parts=parts,
        metrics=state.metrics,
        best=state.best,
    )


def read_state(path: Path) -> _State:
    """Return what state.json of the checkpoint `path` says, with tensors still as names.

    Raises:
        CheckpointError: see `read_checkpoint`.
    """
    try:
        data = json.loads((path / STATE_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        msg = f"{path} is no checkpoint: no {STATE_FILE} in it; give a run's checkpoints/step-*"
        raise CheckpointError(msg) from error
    except (OSError, ValueError) as error:
        raise _damaged(path, f"{STATE_FILE} cannot be read ({error})") from error
    version = data.get("format_version") if isinstance(data, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        msg = (
            f"the checkpoint {path} has format version {version}, this distgnn reads up to "
            f"{FORMAT_VERSION}: install the release of distgnn that wrote it, or a newer one"
        )
        raise CheckpointError(msg)
    if not isinstance(data, dict) or data.pop("checksum", None) != _digest(_canonical(data)):
        raise _damaged(path, f"the checksum of {STATE_FILE} does not fit its content")
    try:
        return _STATE.validate_json(json.dumps(data), strict=True)
    except ValidationError as error:
        raise _damaged(path, f"{STATE_FILE} lacks a field ({error.errors()[0]['loc']})") from error


def _write_files(folder: Path, checkpoint: Checkpoint) -> None:
    tensors: dict[str, Tensor] = {}
    parts = {name: split_tree(part, tensors, name) for name, part in checkpoint.parts.items()}
    save_file(owned(checkpoint.model), folder / MODEL_FILE)
    save_file(owned(tensors), folder / TRAINING_FILE)
    state = {
        "format_version": FORMAT_VERSION,
        "files": {name: _file_facts(folder / name) for name in (MODEL_FILE, TRAINING_FILE)},
        "position": asdict(checkpoint.position),
        "identity": asdict(checkpoint.identity),
        "parts": parts,
        "metrics": checkpoint.metrics,
        "best": asdict(checkpoint.best) if checkpoint.best else None,
    }
    state["checksum"] = _digest(_canonical(state))
    (folder / STATE_FILE).write_text(json.dumps(state, indent=1), encoding="utf-8")


def _put_in_place(temporary: Path, path: Path) -> None:
    """Sync the files, then rename their folder; an old one goes only after that."""
    for file in (*sorted(temporary.iterdir()), temporary):
        _sync(file)
    if path.exists():
        old = path.with_name(f".{path.name}.old-{os.getpid()}")
        shutil.rmtree(old, ignore_errors=True)
        path.rename(old)
        temporary.rename(path)
        shutil.rmtree(old)
    else:
        temporary.rename(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _file_facts(path: Path) -> dict[str, int | str]:
    return {"bytes": path.stat().st_size, "xxh3_128": _digest_file(path)}


def _check_file(path: Path, expected: dict[str, int | str]) -> None:
    try:
        size = path.stat().st_size
    except FileNotFoundError as error:
        raise _damaged(path.parent, f"{path.name} is missing") from error
    if size != expected["bytes"]:
        raise _damaged(path.parent, f"{path.name} has {size} bytes, not {expected['bytes']}")
    if _digest_file(path) != expected["xxh3_128"]:
        raise _damaged(path.parent, f"the checksum of {path.name} does not fit its content")


def _damaged(path: Path, reason: str) -> CheckpointError:
    return CheckpointError(
        f"the checkpoint {path} is damaged: {reason}; "
        "use an earlier checkpoint of the run, or train again"
    )


def _canonical(data: dict[str, Any]) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()


def _digest(data: bytes) -> str:
    return xxhash.xxh3_128_hexdigest(data)


def _digest_file(path: Path) -> str:
    digest = xxhash.xxh3_128()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()
