"""Real graphs through Parquet files with text ids, and back: nothing is lost or changed."""

import pytest

from distgnn.datasets import load
from distgnn.datasets.generate import generate
from distgnn.partition.out_of_core.run import partition_tables
from distgnn.partition.repartition import raw_tables
from distgnn.shards import ShardedGraph
from distgnn.shards.verify import verify
from distgnn.testing.graphs import scholars
from distgnn.testing.parquet import text_ids, write_parquet
from tests.partition.out_of_core.tables import TINY, assert_same, files_of

GRAPHS = {
    "cora": lambda: load("cora"),
    "scholars": lambda: scholars().raw,
    "generated": lambda: generate(500, 4000, num_features=8, weighted=True, timed=True),
}


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_every_edge_feature_and_label_comes_back(name, tmp_path):
    raw = GRAPHS[name]()
    graph = write_parquet(raw, tmp_path)
    report = partition_tables(
        graph,
        tmp_path / "out",
        num_parts=4,
        method="multilevel",
        memory_limit=TINY,
        progress=False,
    )
    verify(tmp_path / "out", progress=False)
    back = raw_tables(ShardedGraph.open(tmp_path / "out"))
    assert back.schema.node_types == raw.schema.node_types
    for node_type, table in raw.nodes.items():
        assert (
            back.nodes[node_type].column("id").to_pylist() == text_ids(raw, node_type).to_pylist()
        )
        for column in set(table.column_names) - {"id"}:
            found = back.nodes[node_type].column(column)
            assert found.to_pylist() == table.column(column).to_pylist(), column
    for edge_type, table in raw.edges.items():
        for column in table.column_names:
            found = back.edges[edge_type].column(column)
            assert found.to_pylist() == table.column(column).to_pylist(), column
    assert all(one.rows_in == one.rows_out for one in report.integrity)


@pytest.mark.parametrize("name", sorted(GRAPHS))
def test_the_same_files_as_in_memory(name, tmp_path):
    assert_same(write_parquet(GRAPHS[name](), tmp_path), tmp_path, method="restream")


def test_intermediate_files_may_lie_elsewhere(tmp_path):
    graph = write_parquet(GRAPHS["scholars"](), tmp_path)
    arguments = {"num_parts": 2, "memory_limit": TINY, "progress": False}
    partition_tables(graph, tmp_path / "one", **arguments)
    partition_tables(graph, tmp_path / "two", **arguments, work=tmp_path / "elsewhere")
    assert files_of(tmp_path / "one") == files_of(tmp_path / "two")
    assert not list((tmp_path / "elsewhere").iterdir())
