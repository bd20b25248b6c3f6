"""Graphs on an S3 server (moto's, in this process) and on fsspec's file system in memory."""

import logging
import shutil

import fsspec
import pyarrow as pa
import pyarrow.fs
import pytest

from distgnn.exceptions import OutputExistsError, ShardError, StorageError, TableError
from distgnn.partition.out_of_core.run import partition_tables
from distgnn.partition.pipeline import partition_graph
from distgnn.shards import ShardedGraph
from distgnn.shards.remote import local_graph, output_folder
from distgnn.tables import load_graph
from distgnn.tables.remote import as_url, fetch, list_files
from distgnn.testing.graphs import papers
from tests.partition.out_of_core.tables import files_of, scholar_tables


@pytest.fixture(scope="module")
def s3_server():
    """The address of a server without any bucket."""
    server = pytest.importorskip("moto.server").ThreadedMotoServer(port=0)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(params=["s3", "memory"])
def bucket(request, monkeypatch, tmp_path):
    """A URL below which files may be written, and a cache of its own."""
    monkeypatch.setenv("DISTGNN_CACHE", str(tmp_path / "cache"))
    if request.param == "memory":
        yield "memory://bucket"
        fsspec.filesystem("memory").store.clear()
        return
    server = request.getfixturevalue("s3_server")
    for name, value in {
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    system = pa.fs.S3FileSystem(
        endpoint_override=server,
        access_key="key",
        secret_key="secret",
        region="us-east-1",
        allow_bucket_creation=True,
        allow_bucket_deletion=True,
    )
    system.create_dir("bucket")
    yield "s3://bucket"
    system.delete_dir_contents("bucket")


def upload(folder, url):
    system, root = pa.fs.FileSystem.from_uri(url) if url.startswith("s3") else (None, "")
    for path in folder.rglob("*.parquet"):
        target = f"{url}/{path.relative_to(folder)}"
        if system is None:
            fsspec.filesystem("memory").pipe(target.removeprefix("memory:/"), path.read_bytes())
            continue
        with system.open_output_stream(f"{root}/{path.relative_to(folder)}") as sink:
            sink.write(path.read_bytes())


def test_a_graph_goes_there_and_comes_back(bucket, tmp_path):
    url = f"{bucket}/graphs/papers"
    partition_graph(papers().raw, tmp_path / "local", num_parts=2, progress=False)
    with output_folder(url, overwrite=False) as folder:
        partition_graph(papers().raw, folder, num_parts=2, progress=False)
    graph = ShardedGraph.open(url)
    assert graph.num_parts == 2
    assert files_of(graph.path) == files_of(tmp_path / "local")
    assert local_graph(url) == graph.path  # from the cache
    with (
        pytest.raises(OutputExistsError, match="exists already"),
        output_folder(url, overwrite=False),
    ):
        pass
    with output_folder(url, overwrite=True) as folder:
        partition_graph(papers().raw, folder, num_parts=3, progress=False)
    assert ShardedGraph.open(url).num_parts == 3


def test_nothing_is_uploaded_when_a_run_fails(bucket):
    with pytest.raises(RuntimeError), output_folder(f"{bucket}/graph", overwrite=False):
        raise RuntimeError
    with pytest.raises(ShardError, match="there is no graph at"):
        ShardedGraph.open(f"{bucket}/graph")


def test_tables_are_read_from_there(bucket, tmp_path):
    graph = scholar_tables(tmp_path / "here")
    upload(tmp_path / "here", bucket)
    there = tmp_path / "there" / "graph.toml"
    there.parent.mkdir()
    text = graph.read_text().replace('path = "', f'path = "{bucket}/')
    there.write_text(text.replace(f"{bucket}/cites", f"{bucket}/cites/*.parquet"))
    assert load_graph(there).fingerprint() == load_graph(graph).fingerprint()
    for name, toml in (("here", graph), ("there", there)):
        partition_tables(
            toml, tmp_path / f"{name}.out", num_parts=2, memory_limit=1 << 30, progress=False
        )
    assert files_of(tmp_path / "here.out") == files_of(tmp_path / "there.out")


def test_a_file_that_changed_is_fetched_again(tmp_path, monkeypatch):
    monkeypatch.setenv("DISTGNN_CACHE", str(tmp_path))
    store = fsspec.filesystem("memory")
    store.pipe("/a/x.csv", b"one")
    assert fetch("memory://a/x.csv").read_bytes() == b"one"
    store.pipe("/a/x.csv", b"three")
    assert fetch("memory://a/x.csv").read_bytes() == b"three"
    store.store.clear()


def test_what_is_not_there(bucket):
    with pytest.raises(TableError, match="there is no file"):
        fetch(f"{bucket}/none.parquet")
    assert list_files(f"{bucket}/none/*.parquet") == []


def test_a_server_that_does_not_answer(monkeypatch, tmp_path):
    monkeypatch.setenv("DISTGNN_CACHE", str(tmp_path))
    url = "s3://bucket/x?endpoint_override=127.0.0.1:9&scheme=http&region=a&allow_bucket_creation=0"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_RETRY_MODE", "standard")
    with pytest.raises(StorageError, match="cannot read or write s3://bucket"):
        fetch(url)


def test_an_unknown_kind_of_url():
    with pytest.raises(TableError, match="cannot be opened"):
        fetch("nonsense://a/b")


def test_urls_and_paths(tmp_path):
    assert as_url("s3://a/b") == "s3://a/b"
    assert as_url("s3:/a/b") == "s3://a/b"  # as Path("s3://a/b") prints
    assert as_url("a/b") is None
    assert as_url(tmp_path) is None
    shutil.rmtree(tmp_path)
