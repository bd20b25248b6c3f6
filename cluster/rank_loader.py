"""Where a rank's batches come from when the configuration asks for sampling actors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distgnn.cluster.actor_loader import ActorLoader
from distgnn.cluster.messages import SamplingRule
from distgnn.cluster.ray_actors import Deadlines
from distgnn.cluster.sampler_group import GroupSettings
from distgnn.exceptions import ConfigError
from distgnn.samplers.registry import chooses_seeds
from distgnn.tasks.node_classification import NodeClassification

if TYPE_CHECKING:
    from distgnn.cluster.sampler_group import Samplers
    from distgnn.tasks.task import BatchLoader, Int64s, LoaderSettings, Task
    from distgnn.train.config import RunConfig


def group_settings(config: RunConfig) -> GroupSettings:
    """Return how the sampling actors of a run work."""
    cluster = config.cluster
    return GroupSettings(
        num_samplers=cluster.num_samplers,
        split_parts=cluster.split_parts,
        num_cpus=cluster.cpus_per_sampler,
        num_threads=max(config.loader.num_threads, 1),
        wire_dtype=cluster.wire_dtype,
        cache_bytes=cluster.cache_bytes,
        deadlines=Deadlines(
            start_s=cluster.placement_timeout_s,
            silence_s=cluster.silence_timeout_s,
            restart_s=cluster.restart_timeout_s,
            answer_s=cluster.timeout_s,
        ),
    )


def check_samplers(config: RunConfig) -> None:
    """Check that sampling actors can make the batches of a run.

    Raises:
        ConfigError: its sampler chooses the seeds of its batches.
    """
    if chooses_seeds(config.sampler.name):
        msg = (
            f"sampler.name = {config.sampler.name!r} chooses the seeds of its batches itself, "
            "which sampling actors cannot: give cluster.num_samplers = 0, and each rank samples"
        )
        raise ConfigError(msg)


@dataclass(frozen=True, slots=True)
class ActorLoaders:
    """Makes the loaders of a rank, in place of `Task.loader`."""

    samplers: Samplers

    def __call__(
        self, task: Task, seeds: Int64s, settings: LoaderSettings, *, shuffle: bool
    ) -> BatchLoader:
        """Return the loader of batches around `seeds`.

        Raises:
            ConfigError: the task makes batches of something else than nodes.
        """
        if not isinstance(task, NodeClassification):
            msg = (
                f"{type(task).__name__} makes batches that sampling actors do not know: give "
                "cluster.num_samplers = 0, and each rank samples"
            )
            raise ConfigError(msg)
        rule = SamplingRule(
            fanouts=settings.fanouts,
            sampler=settings.sampler,
            replace=settings.replace,
            seed=settings.seed,
            options=settings.options,
        )
        return ActorLoader(
            self.samplers,
            task.graph,
            rule,
            seeds,
            node_type=task.node_type,
            batch_size=settings.batch_size,
            name=f"{'train' if shuffle else 'evaluate'}-{len(seeds)}",
            shuffle=shuffle,
            seed=settings.seed,
            share=settings.share,
            num_groups=settings.num_groups,
            prefetch=max(settings.prefetch, 1),
        )
