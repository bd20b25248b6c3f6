"""More bytes of batches than the object store has."""

import logging
from pathlib import Path

import numpy as np
import pytest

from distgnn.cluster.actor_loader import ActorLoader
from distgnn.cluster.messages import SamplingRule
from distgnn.cluster.sampler_group import GroupSettings, SamplerGroup
from distgnn.datasets.generate import generate
from distgnn.shards import ShardedGraph
from tests.samplers.graphs import in_parts

pytestmark = [pytest.mark.ray, pytest.mark.multiprocess]


def test_a_small_object_store_is_not_overrun(tmp_path):
    """320 MB of batches through a store of 80 MB: the actor waits, and nothing is spilled."""
    ray = pytest.importorskip("ray")
    graph = in_parts(generate(4000, 2000, num_features=512), 2, tmp_path)
    found = ray.init(
        address="local", num_cpus=2, include_dashboard=False, object_store_memory=80_000_000,
        logging_level=logging.ERROR, log_to_driver=False,
    )  # fmt: skip
    try:
        rule = SamplingRule(fanouts=[1])
        remote = ShardedGraph(graph.path, graph.manifest, ())
        with SamplerGroup.start(graph.path, GroupSettings(num_cpus=0.1)) as group:
            taken = ActorLoader(
                group.samplers, remote, rule, np.arange(4000), node_type="node",
                batch_size=4000, prefetch=2,
            )  # fmt: skip
            num_bytes = 0
            for epoch in range(40):
                for batch in taken.epoch(epoch):
                    num_bytes += batch.x.nbytes
                    assert batch.x.shape == (4000, 512)
        assert num_bytes > 300e6
        session = Path(found.address_info["session_dir"])
        assert not [path for path in session.glob("ray_spilled_objects*/*") if path.is_file()]
    finally:
        ray.shutdown()
