"""Graphs that are written once and only read."""

import pytest

from distgnn.testing.graphs import papers, scholars
from tests.samplers.graphs import in_parts, one_type, two_types


@pytest.fixture(scope="package")
def papers_graph(tmp_path_factory):
    return papers().write(tmp_path_factory.mktemp("papers") / "papers")


@pytest.fixture(scope="package")
def scholars_graph(tmp_path_factory):
    return scholars().write(tmp_path_factory.mktemp("scholars") / "scholars")


@pytest.fixture(scope="package")
def one_type_parts(tmp_path_factory):
    """One random graph in 1, 2, 8 and 40 parts."""
    folder = tmp_path_factory.mktemp("one_type")
    return {parts: in_parts(one_type(), parts, folder) for parts in (1, 2, 8, 40)}


@pytest.fixture(scope="package")
def two_type_parts(tmp_path_factory):
    """One random heterogeneous graph in 1, 2 and 8 parts."""
    folder = tmp_path_factory.mktemp("two_types")
    return {parts: in_parts(two_types(), parts, folder) for parts in (1, 2, 8)}


@pytest.fixture(params=["copied", "copied, hash table", "mapped", "mapped, hash table"])
def _every_memory(request, monkeypatch):
    """Run a test with in-edges copied or mapped, and with either way to number nodes."""
    if "hash table" in request.param:
        monkeypatch.setattr("distgnn.samplers.khop.MAX_TABLE_BYTES", 0)
    if "mapped" in request.param:
        monkeypatch.setattr("distgnn.samplers.topology.MEMORY_SHARE", 0)
