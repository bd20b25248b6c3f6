import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from distgnn.exceptions import CheckpointError, OutputExistsError
from distgnn.partition.pipeline import partition_graph
from distgnn.predict.predict import predict
from distgnn.tables.raw_graph import RawGraph
from distgnn.train.checkpoint import read_checkpoint
from distgnn.train.store import CheckpointStore
from tests.train.models import TinySAGE
from tests.train.runs import run


@pytest.fixture
def config(make_config):
    config = make_config(evaluation={"fanouts": [-1, -1]})
    run(config)
    return config


def full_graph_probabilities(raw, checkpoint):
    """What the model says of every row, computed on the whole graph at once."""
    model = TinySAGE(8, 16, 3)
    model.load_state_dict(read_checkpoint(checkpoint).model)
    model.eval()
    nodes, edges = raw.nodes["node"], raw.edges[("node", "to", "node")]
    x = torch.from_numpy(np.stack(nodes["x"].to_numpy()))
    src, dst = (torch.from_numpy(edges[name].to_numpy().copy()) for name in ("src", "dst"))

    def with_mean(values):
        total = torch.zeros_like(values).index_add(0, dst, values[src])
        counts = torch.bincount(dst, minlength=len(values)).clamp(min=1)[:, None]
        return torch.cat([values, total / counts], dim=1)

    with torch.no_grad():
        hidden = model.norm(model.first(with_mean(x))).relu()
        return model.second(with_mean(hidden)).softmax(1)


def test_every_node_once_in_raw_order_with_its_id(config, raw_graph, tmp_path):
    report = predict(config.run_dir, None, tmp_path / "all.parquet", progress=False)
    table = pq.read_table(tmp_path / "all.parquet")
    assert report.num_rows == table.num_rows == 600
    assert table["id"].to_pylist() == raw_graph.nodes["node"]["id"].to_pylist()
    expected = full_graph_probabilities(raw_graph, report.checkpoint)
    np.testing.assert_allclose(
        np.stack(table["probability"].to_numpy()), expected, rtol=1e-4, atol=1e-5
    )
    assert table["prediction"].to_pylist() == expected.argmax(1).tolist()


def test_string_ids_come_back(raw_graph, make_config, tmp_path):
    nodes = raw_graph.nodes["node"]
    names = pa.array([f"node {row * 7 % 600} ü" for row in range(600)])
    named = RawGraph(
        schema=raw_graph.schema,
        nodes={"node": nodes.set_column(nodes.column_names.index("id"), "id", names)},
        edges=raw_graph.edges,
        name="named",
    )
    partition_graph(named, tmp_path / "named", num_parts=3, method="hash", progress=False)
    config = make_config(graph=str(tmp_path / "named"), train={"epochs": 1})
    run(config)
    predict(config.run_dir, None, tmp_path / "p.parquet", split="test", progress=False)
    is_test = nodes["split"].to_numpy() == 2
    table = pq.read_table(tmp_path / "p.parquet")
    assert table["id"].to_pylist() == names.filter(pa.array(is_test)).to_pylist()


def test_result_does_not_depend_on_the_partitioning(config, other_partition_dir, tmp_path):
    for name, graph in [("a", None), ("b", other_partition_dir)]:
        predict(config.run_dir, graph, tmp_path / name, fanouts=(3, 2), progress=False)
    assert pq.read_table(tmp_path / "a").equals(pq.read_table(tmp_path / "b"))


def test_top_k_and_a_single_checkpoint(config, tmp_path):
    path = CheckpointStore(config.run_dir / "checkpoints").paths()[0]
    report = predict(path, None, tmp_path / "p", top_k=2, batch_size=7, progress=False)
    assert report.checkpoint == path
    table = pq.read_table(tmp_path / "p")
    assert table.column_names == ["id", "top_class", "top_probability"]
    first = table.slice(0, 1).to_pylist()[0]
    assert len(first["top_class"]) == 2
    assert first["top_probability"][0] >= first["top_probability"][1]


def test_existing_output_is_kept(config, tmp_path):
    (tmp_path / "p").write_text("mine")
    with pytest.raises(OutputExistsError, match="exists already"):
        predict(config.run_dir, None, tmp_path / "p", progress=False)
    assert (tmp_path / "p").read_text() == "mine"


def test_another_graph_is_refused(config, foreign_graph_dir, tmp_path):
    with pytest.raises(CheckpointError, match="was made on graph 'mine'"):
        predict(config.run_dir, foreign_graph_dir, tmp_path / "p", progress=False)
    assert not (tmp_path / "p").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "vall"}, "split = 'vall': there is no such split; did you mean 'val'"),
        ({"top_k": 9}, "top_k = 9"),
        ({"fanouts": (3,)}, "evaluation.fanouts = (3,)"),
    ],
)
def test_bad_options_leave_nothing_behind(config, tmp_path, options, message):
    before = set(tmp_path.iterdir())
    with pytest.raises(Exception) as error:  # noqa: PT011 - two classes
        predict(config.run_dir, None, tmp_path / "p", progress=False, **options)
    assert message in str(error.value)
    assert error.value.exit_code == 2
    assert set(tmp_path.iterdir()) == before


def test_no_checkpoint(tmp_path):
    with pytest.raises(CheckpointError, match="holds no checkpoint"):
        predict(tmp_path, None, tmp_path / "p", progress=False)


LIMITED = """
import resource, sys
from pathlib import Path
from distgnn.exceptions import StorageError
from distgnn.predict.predict import predict
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
try:
    predict(Path(sys.argv[1]), None, Path(sys.argv[2]), progress=False)
except StorageError as error:
    print(error)
    sys.exit(7)
"""


@pytest.mark.multiprocess
def test_full_disk_leaves_nothing_behind(config, tmp_path):
    out = tmp_path / "out" / "p.parquet"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(config.run_dir), str(out)],
        capture_output=True, text=True, timeout=100, check=False,
    )  # fmt: skip
    assert done.returncode == 7, done.stderr
    assert "could not be written" in done.stdout
    assert list(out.parent.iterdir()) == []
