"""Layer by layer over shards: what the whole graph in memory gives, in bounded memory."""

import dataclasses
import errno

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from torch import nn

from distgnn.csc import CSC
from distgnn.exceptions import ArgumentError, StorageError
from distgnn.nn import GAT, GCN, GIN, PNA, EdgeCNN, GraphSAGE
from distgnn.partition.pipeline import partition_graph
from distgnn.predict import layerwise
from distgnn.predict.layerwise import layerwise_outputs
from distgnn.predict.predict import predict
from distgnn.shards import ShardedGraph
from distgnn.testing.graphs import papers, scholars
from tests.train.runs import run

MODELS = {
    "GraphSAGE": lambda: GraphSAGE(8, 16, 3, 4, norm="batch_norm"),
    "GCN": lambda: GCN(8, 16, 3, 4),
    "GCN without loops": lambda: GCN(8, 16, 2, 4, add_self_loops=False),
    "GCN without normalisation": lambda: GCN(8, 16, 2, 4, normalize=False),
    "GIN": lambda: GIN(8, 16, 2, 4),
    "GAT": lambda: GAT(8, 16, 2, 4, heads=2, jk="last"),
    "EdgeCNN": lambda: EdgeCNN(8, 16, 2, 4),
    "PNA": lambda: PNA(
        8, 16, 2, 4, aggregators=["mean", "max"], scalers=["identity"], deg=torch.ones(9)
    ),
}


def whole_graph(graph):
    """Return features by global id and the edges of the whole graph."""
    name, edge_type = graph.schema.node_types[0], graph.schema.edge_types[0]
    parts = [graph.edges(edge_type, part) for part in range(graph.num_parts)]
    counts = np.concatenate([np.diff(part.indptr) for part in parts])
    indptr = torch.from_numpy(np.r_[0, np.cumsum(counts)])
    indices = torch.from_numpy(np.concatenate([part.src for part in parts]))
    weight = None
    if parts[0].weight is not None:
        weight = torch.from_numpy(np.concatenate([part.weight for part in parts]))
    x = torch.from_numpy(graph.column(name, "x").astype(np.float32))
    return x, CSC(indptr, indices, len(x), weight)


@pytest.fixture(scope="module")
def graphs(raw_graph, tmp_path_factory):
    found = {}
    for parts in (1, 3):
        out = tmp_path_factory.mktemp("layerwise") / str(parts)
        partition_graph(raw_graph, out, num_parts=parts, method="hash", progress=False)
        found[parts] = ShardedGraph.open(out)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_equal_to_the_whole_graph_in_memory(graphs, name, tmp_path):
    torch.manual_seed(0)
    model = MODELS[name]().eval()
    for graph in graphs.values():
        with torch.inference_mode():
            expected = model(*whole_graph(graph)).numpy()
        for memory_bytes in (12_000, 1 << 26):  # many small blocks; a block a part
            options = {"memory_bytes": memory_bytes, "folder": tmp_path, "num_threads": 2}
            with layerwise_outputs(model, graph, **options) as outputs:
                np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("improved", [False, True])
def test_edge_weights_parallel_edges_and_loops(tmp_path, improved):
    graph = papers().write(tmp_path / "papers")
    model = GCN(2, 4, 3, 3, improved=improved).eval()
    with torch.inference_mode():
        expected = model(*whole_graph(graph)).numpy()
    with layerwise_outputs(model, graph, memory_bytes=400) as outputs:
        np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_blocks_fit_the_memory(graphs):
    blocks = layerwise._Blocks(graphs[3], num_threads=1)
    found = list(blocks.blocks(12_000, bytes_per_row=32))
    assert [block.begin for block in found[1:]] == [block.end for block in found[:-1]]
    assert (found[0].begin, found[-1].end) == (0, 600)
    assert len(found) > 20
    for block in found:
        edges = block.adj.num_edges
        assert len(block.n_id) * 32 + edges * 32 <= 12_000
        assert np.array_equal(block.n_id[: block.end - block.begin], range(block.begin, block.end))


def test_a_node_with_too_many_neighbours_is_named(graphs):
    with (
        pytest.raises(ArgumentError, match=r"in-neighbours.*memory_bytes = 100"),
        layerwise_outputs(MODELS["GIN"]().eval(), graphs[1], memory_bytes=100),
    ):
        pass


def test_a_full_disk_leaves_nothing_behind(graphs, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.posix_fallocate", full)
    with (
        pytest.raises(StorageError, match="no room for 38,400 bytes"),
        layerwise_outputs(MODELS["GIN"]().eval(), graphs[1], folder=tmp_path),
    ):
        pass
    assert not list(tmp_path.iterdir())


class OneForward(nn.Module):
    def forward(self, x, edge_index):
        return x


BAD = {
    "training": (lambda: GraphSAGE(8, 16, 2, 4), "call eval"),
    "jumping knowledge": (lambda: GraphSAGE(8, 16, 2, 4, jk="cat").eval(), "jk='cat'"),
    "norm": (lambda: GraphSAGE(8, 16, 2, 4, norm="pair_norm").eval(), "PairNorm of GraphSAGE"),
    "other model": (lambda: OneForward().eval(), "OneForward cannot be run layer by layer"),
}


@pytest.mark.parametrize("name", BAD)
def test_models_that_it_is_not_for(graphs, name):
    make, message = BAD[name]
    with pytest.raises(ArgumentError, match=message), layerwise_outputs(make(), graphs[1]):
        pass


def test_graphs_of_several_types(tmp_path):
    graph = scholars().write(tmp_path / "scholars")
    with (
        pytest.raises(ArgumentError, match="node types author, paper"),
        layerwise_outputs(MODELS["GIN"]().eval(), graph),
    ):
        pass


@pytest.fixture
def trained(make_config):
    config = make_config(evaluation={"fanouts": [-1, -1]})
    model = dataclasses.replace(config.model, target=None, name="GraphSAGE")
    config = dataclasses.replace(config, model=model)
    run(config)
    return config


def test_predictions_are_those_of_full_neighbourhoods(trained, tmp_path):
    tables = {}
    for layer_by_layer in (False, True):
        out = tmp_path / f"{layer_by_layer}.parquet"
        report = predict(trained.run_dir, None, out, layerwise=layer_by_layer, progress=False)
        assert report.num_rows == 600
        tables[layer_by_layer] = pq.read_table(out)
    assert tables[True]["id"].equals(tables[False]["id"])
    probability = [np.array(tables[way]["probability"].to_pylist()) for way in (False, True)]
    np.testing.assert_allclose(*probability, rtol=1e-4, atol=1e-6)
    assert [path.name for path in tmp_path.glob("distgnn-layers*")] == []


def test_layerwise_takes_no_fanouts(trained, tmp_path):
    with pytest.raises(ArgumentError, match="leave fanouts"):
        predict(trained.run_dir, None, tmp_path / "p.parquet", fanouts=(3, 3), layerwise=True)
