import numpy as np
import pytest

from distgnn.partition import estimate as module
from distgnn.partition.estimate import estimate, format_bytes, format_seconds
from distgnn.partition.pipeline import partition_graph
from distgnn.partition.registry import PARTITIONERS
from distgnn.testing.graphs import papers
from tests.partition.graphs import communities, raw_of


def test_sizes_are_those_of_the_tables():
    found = estimate(papers().raw, PARTITIONERS["metis"], 2)
    assert (found.num_nodes, found.num_edges) == (6, 9)
    assert found.peak_bytes > found.read_bytes > 0
    assert not found.is_too_large


def test_bytes_to_write_are_about_those_written(tmp_path):
    raw = raw_of(communities(2000, 40_000), 2000)
    report = partition_graph(raw, tmp_path / "out", num_parts=2, method="hash", progress=False)
    assert report.estimate.write_bytes == pytest.approx(report.num_bytes, rel=0.1)


def test_more_of_everything_takes_longer():
    small, large = (raw_of(np.zeros((edges, 2)), 10) for edges in (10, 1000))
    metis, ldg = (PARTITIONERS[name] for name in ("metis", "ldg"))
    assert estimate(large, metis, 2).seconds > estimate(small, metis, 2).seconds
    assert estimate(large, metis, 2).seconds > estimate(large, ldg, 2).seconds
    assert estimate(large, metis, 2).peak_bytes > estimate(large, ldg, 2).peak_bytes


def test_it_warns_when_memory_will_not_do(monkeypatch):
    class Memory:
        available = 1

    monkeypatch.setattr(module.psutil, "virtual_memory", Memory)
    found = estimate(raw_of(np.zeros((1000, 2)), 10), PARTITIONERS["metis"], 2)
    assert found.is_too_large
    assert "only 1 B more memory can be had" in found.render()


def test_numbers_are_readable():
    assert [format_bytes(n) for n in (3, 2048, 5 << 20, 3 << 30)] == [
        "3 B",
        "2.0 KiB",
        "5.0 MiB",
        "3.0 GiB",
    ]
    assert [format_seconds(s) for s in (0.31, 42.4, 300)] == ["0.3 s", "42 s", "5 min"]
