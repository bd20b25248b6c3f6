"""Many small graphs: written, opened, batched under a budget."""

import dataclasses
import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from distgnn.exceptions import (
    ArgumentError,
    OutputExistsError,
    ShardCorruptError,
    ShardError,
    ShardVersionError,
)
from distgnn.loader import GraphLoader
from distgnn.shards import GraphArrays, GraphSet, write_graphs


def molecules(num_graphs=50, seed=0):
    rng = np.random.default_rng(seed)
    num_nodes = rng.integers(1, 12, num_graphs)
    num_edges = np.where(num_nodes > 1, rng.integers(0, 20, num_graphs), 0)
    size = np.repeat(num_nodes, num_edges)
    total, edges = num_nodes.sum(), num_edges.sum()
    return GraphArrays(
        num_nodes=num_nodes,
        num_edges=num_edges,
        src=(rng.random(edges) * size).astype(np.int64),
        dst=(rng.random(edges) * size).astype(np.int64),
        z=rng.integers(1, 9, total),
        pos=rng.normal(size=(total, 3)).astype(np.float32),
        x=rng.normal(size=(total, 4)).astype(np.float32),
        edge_attr=rng.normal(size=(edges, 2)).astype(np.float32),
        y=np.arange(num_graphs, dtype=np.float32)[:, None],
        split=rng.integers(-1, 3, num_graphs).astype(np.int8),
    )


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("graphs")
    return {parts: write_graphs(molecules(), folder / str(parts), name="mine", num_parts=parts)
            for parts in (1, 3, 8)}  # fmt: skip


def content(batch):
    return [None if (v := getattr(batch, f.name)) is None else v.tolist()
            for f in dataclasses.fields(batch)]  # fmt: skip


def test_a_batch_written_out(tmp_path):
    arrays = GraphArrays(
        num_nodes=np.array([2, 1, 3]),
        num_edges=np.array([2, 0, 1]),
        src=np.array([0, 1, 2]),
        dst=np.array([1, 0, 0]),
        z=np.array([6, 8, 1, 7, 7, 7]),
        y=np.array([[0.5], [1.5], [2.5]], np.float32),
    )
    graphs = write_graphs(arrays, tmp_path / "set", name="three", num_parts=2)
    batch = next(GraphLoader(graphs, np.array([2, 0]), max_graphs=2).epoch(0))
    assert batch.num_graphs == 2
    assert batch.index.tolist() == [0, 2]
    assert batch.ptr.tolist() == [0, 2, 5]
    assert batch.batch.tolist() == [0, 0, 1, 1, 1]
    assert batch.edge_index.tolist() == [[0, 1, 4], [1, 0, 2]]
    assert batch.z.tolist() == [6, 8, 7, 7, 7]
    assert batch.y.tolist() == [[0.5], [2.5]]
    assert batch.x is batch.pos is batch.edge_attr is None
    assert content(batch.to("cpu")) == content(batch)


def test_what_was_written_comes_back(sets):
    raw = molecules()
    for graphs in sets.values():
        assert (len(graphs), graphs.name) == (50, "mine")
        assert graphs.dims["x"] == 4
        found = graphs.gather(np.arange(50))
        for field in dataclasses.fields(raw):
            assert np.array_equal(getattr(found, field.name), getattr(raw, field.name)), field.name
        assert np.array_equal(graphs.split(1), np.flatnonzero(raw.split == 1))
        graphs.verify()


@settings(max_examples=40, deadline=None)
@given(
    max_graphs=st.none() | st.integers(1, 60),
    max_nodes=st.none() | st.integers(11, 400),
    max_edges=st.none() | st.integers(19, 700),
    shuffle=st.booleans(),
)
def test_every_graph_once_and_no_batch_beyond_its_budget(
    sets, max_graphs, max_nodes, max_edges, shuffle
):
    budgets = {"max_graphs": max_graphs, "max_nodes": max_nodes, "max_edges": max_edges}
    if not any(budgets.values()):
        return
    loader = GraphLoader(sets[3], **budgets, shuffle=shuffle)
    batches = list(loader.epoch(2))
    assert len(batches) == loader.num_batches(2)
    assert sorted(torch.cat([batch.index for batch in batches]).tolist()) == list(range(50))
    for batch, after in zip(batches, [*batches[1:], None], strict=True):
        used = [batch.num_graphs, batch.batch.numel(), batch.edge_index.size(1)]
        assert all(
            most is None or u <= most for u, most in zip(used, budgets.values(), strict=True)
        )
        if after is not None:  # the next graph would not have fitted
            first = int(after.index[0])
            more = [1, int(sets[3].num_nodes[first]), int(sets[3].num_edges[first])]
            full = zip(used, more, budgets.values(), strict=True)
            assert any(most is not None and u + m > most for u, m, most in full)


@pytest.mark.parametrize("parts", [3, 8])
def test_batches_do_not_depend_on_parts_or_threads_and_go_on_anywhere(sets, parts):
    def batches(graphs, start=0, **options):
        numbers = np.arange(5, 45)[::-1].copy()
        loader = GraphLoader(graphs, numbers, max_nodes=40, shuffle=True, seed=3, **options)
        return [[content(b) for b in loader.epoch(epoch, start)] for epoch in (0, 1)]

    expected = batches(sets[1])
    assert expected[0] != expected[1]
    assert batches(sets[parts], num_threads=2) == expected
    assert batches(sets[parts], start=4) == [epoch[4:] for epoch in expected]


BAD_LOADERS = {
    "no budget": ({}, "give a budget"),
    "small": ({"max_nodes": 10}, r"max_nodes = 10, but graph \d+ alone has 11"),
    "few edges": ({"max_edges": 3}, "max_edges = 3, but graph"),
    "zero": ({"max_graphs": 0}, "max_graphs must be"),
    "range": ({"max_graphs": 1, "numbers": np.array([50])}, "one of the 50 graphs"),
    "twice": ({"max_graphs": 1, "numbers": np.array([1, 1])}, "none given twice"),
    "none": ({"max_graphs": 1, "numbers": np.empty(0, np.int64)}, "n at least 1"),
    "type": ({"max_graphs": 1, "numbers": np.array([0.5])}, "must be int64"),
    "seed": ({"max_graphs": 1, "seed": -1}, "seed must be"),
}


@pytest.mark.parametrize("name", BAD_LOADERS)
def test_bad_budgets_and_numbers(sets, name):
    options, message = BAD_LOADERS[name]
    with pytest.raises(ArgumentError, match=message):
        GraphLoader(sets[1], **options)


def replaced(**changes):
    return dataclasses.replace(molecules(), **changes)


BAD_ARRAYS = {
    "short": (lambda: replaced(x=np.zeros((3, 4), np.float32)), "x has 3 rows"),
    "targets": (lambda: replaced(y=np.zeros((3, 1), np.float32)), "y has 3 rows, but 50"),
    "edge": (lambda: replaced(dst=molecules().dst + 100), "an edge of graph .* names node"),
    "negative": (lambda: replaced(src=molecules().src - 50), "names node -"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_do_not_fit(tmp_path, name):
    make, message = BAD_ARRAYS[name]
    with pytest.raises(ArgumentError, match=message):
        write_graphs(make(), tmp_path / "set", name="bad")
    assert not list(tmp_path.iterdir())


def test_parts_and_existing_sets(tmp_path):
    with pytest.raises(ArgumentError, match="num_parts = 51"):
        write_graphs(molecules(), tmp_path / "set", name="m", num_parts=51)
    write_graphs(molecules(), tmp_path / "set", name="m")
    with pytest.raises(OutputExistsError, match="exists already"):
        write_graphs(molecules(), tmp_path / "set", name="m")
    assert write_graphs(molecules(9), tmp_path / "set", name="m", overwrite=True).num_graphs == 9


def test_damaged_sets(tmp_path):
    path = tmp_path / "set"
    with pytest.raises(ShardError, match="no set of graphs"):
        GraphSet.open(path)
    graphs = write_graphs(replaced(split=None), path, name="m", num_parts=2)
    with pytest.raises(ArgumentError, match="no split"):
        graphs.split(0)
    with pytest.raises(ArgumentError, match="not all below 50"):
        graphs.gather(np.array([50]))
    file = path / "part-00001" / "graphs.arrow"
    whole = file.read_bytes()
    file.write_bytes(whole[:-8])
    with pytest.raises(ShardCorruptError, match="cut off"):
        GraphSet.open(path)
    file.write_bytes(whole[:2000] + b"\xff" + whole[2001:])
    with pytest.raises(ShardCorruptError, match="not what was written"):
        GraphSet.open(path).verify()
    file.unlink()
    with pytest.raises(ShardError, match="missing"):
        GraphSet.open(path)
    manifest = json.loads((path / "graphs.json").read_text())
    (path / "graphs.json").write_text(json.dumps(manifest | {"version": 99}))
    with pytest.raises(ShardVersionError, match="format 99"):
        GraphSet.open(path)
