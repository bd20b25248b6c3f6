"""Every bad input is one clear error, and nothing is left."""

import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distgnn.exceptions import DistgnnError, GraphDataError, OutputExistsError, TableError
from distgnn.partition.out_of_core import plan, scatter
from distgnn.partition.out_of_core.run import partition_tables
from distgnn.shards import ShardedGraph
from tests.partition.out_of_core.tables import TINY, assert_same, files_of

DEADLINE_S = 60


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    monkeypatch.setattr(plan, "MOST_WINDOW", 64)
    monkeypatch.setattr(plan, "LEAST_WINDOW", 1)


def graph_of(folder, nodes, edges, node="", edge=""):
    """A graph of one node and one edge type; tables are text (CSV) or columns (Parquet)."""
    paths = {}
    for name, content in (("nodes", nodes), ("edges", edges)):
        suffix = "csv" if isinstance(content, str) else "parquet"
        paths[name] = folder / f"{name}.{suffix}"
        if isinstance(content, str):
            paths[name].write_text(content)
        else:
            pq.write_table(pa.table(content), paths[name])
    (folder / "graph.toml").write_text(
        f'[nodes.n]\npath = "{paths["nodes"].name}"\nid = "id"\n{node}\n'
        f'[edges.n__to__n]\npath = "{paths["edges"].name}"\nsrc = "a"\ndst = "b"\n{edge}\n'
    )
    return folder / "graph.toml"


def run(graph, **options):
    options = {"num_parts": 2, "method": "hash", "progress": False, "memory_limit": TINY} | options
    return partition_tables(graph, graph.parent / "out", **options)


def refused(graph, error, match, **options):
    with pytest.raises(error, match=match) as caught:
        run(graph, **options)
    assert not [p for p in graph.parent.iterdir() if "out" in p.name]
    return str(caught.value)


IDS = [10 * i for i in range(40)]
NODES = {"id": IDS}
EDGES = {"a": IDS, "b": IDS[1:] + IDS[:1]}


def with_value(values, row, value):
    return [value if i == row else old for i, old in enumerate(values)]


def test_ragged_csv(tmp_path):
    graph = graph_of(tmp_path, NODES, "a,b\n10,20\n20,30,40\n")
    refused(graph, TableError, "edges.csv cannot be read as CSV: .*Expected 2 columns, got 3")


def test_mixed_id_types(tmp_path):
    graph = graph_of(tmp_path, NODES, {"a": ["10"] * 5, "b": ["20"] * 5})
    refused(graph, TableError, "ids of node type 'n' are integers, but column 'a' of edge type")


def test_numbers_that_turn_into_text_in_a_csv(tmp_path):
    rows = "".join(f"{i},{i}\n" for i in IDS)
    refused(
        graph_of(tmp_path, NODES, "a,b\n" + rows + "x7,10\n"),
        TableError,
        "edges.csv cannot be read as CSV: .*x7.*`id_type`",
    )


def test_ids_beyond_int64(tmp_path):
    ids = pa.array([*range(39), 2**63 + 5], pa.uint64())
    refused(
        graph_of(tmp_path, {"id": ids}, EDGES), TableError, "cannot be read as int64: .*9223372"
    )


@pytest.mark.parametrize("column", ["a", "b"])
def test_null_ends_name_file_and_row(column, tmp_path):
    edges = EDGES | {column: with_value(EDGES[column], 33, None)}
    graph = graph_of(tmp_path, NODES, edges)
    refused(graph, GraphDataError, rf"id column '{column}' .* null in row 33 of .*edges.parquet")


def test_null_node_ids_name_file_and_row(tmp_path):
    graph = graph_of(tmp_path, {"id": with_value(IDS, 35, None)}, EDGES)
    refused(graph, GraphDataError, "is null in row 35 of .*nodes.parquet")


@pytest.mark.parametrize("text", [True, False])
def test_duplicate_node_ids_name_file_and_row(text, tmp_path):
    ids, edges = with_value(IDS, 37, 20), EDGES
    if text:
        ids, edges = list(map(str, ids)), {name: list(map(str, c)) for name, c in EDGES.items()}
    message = refused(graph_of(tmp_path, {"id": ids}, edges), GraphDataError, "appears twice")
    assert "id 20 " in message or "id '20' " in message
    assert "row 37 of" in message


@pytest.mark.parametrize("text", [True, False])
def test_dangling_edges_name_file_and_row_or_are_dropped(text, tmp_path):
    cast = str if text else int
    ids = list(map(cast, IDS))
    edges = {"a": ids, "b": with_value(ids, 31, cast(555))}
    graph = graph_of(tmp_path, {"id": ids}, edges)
    refused(graph, GraphDataError, r"b is '?555'? in row 31 of .*edges.parquet.*no such id")
    graph = graph_of(tmp_path, {"id": ids}, edges, edge='dangling = "drop"')
    (one,) = [i for i in assert_same(graph, tmp_path).integrity if i.table.startswith("edges")]
    assert (one.rows_in, one.dangling, one.rows_out) == (40, 1, 39)
    assert "row 31 of" in one.first_dangling


def test_a_parquet_file_that_is_cut_off(tmp_path):
    graph = graph_of(tmp_path, NODES, EDGES)
    path = tmp_path / "edges.parquet"
    path.write_bytes(path.read_bytes()[:-20])
    refused(graph, TableError, "edges.parquet cannot be read as Parquet: .*cut off")


def test_a_parquet_file_with_a_damaged_middle(tmp_path):
    graph = graph_of(tmp_path, NODES, EDGES)
    path = tmp_path / "edges.parquet"
    data = bytearray(path.read_bytes())
    data[4:40] = b"\xff" * 36
    path.write_bytes(data)
    refused(graph, DistgnnError, "edges.parquet cannot be read as Parquet")


def test_files_of_one_table_that_differ(tmp_path):
    graph = graph_of(tmp_path, NODES, EDGES)
    (tmp_path / "e").mkdir()
    pq.write_table(pa.table(EDGES), tmp_path / "e" / "0.parquet")
    pq.write_table(pa.table(EDGES | {"w": [1.0] * 40}), tmp_path / "e" / "1.parquet")
    graph.write_text(graph.read_text().replace("edges.parquet", "e"))
    refused(graph, TableError, "1.parquet has a column 'w', .*0.parquet has not")
    wrong = {name: list(map(str, column)) for name, column in EDGES.items()}
    pq.write_table(pa.table(wrong), tmp_path / "e" / "1.parquet")
    refused(graph, TableError, "is int64 in .*0.parquet but string in .*1.parquet")


def test_numbers_of_different_width_are_widened(tmp_path):
    graph = graph_of(tmp_path, NODES, EDGES)
    (tmp_path / "e").mkdir()
    for i, dtype in enumerate((pa.int16(), pa.int64(), pa.uint32())):
        columns = {name: pa.array(column, dtype) for name, column in EDGES.items()}
        pq.write_table(pa.table(columns), tmp_path / "e" / f"{i}.parquet")
    graph.write_text(graph.read_text().replace("edges.parquet", "e"))
    assert_same(graph, tmp_path, method="fennel")


def test_more_edges_than_int32_counts(tmp_path, monkeypatch):
    """Simulated: the edges are numbered as if 2^31 others came before them."""
    graph, far = graph_of(tmp_path, NODES, EDGES), 2**31 + 7
    run(graph)
    near = ShardedGraph.open(tmp_path / "out")
    before = [near.edges(("n", "to", "n"), part) for part in range(2)]
    real = scatter.segments

    def shifted(job, edge_type):
        return [replace(s, first_eid=s.first_eid + far) for s in real(job, edge_type)]

    monkeypatch.setattr(scatter, "segments", shifted)
    run(graph, overwrite=True)
    for part in range(2):
        edges = ShardedGraph.open(tmp_path / "out").edges(("n", "to", "n"), part)
        assert edges.eid.tolist() == (before[part].eid + far).tolist()
        assert edges.src.tolist() == before[part].src.tolist()


@pytest.mark.parametrize("option", ["drop", "count", "error"])
@pytest.mark.parametrize("undirected", ["true", "false"])
def test_duplicates(option, undirected, tmp_path, monkeypatch):
    monkeypatch.setattr(plan, "MOST_BUCKET", 700)
    monkeypatch.setattr(plan, "LEAST_BUCKET", 1)
    edges = {"a": IDS + IDS[:9] + IDS[2:5], "b": IDS[1:] + IDS[:1] + IDS[1:10] + IDS[3:6]}
    edges["note"] = [f"n{i}" for i in range(len(edges["a"]))]
    text = f'duplicates = "{option}"\nundirected = {undirected}\n'
    graph = graph_of(tmp_path, NODES, edges, edge=text)
    if option == "error":
        message = refused(graph, GraphDataError, "duplicate edges from 'n' to 'n'")
        assert "the first repeat is row 40 of" in message
        return
    one = assert_same(graph, tmp_path, method="fennel").integrity[1]
    assert one.dropped_duplicates == 12 * (2 if undirected == "true" else 1)


@pytest.mark.parametrize("loops", ["keep", "drop", "error"])
def test_loops(loops, tmp_path):
    edges = {"a": IDS, "b": with_value(EDGES["b"], 30, 300)}
    text = f'undirected = true\nself_loops = "{loops}"\n'
    graph = graph_of(tmp_path, NODES, edges, edge=text)
    if loops == "error":
        refused(graph, GraphDataError, "holds 1 self-loops")
        return
    one = assert_same(graph, tmp_path, method="ldg").integrity[1]
    assert (one.loops, one.rows_out) == ((0, 79) if loops == "keep" else (1, 78))


def test_duplicates_that_stay_are_counted(tmp_path):
    edges = {"a": IDS + IDS[:3], "b": IDS[1:] + IDS[:1] + IDS[1:4]}
    one = run(graph_of(tmp_path, NODES, edges)).integrity[1]
    assert one.kept_duplicates == 3
    assert "row 40 of" in one.first_duplicate


def test_an_output_that_exists_stays(tmp_path):
    graph = graph_of(tmp_path, NODES, EDGES)
    run(graph)
    before = files_of(tmp_path / "out")
    with pytest.raises(OutputExistsError, match="exists already"):
        run(graph, method="range")
    assert files_of(tmp_path / "out") == before
    run(graph, method="range", overwrite=True)
    assert files_of(tmp_path / "out") != before


def test_no_edges(tmp_path):
    none = pa.array([], pa.int64())
    assert_same(graph_of(tmp_path, NODES, {"a": none, "b": none}), tmp_path, method="fennel")


NOBODY = """
import os, sys
from pathlib import Path
from distgnn.exceptions import StorageError
from distgnn.partition.out_of_core.run import partition_tables
if os.geteuid() == 0:
    os.seteuid(65534)
try:
    partition_tables(Path(sys.argv[1]), Path(sys.argv[2], "out"), num_parts=1, method="hash",
                     memory_limit=1 << 30, progress=False)
except StorageError as error:
    print(error)
"""


@pytest.mark.multiprocess
def test_permission_denied():
    with tempfile.TemporaryDirectory() as name:  # pytest's own folders are closed to others
        folder, locked = Path(name), Path(name, "locked")
        folder.chmod(0o755)
        graph = graph_of(folder, NODES, EDGES)
        locked.mkdir(mode=0o555)
        words = [sys.executable, "-c", NOBODY, str(graph), str(locked)]
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "Permission denied" in done.stdout
        assert "Choose a folder that you may write to" in done.stdout
        assert not list(locked.iterdir())


def test_no_nodes(tmp_path):
    empty = pa.array([], pa.int64())
    graph = graph_of(tmp_path, {"id": empty}, {"a": empty, "b": empty})
    refused(graph, DistgnnError, "into 2 parts|has no nodes")


LIMITED = """
import resource, sys
from pathlib import Path
from distgnn.exceptions import StorageError
from distgnn.partition.out_of_core.run import partition_tables
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
graph = Path(sys.argv[1])
arguments = dict(num_parts=1, method="fennel", memory_limit=1 << 30, progress=False)
try:
    partition_tables(graph, graph.parent / "out", **arguments)
    print("done")
except StorageError as error:
    print(error)
    assert not (graph.parent / "out").exists()
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY,) * 2)
    can_resume = "--resume" in str(error)
    partition_tables(graph, graph.parent / "out", **arguments, resume=can_resume)
    print("resumed" if can_resume else "done")
"""


@pytest.mark.multiprocess
@pytest.mark.parametrize("limit", [100, 1200, 2200, 3500])
def test_a_disk_that_fills_up_at_any_stage(limit, tmp_path):
    graph = graph_of(tmp_path, NODES, EDGES)
    words = [sys.executable, "-c", LIMITED, str(graph), str(limit)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert done.returncode == 0, done.stderr
    assert "Raise the limit on file sizes" in done.stdout or limit > 3000
    if 100 < limit < 3000:
        assert "go on with --resume" in done.stdout
        assert done.stdout.rstrip().endswith("resumed")
    assert (tmp_path / "out" / "graph.json").exists()
    assert not [p for p in tmp_path.iterdir() if p.name.startswith(".")]
