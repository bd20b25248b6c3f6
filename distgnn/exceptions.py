"""Every error that distgnn raises on purpose, under one base.

A message is one paragraph: what happened (the thing and its value), the likely cause, and what to
do next. The command line prints it without a traceback and exits with `exit_code`: 2 where the
user's input must change, 1 otherwise.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class DistgnnError(Exception):
    """Base of all errors of this package."""

    exit_code = 1


class UserError(DistgnnError):
    """Something that the user gave is wrong: the message says what, and what to give instead."""

    exit_code = 2


class ArgumentError(UserError, ValueError):
    """An argument of a public function has the wrong type, shape or value."""


class MetapathError(ArgumentError, AttributeError):
    """Walks are longer than a metapath that does not lead back to its start."""


class ConfigError(UserError):
    """A configuration file or a command-line override holds an unknown key or a wrong value."""


class TableError(UserError):
    """A raw table cannot be read: a missing file or column, a wrong type, a cut-off file."""


class GraphDataError(UserError):
    """Raw tables do not make a graph: duplicate ids, dangling edges, NaN, bad labels or splits."""


class NoNegativesError(UserError):
    """No negative can be drawn: every pair of nodes that may be drawn is an edge."""


class PartitionError(UserError):
    """The graph cannot be partitioned as asked: zero parts, more parts than nodes and the like."""


class OutputExistsError(UserError):
    """The output would replace something that is there already."""


class StorageError(DistgnnError):
    """Reading or writing failed: a full disk, no permission. Nothing partial is left behind."""


class ShardError(UserError):
    """A shard directory is not one that this version can read."""


class ShardCorruptError(ShardError):
    """A shard file is truncated, or its bytes are not those that were written."""


class ShardVersionError(ShardError):
    """A shard directory was written in a newer format."""


class PartNotOpenError(ShardError, ArgumentError):
    """Something was asked of a part of a graph that is not open on this machine."""


class CheckpointError(UserError):
    """A checkpoint cannot be used: damaged, or of another graph, model or configuration."""


class TrainingDivergedError(DistgnnError):
    """The loss of a batch is not a finite number."""


class LoaderTimeoutError(DistgnnError, TimeoutError):
    """A mini-batch was not ready in time."""


class ClusterError(DistgnnError):
    """Ray, or a process that it runs for us, failed in a way that trying again does not mend."""


class ClusterAddressError(UserError):
    """There is no usable Ray cluster at the address: nothing there, wrong token or version."""


class ClusterTimeoutError(ClusterError, TimeoutError):
    """A process of the cluster did not answer in time, or the cluster had no room in time."""


class ReleasedTensorError(DistgnnError, RuntimeError):
    """A tensor that a reversible layer needs was released or overwritten."""


class MissingDependencyError(DistgnnError, ImportError):
    """An optional package is needed for what was asked and is not installed."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return the hint ``"; did you mean 'metis'?"``, or the list of known names."""
    options = sorted(known)
    close = get_close_matches(name, options, n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else f"; known: {', '.join(options)}"
