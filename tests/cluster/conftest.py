"""Graphs that are written once and only read, and one Ray session for all tests that share it."""

import os

import pytest

from distgnn.datasets.generate import generate
from distgnn.testing.graphs import papers, scholars
from tests.samplers.graphs import in_parts, one_type, two_types
from tests.train.conftest import graph_dir, make_config, raw_graph  # noqa: F401


@pytest.fixture(scope="package")
def papers_graph(tmp_path_factory):
    return papers().write(tmp_path_factory.mktemp("papers") / "papers")


@pytest.fixture(scope="package")
def scholars_graph(tmp_path_factory):
    return scholars().write(tmp_path_factory.mktemp("scholars") / "scholars")


@pytest.fixture(scope="package")
def one_type_graph(tmp_path_factory):
    """A random graph in 8 parts."""
    return in_parts(one_type(), 8, tmp_path_factory.mktemp("one_type"))


@pytest.fixture(scope="package")
def two_types_graph(tmp_path_factory):
    """A random heterogeneous graph in 8 parts."""
    return in_parts(two_types(), 8, tmp_path_factory.mktemp("two_types"))


@pytest.fixture(scope="package")
def featured_graph(tmp_path_factory):
    """A generated graph of 600 nodes with features, labels and edge weights, in 4 parts."""
    raw = generate(600, 5000, num_features=16, weighted=True)
    return in_parts(raw, 4, tmp_path_factory.mktemp("featured"))


@pytest.fixture(scope="package")
def ray_session():
    """A Ray cluster in this machine's spare cores; tests that kill its parts start their own."""
    ray = pytest.importorskip("ray")
    os.environ.setdefault("RAY_AUTH_MODE", "disabled")  # no token in the home
    ray.init(
        address="local",
        num_cpus=8,
        include_dashboard=False,
        object_store_memory=200_000_000,
        logging_level="error",
        log_to_driver=False,
    )
    yield ray
    ray.shutdown()
