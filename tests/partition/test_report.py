import io

from rich.console import Console

from distgnn.partition.pipeline import partition_graph
from distgnn.testing.graphs import papers


def test_the_table_names_what_matters(tmp_path):
    report = partition_graph(
        papers().raw, tmp_path / "[red]out", num_parts=2, method="range", progress=False
    )
    console = Console(width=400, file=io.StringIO())
    console.print(report.render())
    text = console.file.getvalue()
    assert "papers in 2 parts" in text
    assert "[red]out (" in text
    assert "range, balance nodes, seed 0" in text
    assert f"{report.quality.edge_cut:.1%} (random parts: 44.4%)" in text
    assert "nodes 1.000" in text
    assert report.total_seconds == sum(report.seconds.values())
