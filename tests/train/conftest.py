"""A small generated graph, partitioned in two ways, and configurations that train on it."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from distgnn.datasets.generate import generate
from distgnn.partition.pipeline import partition_graph
from distgnn.train.config_file import config_from_dict


@pytest.fixture(scope="session")
def raw_graph():
    """600 nodes, of which 310 to train on (7 batches of 50), 150 to validate and 140 to test."""
    raw = generate(600, 6000, num_features=8, num_classes=3, num_communities=3, seed=0)
    split = np.random.default_rng(0).permutation(np.repeat([0, 1, 2], [310, 150, 140]))
    nodes = raw.nodes["node"]
    place = nodes.column_names.index("split")
    nodes = nodes.set_column(place, nodes.schema.field("split"), pa.array(split, pa.int8()))
    return dataclasses.replace(raw, nodes={"node": nodes}, name="mine")


@pytest.fixture(scope="session")
def graph_dir(raw_graph, tmp_path_factory):
    out = tmp_path_factory.mktemp("graphs") / "two_parts"
    partition_graph(raw_graph, out, num_parts=2, method="range", progress=False)
    return out


@pytest.fixture(scope="session")
def other_partition_dir(raw_graph, tmp_path_factory):
    out = tmp_path_factory.mktemp("graphs") / "three_parts"
    partition_graph(raw_graph, out, num_parts=3, method="hash", progress=False)
    return out


@pytest.fixture
def make_config(graph_dir, tmp_path):
    """Return a function that makes a configuration; tables given to it are merged in."""

    def make(run_dir=None, **sections):
        return configuration(graph_dir, run_dir or tmp_path / "run", **sections)

    return make


@pytest.fixture(scope="session")
def foreign_graph_dir(tmp_path_factory):
    """Another graph, whose nodes look the same to a model."""
    raw = generate(500, 4000, num_features=8, num_classes=3, num_communities=3, seed=1)
    out = tmp_path_factory.mktemp("graphs") / "foreign"
    raw = dataclasses.replace(raw, name="foreign")
    partition_graph(raw, out, num_parts=1, method="range", progress=False)
    return out


def configuration(graph_dir, run_dir, **sections):
    """Return a configuration; the tables in `sections` are merged into its own."""
    data = {
        "graph": str(graph_dir),
        "run_dir": str(run_dir),
        "model": {"target": "tests.train.models.TinySAGE", "hidden_channels": 16, "dropout": 0.3},
        "sampler": {"fanouts": [4, 3]},
        "loader": {"batch_size": 50},
        "optimizer": {"lr": 0.01},
        "train": {"epochs": 2, "device": "cpu", "tune_malloc": False},
    }
    for name, values in sections.items():
        old = data.get(name)
        data[name] = old | values if isinstance(old, dict) else values
    return config_from_dict(data, source="test")
