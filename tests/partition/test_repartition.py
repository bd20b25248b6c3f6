import tempfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from distgnn.exceptions import OutputExistsError, ShardError
from distgnn.partition.pipeline import partition_graph
from distgnn.partition.repartition import raw_tables, repartition
from distgnn.shards.reader import ShardedGraph
from distgnn.testing.graphs import papers, scholars
from tests.partition.graphs import raw_graphs
from tests.partition.out_of_core.tables import files_of


@settings(max_examples=25, deadline=None)
@given(raw=raw_graphs(), parts=st.tuples(st.integers(1, 4), st.integers(1, 4)))
@example(raw=papers().raw, parts=(2, 3))
@example(raw=scholars().raw, parts=(3, 2))
def test_shards_are_those_of_the_raw_tables(raw, parts):
    nodes = sum(table.num_rows for table in raw.nodes.values())
    first, second = (min(count, nodes) for count in parts)
    with tempfile.TemporaryDirectory() as folder:
        one, other, direct = (Path(folder, name) for name in ("one", "other", "direct"))
        partition_graph(raw, one, num_parts=first, method="hash", progress=False)
        partition_graph(raw, direct, num_parts=second, method="ldg", progress=False)
        report = repartition(one, other, num_parts=second, method="ldg", progress=False)
        assert files_of(other) == files_of(direct)
        assert report.num_parts == second


def test_tables_come_back_as_they_were(tmp_path):
    raw = scholars().raw
    partition_graph(raw, tmp_path / "out", num_parts=3, method="hash", progress=False)
    back = raw_tables(ShardedGraph.open(tmp_path / "out"))
    assert back.fingerprint() == raw.fingerprint()
    for name, table in (*raw.nodes.items(), *raw.edges.items()):
        found = back.nodes.get(name) or back.edges.get(name)
        assert found.select(table.column_names).to_pylist() == table.to_pylist()


def test_in_place(tmp_path):
    out = tmp_path / "out"
    partition_graph(papers().raw, out, num_parts=2, method="hash", progress=False)
    with pytest.raises(OutputExistsError):
        repartition(out, out, num_parts=3, method="hash", progress=False)
    repartition(out, out, num_parts=3, method="hash", overwrite=True, progress=False)
    assert ShardedGraph.open(out).num_parts == 3


def test_no_shards(tmp_path):
    with pytest.raises(ShardError, match="there is no graph at"):
        repartition(tmp_path / "none", tmp_path / "out", num_parts=2)
