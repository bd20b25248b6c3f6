"""The run out of core writes what the run in memory writes, byte for byte."""

import pytest

from distgnn.partition.out_of_core import plan
from distgnn.partition.registry import PARTITIONERS
from tests.partition.out_of_core.tables import assert_same, scholar_tables


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """Windows of some rows and buckets of some ids, so that there are many of each."""
    monkeypatch.setattr(plan, "MOST_WINDOW", 2048)
    monkeypatch.setattr(plan, "LEAST_WINDOW", 1)
    monkeypatch.setattr(plan, "MOST_BUCKET", 4096)
    monkeypatch.setattr(plan, "LEAST_BUCKET", 1)


@pytest.mark.parametrize("method", sorted(PARTITIONERS))
def test_every_method(method, tmp_path):
    report = assert_same(scholar_tables(tmp_path), tmp_path, method=method)
    assert [one.rows_in for one in report.integrity] == [200, 90, 900, 500, 500]


@pytest.mark.parametrize("balance", ["edges", "train"])
def test_every_balance(balance, tmp_path):
    assert_same(scholar_tables(tmp_path), tmp_path, method="ldg", balance=balance)


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
@pytest.mark.parametrize("text", [True, False])
def test_every_format(kind, text, tmp_path):
    assert_same(scholar_tables(tmp_path, kind, text), tmp_path)
