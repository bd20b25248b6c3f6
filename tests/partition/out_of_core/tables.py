"""Raw files for the tests of partitioning out of core; the comparison with the run in memory."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from distgnn.partition.out_of_core.run import partition_tables
from distgnn.partition.pipeline import partition_graph
from distgnn.tables import load_graph

TINY = 1 << 30  # more than the process takes: windows and buckets are set by the tests


def write(table, path, kind="parquet"):
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "parquet":
        pq.write_table(table, path.with_suffix(".parquet"), row_group_size=37)
    elif kind == "csv":
        pa.csv.write_csv(table, path.with_suffix(".csv"))
    else:
        with pa.ipc.new_file(str(path.with_suffix(".arrow")), table.schema) as out:
            out.write_table(table, max_chunksize=53)


def write_in_pieces(table, folder, kind="parquet", count=3):
    bounds = np.linspace(0, table.num_rows, count + 1).astype(int)
    for i in range(count):
        write(table.slice(bounds[i], bounds[i + 1] - bounds[i]), folder / f"{i}", kind)


def files_of(folder):
    folder = Path(folder)
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def assert_same(graph, folder, **options):
    """Both ways write the same files; returns the report of the run out of core."""
    options = {"num_parts": 3, "method": "hash", "seed": 1, "progress": False} | options
    raw = load_graph(graph)
    partition_graph(raw, folder / "memory", **options)
    report = partition_tables(graph, folder / "disk", memory_limit=TINY, **options)
    memory, disk = files_of(folder / "memory"), files_of(folder / "disk")
    assert memory.keys() == disk.keys()
    for name, content in memory.items():
        assert content == disk[name], name
    assert not [p for p in folder.iterdir() if p.name.startswith(".")]
    return report


def scholar_tables(folder, kind="parquet", text=True, num_papers=200, num_authors=90, seed=0):
    """Papers and authors with every kind of column, in several files; returns the TOML file."""
    rng = np.random.default_rng(seed)
    papers = rng.permutation(10 * num_papers)[:num_papers]
    authors = rng.permutation(7 * num_authors)[:num_authors]
    paper_ids = pa.array([f"p{i}é" for i in papers]) if text else pa.array(papers * 1000)
    paper = {
        "pid": paper_ids,
        "venue": pa.array(rng.integers(0, 5, num_papers)),
        "split": pa.array(rng.choice(["train", "val", "test", ""], num_papers)),
        "year": pa.array(rng.integers(1990, 2020, num_papers)),
        "title": pa.array([None if i % 7 == 0 else f"title {i}" for i in range(num_papers)]),
    }
    for i in range(3):
        paper[f"f{i}"] = pa.array(rng.integers(0, 9, num_papers) / 4, pa.float64())
    author = {"aid": pa.array(authors), "h": pa.array(rng.integers(0, 50, num_authors))}
    if kind != "csv":
        values = pa.array(rng.random(4 * num_authors), pa.float16())
        author["x"] = pa.FixedSizeListArray.from_arrays(values, 4)
        author["tags"] = pa.array([["a"] * (i % 3) for i in range(num_authors)])
        author["active"] = pa.array(rng.random(num_authors) < 0.5)
    cites = {
        "from": paper_ids.take(pa.array(rng.integers(0, num_papers, 900))),
        "to": paper_ids.take(pa.array(rng.integers(0, num_papers, 900))),
        "w": pa.array(rng.integers(0, 8, 900) / 8),
        "t": pa.array(rng.integers(0, 20, 900)),
    }
    writes = {
        "a": pa.array(authors[rng.integers(0, num_authors, 500)]),
        "p": paper_ids.take(pa.array(rng.integers(0, num_papers, 500))),
        "note": pa.array([None if i % 3 else f"n{i}" for i in range(500)]),
    }
    tables = {"papers": paper, "authors": author, "cites": cites, "writes": writes}
    for name, columns in tables.items():
        write_in_pieces(pa.table(columns), folder / name, kind)
    text = f"""
name = "scholars"
[nodes.paper]
path = "papers"
id = "pid"
features = ["f0", "f1", "f2"]
feature_dtype = "float32"
label = "venue"
split = "split"
time = "year"
[nodes.author]
path = "authors"
id = "aid"
{"" if kind == "csv" else 'features = "x"'}
[edges.paper__cites__paper]
path = "cites"
src = "from"
dst = "to"
weight = "w"
time = "t"
[edges.author__writes__paper]
path = "writes"
src = "a"
dst = "p"
reverse = "written_by"
"""
    (folder / "graph.toml").write_text(text)
    return folder / "graph.toml"
