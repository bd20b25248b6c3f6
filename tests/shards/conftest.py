"""The hand-made graphs as shards; each is written once and only read."""

import pytest

from distgnn.testing.graphs import papers, scholars


@pytest.fixture(scope="package")
def papers_graph(tmp_path_factory):
    return papers().write(tmp_path_factory.mktemp("papers") / "papers")


@pytest.fixture(scope="package")
def scholars_graph(tmp_path_factory):
    return scholars().write(tmp_path_factory.mktemp("scholars") / "scholars")
