"""The section ``cluster``: how many processes train and sample under Ray, and how long to wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import with_config

from distgnn.exceptions import ConfigError
from distgnn.train.config_fields import require

WireDtype = Literal["float32", "float16", "bfloat16", "int8"]


@with_config(extra="forbid")
@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterConfig:
    """Training on several processes under Ray; without workers nothing of Ray is used.

    Every wait has a deadline: what is late is named in an error, and nothing hangs.
    """

    num_workers: int = 0
    """Ranks that train, each on loader.batch_size seeds a step; 0: this process alone."""
    min_workers: int | None = None
    """Ranks with which training may go on after nodes were lost, at the same number of seeds a
    step; by default all of num_workers."""
    num_samplers: int = 0
    """Actors that sample for the ranks; 0: each rank samples for itself, from shared storage."""
    cpus_per_sampler: float = 1.0
    """Cores that Ray reserves for a sampling actor."""
    split_parts: bool = True
    """Whether each sampling actor owns some of the parts and asks the others for the rest;
    otherwise each opens all, which is right for several on one disk."""
    cache_bytes: int = 0
    """Memory in bytes in which each sampling actor keeps the features of the nodes of other actors
    that it needs most often."""
    wire_dtype: WireDtype = "float32"
    """Type in which features travel between sampling actors; a smaller one loses digits."""
    address: str | None = None
    """Ray cluster to join: 'auto' (one on this machine), 'HOST:PORT' or 'ray://HOST:10001'; by
    default the one that runs here or in RAY_ADDRESS, else a new one for this run."""
    cpus_per_worker: float = 1.0
    """Cores that Ray reserves for a rank."""
    locality: bool = False
    """Whether a rank trains on the seeds of neighbouring parts, so that fewer rows travel; by
    default all seeds are shuffled together."""
    sync_batch_norm: bool = False
    """Whether batch norms take their statistics over all ranks (needs CUDA devices)."""
    storage: str | None = None
    """Folder or URI (s3://..., gs://...) to which every checkpoint is copied as well, for clusters
    whose nodes do not share run_dir; by default none."""
    max_failures: int = 3
    """Deaths of ranks or nodes that a run survives; -1: any number."""
    connect_timeout_s: float = 60.0
    """Deadline in seconds for finding and joining the Ray cluster."""
    placement_timeout_s: float = 120.0
    """Deadline in seconds for the cluster to have room for all ranks and samplers."""
    timeout_s: float = 300.0
    """Deadline in seconds for an answer of another process: a gradient sum, a batch."""
    silence_timeout_s: float = 10.0
    """Seconds without an answer after which a sampling actor is asked for a sign of life, and
    started again if none comes within as much."""
    restart_timeout_s: float = 60.0
    """Deadline in seconds for a sampling actor that died to come back."""

    def __post_init__(self) -> None:
        require(self.num_workers >= 0, "cluster.num_workers", self.num_workers, ">= 0")
        require(self.num_samplers >= 0, "cluster.num_samplers", self.num_samplers, ">= 0")
        require(self.cpus_per_worker > 0, "cluster.cpus_per_worker", self.cpus_per_worker, "> 0")
        require(self.max_failures >= -1, "cluster.max_failures", self.max_failures, ">= -1")
        require(
            self.cpus_per_sampler >= 0, "cluster.cpus_per_sampler", self.cpus_per_sampler, ">= 0"
        )
        require(self.cache_bytes >= 0, "cluster.cache_bytes", self.cache_bytes, ">= 0")
        for name in (
            "connect_timeout_s",
            "placement_timeout_s",
            "timeout_s",
            "silence_timeout_s",
            "restart_timeout_s",
        ):
            require(getattr(self, name) > 0, f"cluster.{name}", getattr(self, name), "> 0")
        if self.min_workers is not None:
            require(
                1 <= self.min_workers <= self.num_workers,
                "cluster.min_workers",
                self.min_workers,
                f"between 1 and cluster.num_workers = {self.num_workers}",
            )
        if self.num_samplers and not self.num_workers:
            msg = (
                f"cluster.num_samplers = {self.num_samplers}, but cluster.num_workers = 0: "
                "sampling actors feed ranks under Ray, so give num_workers >= 1 as well"
            )
            raise ConfigError(msg)
