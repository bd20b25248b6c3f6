import dataclasses
import logging

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from distgnn.exceptions import ConfigError, GraphDataError
from distgnn.partition.pipeline import partition_graph
from distgnn.predict.predict import predict
from distgnn.shards.reader import ShardedGraph
from distgnn.tables import EdgeArrays, NodeArrays, from_arrays
from distgnn.tasks import make_task
from distgnn.tasks.node_classification import NodeClassification
from distgnn.tasks.task import LoaderSettings
from distgnn.testing.graphs import papers, scholars
from distgnn.train.config_file import config_from_dict
from distgnn.train.run import train

RNG = np.random.default_rng(0)
N = 200


@pytest.fixture
def graph(tmp_path):
    return papers().write(tmp_path / "graph")


def test_sizes_follow_from_the_graph(graph):
    assert NodeClassification(graph).model_arguments() == {"in_channels": 2, "out_channels": 3}


def test_seeds_of_a_split_in_the_order_of_raw_rows(graph, caplog):
    task = NodeClassification(graph)
    # index of global ids: 0, 2, 5, 1, 3, 4; splits by row: 0, 0, 1, 2, -1, 0; row 4 unlabelled
    assert task.seeds("train").tolist() == [0, 3, 2]
    assert task.seeds("val").tolist() == [1]
    assert task.seeds("test").tolist() == [4]
    assert task.seeds(None, labelled=False).tolist() == [0, 3, 1, 4, 5, 2]
    with caplog.at_level(logging.INFO):
        assert task.seeds(None).tolist() == [0, 3, 1, 4, 2]
    assert "1 of 6 nodes (all) have no label" in caplog.text


def test_ids_of_seeds(graph):
    task = NodeClassification(graph)
    settings = LoaderSettings(fanouts=[2], batch_size=4, num_threads=0)
    batches = list(task.loader(task.seeds(None), settings, shuffle=False).epoch(0))
    assert [task.id_columns(batch)["id"].to_pylist() for batch in batches] == [
        [100, 101, 102, 103],
        [105],
    ]


def without(graph, **changes):
    """The graph as if its node type lacked something."""
    schema = graph.manifest.schema
    node = dataclasses.replace(schema.nodes[0], **changes)
    schema = dataclasses.replace(schema, nodes=(node,))
    return ShardedGraph(graph.path, dataclasses.replace(graph.manifest, schema=schema))


def test_what_the_graph_lacks_is_named(graph):
    with pytest.raises(GraphDataError, match=r"'paper' of graph 'papers' have no labels"):
        NodeClassification(without(graph, label=None))
    with pytest.raises(GraphDataError, match=r"'paper' of graph 'papers' have no features"):
        NodeClassification(without(graph, features=None)).model_arguments()


def test_the_labelled_type_is_found_or_asked_for(tmp_path):
    graph = scholars().write(tmp_path / "graph")
    assert NodeClassification(graph).node_type == "paper"
    with pytest.raises(GraphDataError, match=r"task.node_type = 'papers'.*mean 'paper'"):
        NodeClassification(graph, "papers")
    with pytest.raises(GraphDataError, match=r"'author' of graph 'scholars' have no labels"):
        NodeClassification(graph, "author")
    with pytest.raises(GraphDataError, match=r"'paper' of graph 'scholars' have no split"):
        NodeClassification(graph).seeds("train")


def test_unknown_task(graph):
    with pytest.raises(ConfigError, match=r"task.name = 'node_clasification'.*did you mean"):
        make_task("node_clasification", graph)


def halves():
    return np.repeat([0, 1, 2], [N // 2, N // 4, N // 4])[RNG.permutation(N)]


def trained(raw, tmp_path, **sections):
    partition_graph(raw, tmp_path / "graph", num_parts=2, method="hash", progress=False)
    data = {
        "graph": str(tmp_path / "graph"),
        "run_dir": str(tmp_path / "run"),
        "sampler": {"fanouts": [5]},
        "loader": {"batch_size": 20},
        "optimizer": {"lr": 0.05},
        "train": {"epochs": 15, "device": "cpu", "tune_malloc": False},
    }
    result = train(config_from_dict(data | sections, source="test"), progress=False)
    predict(result.run_dir, None, tmp_path / "p", progress=False)
    return result, pq.read_table(tmp_path / "p")


SMALL = {"target": "tests.train.models.TinySAGE", "hidden_channels": 16}


def random_edges(num_src, num_dst):
    return np.stack([RNG.integers(num_src, size=800), RNG.integers(num_dst, size=800)])


def test_several_labels_at_once(tmp_path):
    x = RNG.normal(size=(N, 6)).astype(np.float32)
    y = (x[:, :3] > 0).astype(np.int8)
    raw = from_arrays(
        NodeArrays(x=x, y=y, split=halves(), label_kind="multilabel"),
        EdgeArrays(index=random_edges(N, N)),
    )
    result, table = trained(raw, tmp_path, model=SMALL, sampler={"fanouts": [5, 5]})
    assert result.test["micro_f1"] > 0.8
    assert (np.stack(table["prediction"].to_numpy()) == y).mean() > 0.8
    assert pa.types.is_int8(table["prediction"].type.value_type)


def test_regression(tmp_path):
    x = RNG.normal(size=(N, 6)).astype(np.float32)
    y = x[:, 0] * 2 + x[:, 1]
    raw = from_arrays(
        NodeArrays(x=x, y=y.astype(np.float32), split=halves()),
        EdgeArrays(index=random_edges(N, N)),
    )
    result, table = trained(
        raw, tmp_path, model=SMALL, sampler={"fanouts": [5, 5]}, task={"name": "node_regression"}
    )
    assert result.best.metric == "rmse"
    assert result.test["r2"] > 0.7
    assert np.corrcoef(table["prediction"].to_numpy(), y)[0, 1] > 0.8


def test_several_node_types(tmp_path):
    """The class of a paper is what its authors like; papers know nothing of it themselves."""
    taste = RNG.integers(3, size=40)
    writes = np.stack([RNG.integers(40, size=N), np.arange(N)])
    raw = from_arrays(
        {
            "author": NodeArrays(x=np.eye(3, dtype=np.float32)[taste]),
            "paper": NodeArrays(
                x=RNG.normal(size=(N, 2)).astype(np.float32),
                y=taste[writes[0]],
                split=halves(),
                ids=[f"p{row}" for row in range(N)],
            ),
        },
        {
            ("author", "writes", "paper"): EdgeArrays(index=writes),
            ("paper", "cites", "paper"): EdgeArrays(index=random_edges(N, N)),
        },
    )
    result, table = trained(
        raw,
        tmp_path,
        model={"target": "tests.tasks.models.HeteroMean"},
        sampler={"fanouts": {"author__writes__paper": [2], "paper__cites__paper": [3]}},
    )
    assert result.test["accuracy"] > 0.9
    assert table["id"].to_pylist() == [f"p{row}" for row in range(N)]
